#!/usr/bin/env python3
"""What quantised weights cost: perplexity, KL of the next token's distribution and best token beside f32, and llama.cpp's formats.

    tools/get_llama_cpp.sh && tools/get_smollm2.sh
    build/peers-llama/bin/python bench/quantised_quality.py [--bases smollm2 turned random] [--windows 8] [--length 512]
                                                            [--formats "int8=--to int8" "int4 64=--to int4 --group 64"]

Needs build/release/magma with `magma quantize` (--formats alone: without it, no format of magma's own). One text, cut into windows
that are judged each alone at all places; every row in the same run against the same logits, those of magma in f32 (those of
llama.cpp in f32 are a row as well, and show how far two programs on the same weights are from each other). `magma FILE` is
the GGUF file of llama.cpp in magma. Prints tables and leaves build/bench/quantised_quality.json.

Bases, each as one f32 GGUF file for llama.cpp and a model folder with the same values for `magma quantize`:
smollm2   SmolLM2-135M-Instruct, dequantised. Its file is Q4_1 with the embedding in Q8_0, so every block of 32 already lies
          on a grid of 16 values with an offset: Q4_1, and int4 in groups of 32 with an offset, can give it back exactly, and
          their rows say nothing about other weights. Formats on another grid (Q4_0, Q4_K, int4 without offset or in larger
          groups) and int8 are judged on it as on any weights, but for the errors that the first quantisation made already.
          576 columns are no multiple of 256, so llama.cpp takes Q5_0 for Q4_K in most matrices (see `types`).
turned    the same function on other weights: its residual stream turned by a random orthogonal matrix (bench/peers/gguf_files.py).
          Real perplexity and no weight on a grid; but turning spreads outliers, so weights are closer to a normal distribution
          than those of training.
random    normal weights of `magma init`, 512 wide, Q4_K in every matrix. Says how far a format moves the function of weights
          without outliers; perplexity and best tokens say little there, since its distribution is all but flat.

Bits: bytes of the matrices in the file (of magma: of all its tensors) * 8 / their values in f32. kl: mean in nats;
kl99: its 99th part in a hundred over the places; best: share of places where the best token is that of f32.
"""
import argparse
import collections
import json
import pathlib
import shlex
import shutil
import subprocess

import numpy as np
from gguf import GGUFReader

import model as network
import quantised as speed

ROOT, WORK, MAGMA, LLAMA, PEERS = speed.ROOT, speed.WORK / "quality", speed.MAGMA, speed.LLAMA, speed.PEERS
RANDOM = network.text(512, 2048, 8, 8, 4, 49152, True)
LLAMA_FORMATS = {"Q8_0": ["Q8_0"], "Q4_0": ["Q4_0"], "Q4_0 pure": ["Q4_0", "--pure"], "Q4_1": ["Q4_1"], "Q4_1 pure": ["Q4_1", "--pure"],
                 "Q4_K_M": ["Q4_K_M"], "Q4_K pure": ["Q4_K_S", "--pure"]}
OUR_FORMATS = ["int8=--to int8", "int8 128=--to int8 --group 128", "int4=--to int4", "int4 offset=--to int4 --offset", "int4 64=--to int4 --group 64",
               "int4 128=--to int4 --group 128", "int4 same=--to int4 --sensitive same", "int4 offset same=--to int4 --offset --sensitive same"]
OUR_FILES = ["Q8_0", "Q4_0", "Q4_1", "Q4_K_M"]
OUR_BLOCKS = {"Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K"}  # computed as they are




