#!/usr/bin/env python3
"""Compares the network with transformers and timm on fresh random checkpoints: features of the ConvNeXt tower, logits of
every place, greedy decoding with the cache, all in f32.

    tools/get_peers.sh
    build/peers/bin/python tests/parity/model_parity.py build/release/magma

Families: Llama (grouped queries, every rotary scaling, tied and untied heads), Phi-3 (fused matrices, longrope, window)
and Qwen2 (biases), each behind a tower of its own. --prompts of them all together; --seed draws others. A greedy token may
differ only where the two best logits are closer than twice the tolerance. Exit 1 when anything differs.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from timm.models.convnext import ConvNeXt
from transformers import LlamaConfig, LlamaForCausalLM, Phi3Config, Phi3ForCausalLM, Qwen2Config, Qwen2ForCausalLM

TOLERANCE = 4e-4  # of logits with a deviation near 2; features: a hundredth
IMAGE, VOCABULARY, HIDDEN, SIDE, DECODED = 300, 320, 64, 64, 12
BASE = dict(vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=144, num_hidden_layers=3, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=256, pad_token_id=None, bos_token_id=None, eos_token_id=None)


def rope(kind="default", **more):
    return dict(rope_type=kind, rope_theta=20000.0, **more)


FAMILIES = {
    "llama": (LlamaConfig, LlamaForCausalLM, dict(rope_parameters=rope())),
    "llama-tied": (LlamaConfig, LlamaForCausalLM, dict(rope_parameters=rope("linear", factor=2.5), tie_word_embeddings=True, num_key_value_heads=4)),
    "llama-llama3": (LlamaConfig, LlamaForCausalLM, dict(rope_parameters=rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32), num_key_value_heads=1)),
    "llama-yarn": (LlamaConfig, LlamaForCausalLM, dict(rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=64))),
    "llama-dynamic": (LlamaConfig, LlamaForCausalLM, dict(rope_parameters=rope("dynamic", factor=2.0))),
    "llama-bias": (LlamaConfig, LlamaForCausalLM, dict(rope_parameters=rope(), attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5)),
    "phi3": (Phi3Config, Phi3ForCausalLM, dict(rope_parameters=rope(), pad_token_id=0)),
    "phi3-window": (Phi3Config, Phi3ForCausalLM, dict(rope_parameters=rope(), sliding_window=9, pad_token_id=0)),
    "phi3-longrope": (Phi3Config, Phi3ForCausalLM, dict(rope_parameters=rope("longrope", short_factor=[1.0 + i / 8 for i in range(8)], long_factor=[2.0 + i for i in range(8)], original_max_position_embeddings=128), original_max_position_embeddings=128, pad_token_id=0)),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, dict(rope_parameters=rope())),
    "qwen2-tied": (Qwen2Config, Qwen2ForCausalLM, dict(rope_parameters=rope(), tie_word_embeddings=True)),
}
VISION = dict(vision_backbone="convnextxxlarge", depths=[1, 2, 3, 1], dims=[16, 24, 40, 64], mm_hidden_size=64,
              mm_projector_type="mlp2x_gelu", img_anyres_strategy="crop", mm_use_im_start_end=False)


def randomise(module, generator, scale):
    for name, value in module.named_parameters():
        spread = torch.randn(value.shape, generator=generator)
        if name.endswith("norm.weight") or "layernorm.weight" in name or ".1.weight" in name and value.dim() == 1:
            value.data = 1 + 0.2 * spread
        elif value.dim() == 1:
            value.data = 0.3 * spread
        else:
            value.data = scale * spread / math.sqrt(value[0].numel())


class Reference:
    def __init__(self, family, generator):
        config, model, more = FAMILIES[family]
        config = config(**(BASE | more))
        config._attn_implementation = "eager"
        self.language = model(config).eval()
        randomise(self.language, generator, 1.6)
        if config.tie_word_embeddings:
            self.language.tie_weights()
        self.language.generation_config.eos_token_id = None
        self.tower = ConvNeXt(depths=VISION["depths"], dims=VISION["dims"], norm_eps=1e-5, num_classes=0)
        self.tower.head = torch.nn.Identity()
        randomise(self.tower, generator, 1.0)
        self.tower.eval()
        self.linears = [torch.randn(HIDDEN, 64, generator=generator) / 8, torch.randn(HIDDEN, generator=generator) / 8,
                        torch.randn(HIDDEN, HIDDEN, generator=generator) / 8, torch.randn(HIDDEN, generator=generator) / 8]
        self.separator = torch.randn(HIDDEN, generator=generator) / 4
        self.config = config

    def write(self, folder):
        text = {k: v for k, v in self.config.to_dict().items() if not k.startswith("_")}
        tensors = {"language_model." + k: v.contiguous() for k, v in self.language.state_dict().items()
                   if not (self.config.tie_word_embeddings and k == "lm_head.weight")}
        tensors |= {"vision_tower.clip_vision_model.trunk." + k: v.contiguous() for k, v in self.tower.state_dict().items()}
        for name, value in zip(["proj.0.weight", "proj.0.bias", "proj.2.weight", "proj.2.bias"], self.linears):
            tensors["multi_modal_projector." + name] = value
        tensors["multi_modal_projector.row_seperator"] = self.separator[None, None]
        save_file(tensors, folder / "model.safetensors")
        config = {"model_type": "magma", "image_token_index": IMAGE, "img_size": SIDE, "text_config": text, "vision_config": VISION}
        (folder / "config.json").write_text(json.dumps(config))

    def features(self, crops):
        x = self.tower.stem(crops)
        for stage in self.tower.stages:
            x = stage(x)
        return x.permute(0, 2, 3, 1)

    def embeddings(self, ids, pictures):
        """pictures: [(crops, rows, cols)] -> [L, D]"""
        parts, pictures = [], iter(pictures)
        for token in ids:
            if token != IMAGE:
                parts.append(self.language.get_input_embeddings()(torch.tensor([token])))
                continue
            crops, rows, cols = next(pictures)
            x = self.features(crops)
            h, w, c = x.shape[1:]
            x = x.view(rows, cols, h, w, c).permute(0, 2, 1, 3, 4).reshape(rows * h, cols * w, c)
            x = torch.nn.functional.gelu(x @ self.linears[0].T + self.linears[1]) @ self.linears[2].T + self.linears[3]
            parts.append(torch.cat([x, self.separator.expand(rows * h, 1, HIDDEN)], 1).reshape(-1, HIDDEN))
        return torch.cat(parts)

    def decode(self, embeddings):
        """Logits of every place, then greedy tokens with the cache and the logits they were taken from."""
        out = self.language(inputs_embeds=embeddings[None], use_cache=True)
        whole, cache, last, ids, logits = out.logits[0], out.past_key_values, out.logits[0, -1], [], []
        for _ in range(DECODED):
            logits.append(last)
            ids.append(int(last.argmax()))
            out = self.language(input_ids=torch.tensor([[ids[-1]]]), past_key_values=cache, use_cache=True)
            cache, last = out.past_key_values, out.logits[0, -1]
        return whole, ids, torch.stack(logits)


def draw_case(generator, index):
    """ids with at most two images, and their pictures."""
    def number(low, high):
        return int(torch.randint(low, high + 1, (1,), generator=generator))
    ids = torch.randint(0, IMAGE, (number(2, 40),), generator=generator).tolist()
    pictures = []
    for _ in range(number(0, 2) if index % 2 else 0):
        rows, cols = [(1, 1), (1, 2), (2, 1), (2, 2)][number(0, 3)]
        pictures.append((torch.randn(rows * cols, 3, SIDE, SIDE, generator=generator), rows, cols))
        ids.insert(number(0, len(ids)), IMAGE)
    return ids, pictures


def compare(magma, family, prompts, generator, threads, bad):
    """Largest differences of features and logits, greedy tokens that are the same, and all of them."""
    reference = Reference(family, generator)
    cases = [draw_case(generator, i) for i in range(prompts)]
    features_off = logits_off = decoded_off = 0.0
    same = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        reference.write(folder)
        pixels = {f"{i}.{k}": crops.contiguous() for i, (_, pictures) in enumerate(cases) for k, (crops, _, _) in enumerate(pictures)}
        save_file(pixels, folder / "pixels.safetensors")
        rows = [{"name": f"case{i}", "strategy": "crop",
                 "rows": [{"input_ids": ids, "pixels": [f"{i}.{k}" for k in range(len(p))], "image_sizes": [[r, c] for _, r, c in p]}]}
                for i, (ids, p) in enumerate(cases)]
        (folder / "cases.json").write_text(json.dumps({"cases": rows}))
        subprocess.run([magma, "logits", "--model", folder, "--cases", folder / "cases.json", "--pixels", folder / "pixels.safetensors",
                        "--decode", str(DECODED), "--threads", str(threads), "-o", folder / "out"], check=True, stdout=subprocess.DEVNULL)
        for i, (ids, pictures) in enumerate(cases):
            ours = load_file(folder / "out" / f"case{i}.safetensors")
            for k, (crops, _, _) in enumerate(pictures):
                features_off = max(features_off, (reference.features(crops) - ours[f"features.{k}"]).abs().max().item())
            whole, tokens, logits = reference.decode(reference.embeddings(ids, pictures))
            logits_off = max(logits_off, (whole - ours["logits"][0]).abs().max().item())
            for step, (token, got) in enumerate(zip(tokens, ours["greedy_ids"][0].tolist())):
                if token != got:
                    top = logits[step].topk(2).values
                    if (top[0] - top[1]).item() > 2 * TOLERANCE:
                        bad.append(f"{family}, case {i}: token {step} is {got}, reference {token}")
                    break
                same += 1
                decoded_off = max(decoded_off, (logits[step] - ours["greedy_logits"][0, step]).abs().max().item())
    if features_off > TOLERANCE / 10 or max(logits_off, decoded_off) > TOLERANCE:
        bad.append(f"{family}: features differ by {features_off:.1e}, logits by {logits_off:.1e}, decoded ones by {decoded_off:.1e}")
    print(f"{family:14} {prompts:4} prompts: features {features_off:.1e}, logits {logits_off:.1e}, with the cache {decoded_off:.1e}, "
          f"greedy tokens {same} of {prompts * DECODED}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("magma")
    parser.add_argument("--prompts", type=int, default=220)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="families whose name contains this")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(options.seed)
    families = [name for name in FAMILIES if options.only in name]
    each, bad = math.ceil(options.prompts / len(families)), []
    with torch.no_grad():
        for family in families:
            compare(options.magma, family, each, generator, options.threads, bad)
    print("\n".join(bad) or f"equal: {each * len(families)} prompts")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
