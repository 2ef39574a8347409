#!/usr/bin/env python3
"""Compares what `magma data show --raw` prints with what TensorFlow and TFDS read, for data sets they write.

    python3 -m venv venv && venv/bin/pip install tensorflow-cpu==2.21.0 tensorflow-datasets==4.9.10 numpy==2.4.6
    cmake --build build/release --target rlds_writer_program
    venv/bin/python tests/parity/rlds_parity.py build/release/magma [--episodes 12] [--seed 1]
        [--writer build/release/rlds_writer_program]

With --writer also that TFDS reads what RldsWriter writes.

Prints what was compared; exit 1 when anything differs.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import rlds_corpora as corpora
import numpy as np


class Comparison:
    def __init__(self, program):
        self.program = program
        self.counts = {"episodes": 0, "features": 0, "numbers": 0, "records": 0}
        self.differences = []

    def show(self, source, *options):
        command = [self.program, "data", "show", str(source), "--raw", "--json", *options]
        run = subprocess.run(command, capture_output=True)
        if run.returncode != 0:
            self.differences.append(f"{source}: exit {run.returncode}: {run.stderr.decode()}")
        return [json.loads(line) for line in run.stdout.decode().splitlines()]

    def same(self, what, got, expected):
        if got != expected:
            self.differences.append(f"{what}: got {str(got)[:300]}, expected {str(expected)[:300]}")

    def numbers(self, what, data, expected):
        """Spelled-out numbers are those that were stored, after rounding to the dtype."""
        flat = [data]
        while flat and isinstance(flat[0], list):
            flat = [value for row in flat for value in row]
        flat = [value for value in flat if not isinstance(value, list)]
        if expected.dtype.kind in "iu":
            got = np.array(flat, dtype=expected.dtype)
        else:
            got = np.array([float(value) for value in flat], dtype=np.float64).astype(expected.dtype)
        self.same(what, got.shape, expected.shape)
        if got.shape == expected.shape:
            equal = (got == expected) | ((got != got) & (expected != expected))
            self.same(what, bool(equal.all()), True)
        self.counts["numbers"] += len(flat)

    def episodes(self, folder):
        got = self.show(folder, "--elements", "all")
        expected = corpora.expected_episodes(folder, with_numbers=True)
        self.same(f"{folder}: episodes", len(got), len(expected))
        for line, (wanted, numbers) in zip(got, expected):
            where = f"{folder.parent.name} {wanted['split']} {wanted['episode']}"
            self.same(where, sorted(line["features"]), sorted(wanted["features"]))
            for key, value in line["features"].items():
                if numbers.get(key) is not None:
                    self.numbers(f"{where} {key}", value.pop("data"), numbers[key])
                self.same(f"{where} {key}", value, wanted["features"].get(key))
                self.counts["features"] += 1
            for member in ("origin", "split", "episode", "steps"):
                self.same(f"{where} {member}", line[member], wanted[member])
            self.counts["episodes"] += 1
        split = expected[0][0]["split"]
        part = self.show(folder, "--split", split, "--from", "1", "--count", "2")
        wanted = [line["origin"] for line, _ in expected if line["split"] == split][1:3]
        self.same(f"{folder}: part", [line["origin"] for line in part], wanted)

    def records(self, path, wrapper):
        got, expected = self.show(path), corpora.expected_records(path, wrapper)
        self.same(path.name, len(got), len(expected))
        for line, wanted in zip(got, expected):
            self.same(f"{path.name} {wanted['origin']['record']}", line, wanted)
            self.counts["records"] += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--episodes", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--writer")
    options = parser.parse_args()
    comparison = Comparison(options.program)
    with tempfile.TemporaryDirectory() as name:
        root = pathlib.Path(name)
        splits = {"train": options.episodes, "val": 3, "test": 4}
        comparison.episodes(corpora.write_all_kinds(root, "all_kinds", splits, shards=3, seed=options.seed))
        comparison.episodes(corpora.write_all_kinds(root, "one_shard", {"train": 2}, side=40, seed=options.seed + 9))
        if options.writer:
            subprocess.run([options.writer, str(root)], check=True)
            comparison.episodes(root / "written" / "1.0.0")
        for wrapper in ("", "GZIP", "ZLIB"):
            path = root / f"records{wrapper.lower()}.tfrecord-00000-of-00001"
            corpora.write_records(path, corpora.example_records(options.seed, 40 * options.episodes), wrapper)
            comparison.records(path, wrapper)
            empty = root / f"empty{wrapper.lower()}.tfrecord"
            corpora.write_records(empty, [], wrapper)
            comparison.records(empty, wrapper)
    for difference in comparison.differences[:30]:
        print("DIFFERENT", difference)
    print(", ".join(f"{count} {what}" for what, count in comparison.counts.items()),
          f"compared, {len(comparison.differences)} differences")
    return 1 if comparison.differences or not comparison.counts["episodes"] else 0


if __name__ == "__main__":
    sys.exit(main())
