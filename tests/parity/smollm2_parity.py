#!/usr/bin/env python3
"""Compares the network on real weights (SmolLM2-135M-Instruct, GGUF) with transformers on the same dequantised weights.

    tools/get_smollm2.sh && tools/get_peers.sh
    build/peers/bin/python tests/parity/smollm2_parity.py build/release/magma

f32 on both sides: logits of every place of 50 prompts, greedy continuations, perplexity of one long text. A greedy token
may differ only where the two best logits are closer than twice the largest difference seen. Then both in bf16 against
transformers in f32: who is how far off. Exit 1 when anything differs, or when our bf16 is more than half again as far off.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, LlamaForCausalLM

from bf16_parity import ROOT, Score

TOLERANCE = 2e-3  # of logits that reach 30: some hundred roundings of f32
SUBJECTS = ["The capital of France", "A robot arm", "In the year 1969", "The recipe for bread", "def fibonacci(n):", "Water boils", "My favourite book",
            "The screen shows", "Once upon a time", "To open the door", "The largest planet", "She said that", "Photosynthesis", "The quick brown fox",
            "2 + 2 =", "Dear Sir or Madam,", "The stock market", "A neural network", "Yesterday it rained", "The train to Berlin", "import numpy as np",
            "Roses are red", "The mayor of the city", "An electron", "Click the blue button"]
ENDINGS = ["", " is known to be one of the things that everybody should remember because"]


def run(magma, model, cases, folder, threads, precision="f32"):
    """[case] -> logits [L, V] of magma."""
    (folder / "cases.json").write_text(json.dumps({"cases": [{"name": n, "rows": [{"input_ids": ids}]} for n, ids in cases]}))
    subprocess.run([magma, "logits", "--model", model, "--cases", folder / "cases.json", "--precision", precision, "--threads", str(threads), "-o", folder],
                   check=True, stdout=subprocess.DEVNULL)
    result = {}
    for name, _ in cases:
        result[name] = load_file(folder / f"{name}.safetensors")["logits"][0]
        (folder / f"{name}.safetensors").unlink()
    return result


def bf16_errors(true, ours, theirs):
    """Prints both, {name: logits [L, V]}; what is wrong with ours."""
    scores = []
    for who, found in (("magma", ours), ("PyTorch", theirs)):
        score = Score()
        for name, logits in true.items():
            score.add_logits(logits, found[name])
            score.add_choices(logits.argmax(-1).tolist(), found[name].argmax(-1).tolist())
        print(f"bf16, {who}: {score}")
        scores.append(score)
    wrong = scores[0].rms > 1.5 * scores[1].rms or scores[0].share < scores[1].share - 0.02
    return ["bf16 is further off than PyTorch's"] if wrong else []


def perplexity(logits, ids):
    losses = torch.nn.functional.cross_entropy(logits[:-1].double(), torch.tensor(ids[1:]))
    return math.exp(losses.item())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("magma")
    parser.add_argument("--model", default=str(ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf"))
    parser.add_argument("--new-tokens", type=int, default=24)
    parser.add_argument("--text", default=str(ROOT / "docs/architecture.md"), help="long text for the perplexity")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model_path = pathlib.Path(options.model)
    tokenizer = AutoTokenizer.from_pretrained(model_path.parent, gguf_file=model_path.name)
    model = LlamaForCausalLM.from_pretrained(model_path.parent, gguf_file=model_path.name, dtype=torch.float32).eval()
    prompts = [tokenizer(subject + ending)["input_ids"] for subject in SUBJECTS for ending in ENDINGS]
    text = tokenizer(pathlib.Path(options.text).read_text())["input_ids"][:2048]
    bad = []
    with torch.no_grad(), tempfile.TemporaryDirectory() as scratch:
        # The reference decodes; magma computes the whole in one pass, and so judges every one of its choices.
        whole = []
        for i, ids in enumerate(prompts):
            made = model.generate(torch.tensor([ids]), max_new_tokens=options.new_tokens, do_sample=False, eos_token_id=None, pad_token_id=0)[0].tolist()
            whole.append((f"p{i}", made))
        ours = run(options.magma, options.model, whole + [("text", text)], pathlib.Path(scratch), options.threads)
        largest, squares, count, tokens, same, close = 0.0, 0.0, 0, 0, 0, 0
        true = {name: model(torch.tensor([made])).logits[0] for name, made in whole}
        for (name, made), ids in zip(whole, prompts):
            theirs = true[name]
            off = (theirs - ours[name]).abs()
            largest, squares, count = max(largest, off.max().item()), squares + off.double().square().sum().item(), count + off.numel()
            for place in range(len(ids) - 1, len(made) - 1):
                tokens += 1
                best = ours[name][place].argmax().item()
                if best == made[place + 1]:
                    same += 1
                    continue
                top = theirs[place].topk(2).values
                close += 1
                if (top[0] - top[1]).item() > 2 * TOLERANCE:
                    bad.append(f"{name}: place {place}: {best}, reference {made[place + 1]}")
        expected, got = perplexity(model(torch.tensor([text])).logits[0], text), perplexity(ours["text"], text)
        rounded = run(options.magma, options.model, whole, pathlib.Path(scratch), options.threads, "bf16")
        model.bfloat16()
        bad += bf16_errors(true, rounded, {name: model(torch.tensor([made])).logits[0].float() for name, made in whole})
    print(f"logits of {len(prompts)} prompts with {options.new_tokens} greedy tokens each: largest difference {largest:.2e}, "
          f"root mean square {math.sqrt(squares / count):.2e}")
    print(f"greedy tokens: {same} of {tokens} the same, {close} closer than the tolerance")
    print(f"perplexity of {len(text)} tokens: {got:.6f}, reference {expected:.6f}")
    if largest > TOLERANCE:
        bad.append(f"logits differ by {largest:.2e}")
    if abs(got / expected - 1) > 5e-5:
        bad.append("perplexity differs")
    print("\n".join(bad) or "equal")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
