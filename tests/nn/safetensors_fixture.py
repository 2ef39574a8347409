"""Makes python.safetensors beside this file with the reference package: pip install safetensors numpy."""
import pathlib

import numpy
from safetensors.numpy import save_file

TENSORS = {
    "f32": numpy.array([[1.5, -2.25, 3.0], [0.0, 1e-3, 7e8]], numpy.float32),
    "f64": numpy.array([0.1], numpy.float64),
    "i16": numpy.array([-32768, 32767, 5], numpy.int16),
    "i64": numpy.array(-9, numpy.int64),
    "u8": numpy.arange(5, dtype=numpy.uint8),
    "bool": numpy.array([True, False]),
    "empty": numpy.zeros((0, 4), numpy.float32),
}
save_file(TENSORS, pathlib.Path(__file__).parent / "python.safetensors", metadata={"made": "by Python", "é": "ü"})
