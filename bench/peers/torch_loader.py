#!/usr/bin/env python3
"""LLaVA conversations with pictures through a PyTorch DataLoader, as the reference's fine-tuning reads them: picture
decoded, cut into crops, normalised; chat rendered, tokens, labels; padded batches. Prints samples/s and peak memory.

usage: torch_loader.py ITEMS.json MODEL_FOLDER SIDE CROPS SAMPLES WORKERS BATCH
"""
import json
import pathlib
import resource
import sys
import time

import numpy as np
import tokenizers
import torch
from PIL import Image

MEAN = torch.tensor((0.48145466, 0.4578275, 0.40821073)).view(3, 1, 1)
STD = torch.tensor((0.26862954, 0.26130258, 0.27577711)).view(3, 1, 1)
HEAD = "<|start_header_id|>{}<|end_header_id|>\n\n"
SYSTEM = "You are agent that can see, talk and act."


def grid(w, h, crops, side):
    best, kept, waste = None, 0, float("inf")
    for i in range(1, crops + 1):
        for j in range(1, crops // i + 1):
            scale = min(i * side / w, j * side / h)
            effective = min(int(w * scale) * int(h * scale), w * h)
            if effective > kept or (effective == kept and i * j * side * side - effective < waste):
                best, kept, waste = (j, i), effective, i * j * side * side - effective
    return best


class Conversations(torch.utils.data.Dataset):
    def __init__(self, path, model, side, crops):
        self.items = json.loads(path.read_text())
        self.folder, self.side, self.crops = path.parent, side, crops
        self.tokenizer = tokenizers.Tokenizer.from_file(model + "/tokenizer.json")

    def __len__(self):
        return len(self.items)

    def picture(self, name):
        image = Image.open(self.folder / name).convert("RGB")
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        rows, cols = grid(image.width, image.height, self.crops, self.side)
        size = (rows * self.side, cols * self.side)
        pixels = torch.nn.functional.interpolate(((pixels - MEAN) / STD)[None], size=size, mode="bilinear")[0]
        return pixels.view(3, rows, self.side, cols, self.side).permute(1, 3, 0, 2, 4).reshape(-1, 3, self.side, self.side)

    def __getitem__(self, index):
        item = self.items[index]
        count = lambda part: len(self.tokenizer.encode(part, add_special_tokens=False).ids)
        prefix = "<|begin_of_text|>" + HEAD.format("system") + SYSTEM + "<|eot_id|>"
        text, masked = prefix, [count(prefix)]
        for turn in item["conversations"]:
            role = {"human": "user", "gpt": "assistant"}[turn["from"]]
            part = HEAD.format(role) + turn["value"] + "<|eot_id|>"
            text += part
            masked.append(count(part))
        ids = torch.tensor(self.tokenizer.encode(text, add_special_tokens=False).ids)
        labels, at = ids.clone(), 0
        for number, length in enumerate(masked):
            labels[at:at + (count(HEAD.format("assistant")) if number and number % 2 == 0 else length)] = -100
            at += length
        return ids, labels, self.picture(item["image"])


def collate(pad):
    def batch(rows):
        fill = lambda values, value: torch.nn.utils.rnn.pad_sequence(values, batch_first=True, padding_value=value)
        ids, labels, pixels = zip(*rows)
        return fill(ids, pad), fill(labels, -100), fill(pixels, 0)
    return batch


def main():
    items, model, side, crops, samples, workers, size = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:8])
    torch.set_num_threads(1)
    data = Conversations(pathlib.Path(items), model, side, crops)
    loader = torch.utils.data.DataLoader(data, size, shuffle=True, num_workers=workers,
                                         collate_fn=collate(data.tokenizer.token_to_id("<pad>")))
    done, begun = 0, None
    for ids, labels, pixels in loader:
        if begun is None:
            begun = time.perf_counter()
            continue
        done += len(ids)
        if done >= samples:
            break
    seconds = time.perf_counter() - begun
    del loader
    own, child = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"samples_per_second": done / seconds, "peak_rss_mib": own + workers * child}))


if __name__ == "__main__":
    main()
