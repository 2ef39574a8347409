#!/usr/bin/env python3
"""Writes track_file_python.safetensors: a track file as another program would write it (numpy, safetensors 0.5)."""
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

T, N = 3, 10
tracks = (np.arange(T * N * 2).reshape(T, N, 2) * 5 - 40).astype(np.int16)
visible = np.packbits((np.arange(T * N).reshape(T, N) % 3 == 0).astype(np.uint8), axis=1, bitorder="little")
save_file(
    {"clip/tracks": tracks, "clip/visible": visible, "clip/extra": np.zeros(4, np.float32)},
    Path(__file__).parent / "track_file_python.safetensors",
    metadata={"track_w": "640", "track_h": "360"},
)
