#!/usr/bin/env python3
"""What computing in bf16 costs on the small checkpoints of the reference set, against their double precision: errors of
logits and greedy tokens that are still the same, beside PyTorch's own errors in bf16, which the set knows of tiny-bf16.

    tools/get_peers.sh
    build/peers/bin/python tests/parity/bf16_parity.py build/release/magma [--fixtures FOLDER]

FOLDER: checkpoints/ and reference/; without it the part of the set in tests/fixtures/model. Every token is judged after the
true ones before it. Weights stored in f32 are rounded first. Exit 1 where an error is more than --factor times PyTorch's,
root mean square. SmolLM2-135M in bf16: smollm2_parity.py.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Score:
    """Differences of logits, and how many choices are the same."""

    def __init__(self):
        self.largest = self.squares = self.power = 0.0
        self.values = self.tokens = self.same = 0

    def add_logits(self, true, got):
        off = (true - got).double()
        self.largest = max(self.largest, off.abs().max().item())
        self.squares += off.square().sum().item()
        self.power += true.double().square().sum().item()
        self.values += off.numel()

    def add_choices(self, true, got):
        self.tokens += len(true)
        self.same += sum(a == b for a, b in zip(true, got, strict=True))

    @property
    def rms(self):
        return (self.squares / self.values) ** 0.5

    @property
    def share(self):
        return self.same / self.tokens

    def __str__(self):
        tokens = f"greedy tokens {self.same} of {self.tokens} ({100 * self.share:.1f} %) the same"
        if not self.values:
            return tokens
        relative = 100 * (self.squares / self.power) ** 0.5
        return f"{tokens}; logits off by {self.rms:.4f} root mean square ({relative:.2f} %), {self.largest:.3f} at most"


def rows_of(case):
    """(name, row of cases.json with its true answer appended, true tokens)"""
    for number, (row, answer) in enumerate(zip(case["rows"], case["greedy"]["rows"])):
        tokens = answer["tokens"][: answer["length"]]
        work = {"input_ids": row["input_ids"] + tokens[:-1], "pixels": row.get("pixels", []), "image_sizes": row.get("image_sizes", [])}
        yield f"{case['name']}.{number}", work, tokens


def choices(logits, greedy):
    """Best token of each place among those that the case allows."""
    if greedy["allowed_ids"]:
        first, last = greedy["allowed_ids"]
        return (logits[:, first : last + 1].argmax(-1) + first).tolist()
    if greedy["banned_ids"]:
        logits = logits.clone()
        logits[:, greedy["banned_ids"][0] : greedy["banned_ids"][1] + 1] = float("-inf")
    return logits.argmax(-1).tolist()


def compare(magma, fixtures, name, scratch):
    """Our score, and PyTorch's root mean square error of the same logits or None."""
    reference = fixtures / "reference" / name
    cases = [case for case in json.loads((reference / "cases.json").read_text())["cases"] if case.get("greedy")]
    work = [{"name": key, "strategy": case["strategy"], "rows": [row]} for case in cases for key, row, _ in rows_of(case)]
    (scratch / "work.json").write_text(json.dumps({"cases": work}))
    subprocess.run([magma, "logits", "--model", fixtures / "checkpoints" / name, "--cases", scratch / "work.json", "--pixels",
                    fixtures / "reference/pixels.safetensors", "--precision", "bf16", "-o", scratch], check=True, stdout=subprocess.DEVNULL)
    score, peers = Score(), []
    for case in cases:
        path = reference / f"{case['name']}.safetensors"
        true = load_file(path) if path.exists() else {}
        peers.append(case["tensors"].get("logits", {}).get("bf16_rms_error"))
        for number, (key, _, tokens) in enumerate(rows_of(case)):
            got = load_file(scratch / f"{key}.safetensors")["logits"][0, -len(tokens):]
            score.add_choices(tokens, choices(got, case["greedy"]))
            if "greedy_logits" in true:
                score.add_logits(true["greedy_logits"][number, : len(tokens)], got)
    peers = [error for error in peers if error]
    return score, sum(peers) / len(peers) if peers else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("magma")
    parser.add_argument("--fixtures", type=pathlib.Path, default=ROOT / "tests/fixtures/model")
    parser.add_argument("--factor", type=float, default=1.5)
    options = parser.parse_args()
    bad, held = [], 0
    for path in sorted(options.fixtures.glob("reference/*/cases.json")):
        name = path.parent.name
        with tempfile.TemporaryDirectory() as folder:
            score, peer = compare(options.magma, options.fixtures, name, pathlib.Path(folder))
        print(f"{name}: {score}" + (f"; PyTorch in bf16 by {peer:.4f}" if peer else ""), flush=True)
        held += peer is not None and score.values > 0
        if score.values and peer and score.rms > options.factor * peer:
            bad.append(f"{name}: more than {options.factor} times as far off as PyTorch")
    print("\n".join(bad) or f"{held} held to PyTorch's error")
    return 1 if bad or not held else 0


if __name__ == "__main__":
    sys.exit(main())
