#!/usr/bin/env python3
"""The Python stack that `magma bench model` stands beside: transformers and timm, PyTorch eager, on the same weights.

    model_peer.py encode FOLDER --threads 2          one picture of img_size through the tower
    model_peer.py text FOLDER --tokens 512 --decode 32 --threads 2
    model_peer.py start FOLDER --threads 2           a first token of a short prompt, then ends: time the process

FOLDER is what `magma init` made. bf16 unless --dtype float32. Prints JSON.
"""
import argparse
import json
import pathlib
import resource
import time

import torch
from safetensors import safe_open


def tensors(folder, prefix, dtype):
    result = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            for name in file.keys():
                if name.startswith(prefix):
                    result[name[len(prefix):]] = file.get_tensor(name).to(dtype)
    return result


def language_model(folder, config, dtype):
    from transformers import LlamaConfig, LlamaForCausalLM
    text = config.get("text_config", config)
    with torch.device("meta"):
        model = LlamaForCausalLM(LlamaConfig(**{k: v for k, v in text.items() if k != "model_type"}))
    state = tensors(folder, "language_model.", dtype)
    model.load_state_dict(state, strict=False, assign=True)
    if text.get("tie_word_embeddings"):
        model.tie_weights()
    model.model.rotary_emb = type(model.model.rotary_emb)(model.config)
    return model.eval()


def tower(folder, config, dtype):
    from timm.models.convnext import ConvNeXt
    vision = config["vision_config"]
    with torch.device("meta"):
        model = ConvNeXt(depths=vision.get("depths", [3, 4, 30, 3]), dims=vision.get("dims", [384, 768, 1536, 3072]), norm_eps=1e-5, num_classes=0)
    model.head = torch.nn.Identity()
    model.load_state_dict(tensors(folder, "vision_tower.clip_vision_model.trunk.", dtype), strict=False, assign=True)
    return model.eval()


def best(rounds, work):
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["encode", "text", "start"])
    parser.add_argument("folder")
    parser.add_argument("--tokens", type=int, nargs="+", default=[512])
    parser.add_argument("--decode", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="bfloat16")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    dtype = getattr(torch, options.dtype)
    config = json.loads((pathlib.Path(options.folder) / "config.json").read_text())
    report = {}
    with torch.no_grad():
        if options.what == "encode":
            model = tower(options.folder, config, dtype)
            pixels = torch.zeros(1, 3, config["img_size"], config["img_size"], dtype=dtype)
            report["encode_ms"] = 1e3 * best(options.rounds, lambda: model.stages(model.stem(pixels)))
        else:
            model = language_model(options.folder, config, dtype)
            vocabulary = model.config.vocab_size
            report["lengths"] = []
            for tokens in [8] if options.what == "start" else options.tokens:
                ids = torch.randint(0, vocabulary, (1, tokens))
                state = {}

                def prefill():
                    state["out"] = model(ids, use_cache=True, logits_to_keep=1)

                def decode():
                    cache = state["out"].past_key_values
                    for _ in range(options.decode):
                        model(ids[:, :1], past_key_values=cache, use_cache=True)
                row = {"tokens": tokens, "prefill_tokens_per_s": tokens / best(1 if options.what == "start" else options.rounds, prefill)}
                if options.what == "text":
                    row["decode_ms"] = 1e3 * best(1, decode) / options.decode
                    row["decode_tokens_per_s"] = 1e3 / row["decode_ms"]
                report["lengths"].append(row)
    report["peak_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(report))


if __name__ == "__main__":
    main()
