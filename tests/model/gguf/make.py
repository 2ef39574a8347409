#!/usr/bin/env python3
"""Writes logits.safetensors: what transformers computes in f64 from tests/nn/gguf/llama.gguf.
Needs the packages of tools/get_peers.sh.  usage: make.py"""
import pathlib

import torch
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

HERE = pathlib.Path(__file__).resolve().parent


def main():
    folder = HERE.parent.parent / "nn/gguf"
    model = LlamaForCausalLM.from_pretrained(folder, gguf_file="llama.gguf", dtype=torch.float32).double().eval()
    ids = torch.tensor([[1, 5, 9, 2, 2, 31, 7, 39, 0, 12, 13, 14, 22, 6, 6, 3, 17, 28, 33, 11, 4, 8, 19, 20]])
    with torch.no_grad():
        logits = model(ids).logits[0].float()
    save_file({"ids": ids[0], "logits": logits.contiguous()}, HERE / "logits.safetensors")


if __name__ == "__main__":
    main()
