#!/usr/bin/env python3
"""Compares the tokens of `magma tokenize` with those of llama.cpp, on the same GGUF file.

    tools/get_peers.sh && tools/get_smollm2.sh
    build/peers/bin/python tests/parity/llamacpp_parity.py build/release/magma build/models/SmolLM2-135M-Instruct.Q4_1.gguf [--count 300] [--seed 1]

Random strings of every kind that tokenizer_parity.py makes. Exit 1 when anything differs. NUL is left out: llama.cpp takes it for an end.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import urllib.request

import xllamacpp

from tokenizer_parity import strings


def main():
    options = argparse.ArgumentParser()
    options.add_argument("magma")
    options.add_argument("gguf")
    options.add_argument("--count", type=int, default=300, help="strings of each kind")
    options.add_argument("--seed", type=int, default=1)
    arguments = options.parse_args()
    parameters = xllamacpp.CommonParams()
    parameters.model.path, parameters.n_ctx, parameters.warmup = arguments.gguf, 512, False
    server = xllamacpp.Server(parameters)
    texts = [pair for i, pair in enumerate(strings(arguments.count, arguments.seed))
             if "\x00" not in pair[1] and (i < 11 * arguments.count or i % 50 == 0)]
    with tempfile.TemporaryDirectory() as folder:
        lines = pathlib.Path(folder) / "texts.jsonl"
        lines.write_text("".join(json.dumps(text) + "\n" for _, text in texts))
        done = subprocess.run([arguments.magma, "tokenize", "--model", arguments.gguf, "--no-bos", "--lines", lines],
                              capture_output=True, text=True, check=True)
    ours, faults = [json.loads(line) for line in done.stdout.splitlines()], 0
    for (kind, text), ids in zip(texts, ours, strict=True):
        body = json.dumps({"content": text, "add_special": False, "parse_special": False}).encode()
        request = urllib.request.Request(server.listening_address + "/tokenize", body, {"Content-Type": "application/json"})
        theirs = json.loads(urllib.request.urlopen(request).read())["tokens"]
        if ids != theirs:
            faults += 1
            if faults <= 10:
                print(f"{kind} {text!r}: {ids}, llama.cpp {theirs}")
    print(f"{len(texts)} strings, {sum(map(len, ours))} tokens, {faults} differ")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
