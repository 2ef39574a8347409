"""compare.py DIGESTS FILE.gguf: every tensor against gguf.quants, as f32 and bf16; exits 1 on any difference."""
import hashlib
import subprocess
import sys

import numpy as np
from gguf import GGMLQuantizationType, GGUFReader, quants

program, path = sys.argv[1:]
lines = subprocess.run([program, path], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
ours = {name: rest for name, *rest in map(str.split, lines)}
theirs = {}
for tensor in GGUFReader(path).tensors:
    values = np.ascontiguousarray(quants.dequantize(tensor.data, tensor.tensor_type), np.float32)
    rounded = quants.quantize(values, GGMLQuantizationType.BF16)
    shape = "x".join(str(side) for side in reversed(tensor.shape.tolist()))
    theirs[tensor.name] = [shape, *(hashlib.sha1(data.tobytes()).hexdigest() for data in (values, rounded))]
different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
print(f"{len(theirs)} tensors, {len(different)} differ", *different[:10])
sys.exit(bool(different))