def log_softmax(logits):
    """In f32, sums in f64: errors of 1e-6 that do not grow with the vocabulary."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True, dtype=np.float64)).astype(np.float32)


class Judge:
    """Logits against those of the base, one window at a time."""

    def __init__(self, base, ids):
        self.ids = ids
        self.logs = [log_softmax(logits) for logits in base]
        self.loss = float(np.mean([self.losses(log, row) for log, row in zip(self.logs, ids)]))

    @staticmethod
    def losses(log, row):
        return -log[np.arange(len(row) - 1), row[1:]].astype(np.float64)

    def row(self, candidate):
        kl, same, losses = [], [], []
        for log, ids, logits in zip(self.logs, self.ids, candidate, strict=True):
            other = log_softmax(logits)
            kl.append((np.exp(log) * (log - other)).sum(axis=1, dtype=np.float64))
            same.append(log.argmax(1) == other.argmax(1))
            losses.append(self.losses(other, ids))
        kl = np.concatenate(kl)
        return {"perplexity_ratio": float(np.exp(np.mean(losses) - self.loss)), "kl": float(kl.mean()), "kl99": float(np.quantile(kl, 0.99)),
                "best": float(np.concatenate(same).mean())}


def stored_logits(path):
    """The logits of one case of `magma logits`."""
    data = np.memmap(path, mode="r")
    size = int(data[:8].view("<u8")[0])
    entry = json.loads(bytes(data[8:8 + size]))["logits"]
    first, last = entry["data_offsets"]
    return data[8 + size + first:8 + size + last].view("<f4").reshape(entry["shape"])[0]


def our_logits(model, ids, options, *more):
    """Yields [L, V] of each window; the files go when they are read."""
    scratch = WORK / "logits"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    cases = scratch / "cases.json"
    cases.write_text(json.dumps({"cases": [{"name": str(w), "rows": [{"input_ids": row.tolist()}]} for w, row in enumerate(ids)]}))
    speed.run(MAGMA, "logits", "--model", model, "--cases", cases, "--threads", options.threads, "-o", scratch, *more)
    for window in range(len(ids)):
        yield stored_logits(scratch / f"{window}.safetensors")
    shutil.rmtree(scratch)


def their_logits(model, ids, options, *more):
    rows, out = WORK / "ids.npy", WORK / "llama.npy"
    np.save(rows, ids)
    speed.run(LLAMA, PEERS / "llama_peer.py", "logits", model, rows, out, "--threads", options.threads, *more)
    yield from np.load(out, mmap_mode="r")
    out.unlink()


def matrices(path):
    """Values and bytes of the matrices of a GGUF file, and the share of the values in each format."""
    values, total, types = 0, 0, collections.Counter()
    for tensor in GGUFReader(path).tensors:
        if len(tensor.shape) > 1:
            values, total = values + int(tensor.n_elements), total + int(tensor.n_bytes)
            types[tensor.tensor_type.name] += int(tensor.n_elements)
    return values, total, " ".join(f"{name} {share / values:.0%}" for name, share in types.most_common())


def folder_bytes(folder):
    return sum(path.stat().st_size for path in pathlib.Path(folder).glob("*.safetensors"))


def base_file(base):
    """The f32 GGUF file of a base."""
    path = WORK / f"{base}.gguf"
    if base == "random" and not path.exists():
        config = WORK / "random.json"
        config.write_text(json.dumps(RANDOM))
        folder = speed.made(WORK / "model-random", MAGMA, "init", config, "-o", WORK / "model-random")
        speed.run(LLAMA, PEERS / "gguf_files.py", "folder", folder, speed.SMOLLM2, path, "--type", "f32")
    return speed.made(path, LLAMA, PEERS / "gguf_files.py", "flat" if base == "smollm2" else "turned", speed.SMOLLM2, path)


def windows_of(options):
    """Ids [windows, length] of the text."""
    lines = WORK / "text.jsonl"
    lines.write_text("".join(json.dumps(pathlib.Path(path).read_text()) + "\n" for path in options.text))
    told = subprocess.run([MAGMA, "tokenize", "--model", speed.SMOLLM2, "--no-bos", "--lines", lines], check=True, stdout=subprocess.PIPE, text=True)
    ids = [token for line in told.stdout.splitlines() for token in json.loads(line)]
    if len(ids) < options.windows * options.length:
        raise SystemExit(f"the text has {len(ids)} tokens, not {options.windows * options.length}")
    return np.array(ids[:options.windows * options.length], np.int32).reshape(options.windows, options.length)


def measure(base, ids, options):
    """The rows of one base; printed as they come."""
    file = base_file(base)
    values, _, _ = matrices(file)
    judge = Judge(our_logits(file, ids, options, "--precision", "f32"), ids)
    print(f"\n{base}: perplexity {np.exp(judge.loss):.3f} over {ids.size} tokens\n{'':<26}{'bits':>6}{'perplexity':>12}{'kl':>11}{'kl99':>10}{'best':>8}")
    rows = []

    def add(name, candidate, stored_bytes, types=""):
        row = {"format": name, "bits": 8 * stored_bytes / values, **judge.row(candidate), "types": types}
        rows.append(row)
        print(f"{name:<26}{row['bits']:>6.2f}{row['perplexity_ratio']:>12.4f}{row['kl']:>11.2e}{row['kl99']:>10.1e}{row['best']:>8.2%}  {types}", flush=True)

    add("llama.cpp f32", their_logits(file, ids, options, "--cache", "f32"), 4 * values)
    add("magma bf16", our_logits(file, ids, options, "--precision", "bf16"), 2 * values)
    source = WORK / f"model-{base}-f32"
    if options.formats:
        speed.made(source, LLAMA, PEERS / "gguf_files.py", "back", file, source)
        add("magma f32, folder", our_logits(source, ids, options), 4 * values)
    for name, words in options.formats:
        folder = WORK / f"{base}-{name.replace(' ', '-')}"
        shutil.rmtree(folder, ignore_errors=True)  # of an older build, perhaps
        speed.run(MAGMA, "quantize", source, "-o", folder, *shlex.split(words))
        add(f"magma {name}", our_logits(folder, ids, options), folder_bytes(folder))
    for name, (to, *more) in LLAMA_FORMATS.items():
        made = WORK / f"{base}.{name.replace(' ', '-')}.gguf"
        speed.made(made, LLAMA, PEERS / "llama_peer.py", "quantise", file, made, "--to", to, *more)
        _, stored_bytes, types = matrices(made)
        add(f"llama.cpp {name}", their_logits(made, ids, options), stored_bytes, types)
        if name in OUR_FILES and set(types.split()[::2]) <= OUR_BLOCKS:
            add("  the file in magma", our_logits(made, ids, options), stored_bytes)
    return {"perplexity": float(np.exp(judge.loss)), "rows": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bases", nargs="+", choices=["smollm2", "turned", "random"], default=["smollm2", "turned", "random"])
    parser.add_argument("--text", nargs="+", default=[ROOT / "docs" / name for name in ("architecture.md", "model.md", "data.md", "scale.md")])
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--formats", nargs="*", default=OUR_FORMATS, metavar="NAME=OPTIONS", help="options of magma quantize, by name of the row")
    options = parser.parse_args()
    options.formats = [speed.named(text) for text in options.formats]
    WORK.mkdir(parents=True, exist_ok=True)
    ids = windows_of(options)
    report = {"text": [str(path) for path in options.text], "windows": options.windows, "length": options.length, "bases": {}}
    for base in options.bases:
        report["bases"][base] = measure(base, ids, options)
        (speed.WORK / "quantised_quality.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
