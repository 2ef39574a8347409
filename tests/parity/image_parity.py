#!/usr/bin/env python3
"""Compares the image processor with torch on random pictures.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 numpy
    cmake --build build/release --target image_crops
    venv/bin/python tests/parity/image_parity.py build/release/image_crops [--count 300] [--seed 1]

Prints the largest difference; exit 1 when a grid differs or a value is off by more than the tolerance.
"""
import argparse
import random
import subprocess
import sys
import time

import numpy as np
import torch

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def choose_grid(w, h, crops, base):
    best, kept, waste = None, 0, float("inf")
    for i in range(1, crops + 1):
        for j in range(1, crops // i + 1):
            W, H = i * base, j * base
            scale = min(W / w, H / h)
            effective = min(int(w * scale) * int(h * scale), w * h)
            if effective > kept or (effective == kept and W * H - effective < waste):
                best, kept, waste = (j, i), effective, W * H - effective
    return best


def reference(picture, base, grid):
    x = torch.from_numpy(picture).permute(2, 0, 1).float() / 255
    x = (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    rows, cols = grid
    x = torch.nn.functional.interpolate(x[None], size=(rows * base, cols * base), mode="bilinear", align_corners=False)[0]
    return x.view(3, rows, base, cols, base).permute(1, 3, 0, 2, 4).reshape(rows * cols, 3, base, base).numpy()


def side(r):
    kind = r.random()
    return r.randint(1, 40) if kind < 0.15 else r.randint(1, 700) if kind < 0.75 else r.randint(700, 3000)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--count", type=int, default=300)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--tolerance", type=float, default=4e-6)
    args = options.parse_args()
    torch.set_num_threads(1)
    r, numbers = random.Random(args.seed), np.random.default_rng(args.seed)
    largest, where, bad, values, ours, theirs = 0.0, None, 0, 0, 0.0, 0.0
    with subprocess.Popen([args.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        for _ in range(args.count):
            w, h, crops, base = side(r), side(r), r.choice([1, 2, 3, 4, 6, 9]), r.choice([32, 64, 224, 256, 512])
            picture = numbers.integers(0, 256, (h, w, 3), dtype=np.uint8)
            program.stdin.write(np.array([w, h, crops, base], np.int64).tobytes() + picture.tobytes())
            start = time.perf_counter()
            program.stdin.flush()
            rows, cols = np.frombuffer(program.stdout.read(16), np.int64)
            got = np.frombuffer(program.stdout.read(rows * cols * 3 * base * base * 4), np.float32)
            ours, start = ours + time.perf_counter() - start, time.perf_counter()
            grid = choose_grid(w, h, crops, base)
            wanted = reference(picture, base, grid)
            theirs += time.perf_counter() - start
            if (rows, cols) != grid:
                print(f"{w}x{h}, {crops} crops of {base}: grid {rows}x{cols}, reference {grid[0]}x{grid[1]}")
                bad += 1
                continue
            off = float(np.abs(got.reshape(wanted.shape) - wanted).max())
            values += got.size
            if off > largest:
                largest, where = off, (w, h, crops, base)
            bad += off > args.tolerance
        program.stdin.close()
    print(f"{args.count} pictures, {values} values: largest difference {largest:.3g} at (w, h, crops, base) {where}; {bad} beyond "
          f"{args.tolerance}; {ours:.1f} s here with pipes, {theirs:.1f} s torch, one thread each")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
