#!/usr/bin/env python3
"""Batches of `magma data batch` against the rules of data_formats.md 2.11, 3.1, 5.3, 5.5 and 5.6, written here a second
time over Hugging Face's tokenizers: tokens, labels, masks, sizes and pixels.

usage: batch_parity.py PROGRAM MODEL_FOLDER [SEED]    MODEL_FOLDER: tokenizer.json, tokenizer_config.json (Llama-3 template)
  pip install tensorflow-cpu==2.21.0 tensorflow-datasets==4.9.10 numpy==2.4.6 tokenizers safetensors pillow
"""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
import tokenizers
from PIL import Image
from safetensors.numpy import load_file

import openx_parity_layouts
from openx_parity import LAYOUTS, write, tfds

BOS, EOT = "<|begin_of_text|>", "<|eot_id|>"
SYSTEM = "You are agent that can see, talk and act."
WORDS = ["你好", "naïve", "\u2028", "\t", " ", "\n", "\n\n", "What is it?", "a b c", "\U0001f600", "1234567", "don't", "  x",
         "Mark: 12", "<ima", "system\n\n"]
SPELLED = [EOT, "<|start_header_id|>", "<|start_header_id|>user<|end_header_id|>\n\n", "<|end_header_id|>", BOS, "<action>",
           "<|start_header_id|>assistant<|end_header_id|>\n\n", "<pad>"]
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], np.float32)
STD = np.array([0.26862954, 0.26130258, 0.27577711], np.float32)
SIDE, CROPS = 16, 4


def training_tokenizer(folder, added):
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocabulary = tokenizer.get_vocab_size(with_added_tokens=False)
    for token in added:
        if tokenizer.token_to_id(token) is None:
            tokenizer.add_special_tokens([token])
    return tokenizer, vocabulary


def header(role):
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n"


def label(tokenizer, text, ids, limit):
    """5.5, literally."""
    count = lambda part: len(tokenizer.encode(part).ids)
    empty = count("")
    labels = list(ids)
    user, answer = header("user"), header("assistant")
    prefix, *rounds = text.split(user)
    position = count(prefix)
    labels[:position] = [-100] * min(position, len(labels))
    for part in rounds:
        pieces = part.split(answer)
        if part == "" or len(pieces) != 2:
            break
        question = count(user + pieces[0] + answer) - empty
        end = min(position + question, len(labels))
        labels[min(position, len(labels)):end] = [-100] * (end - min(position, len(labels)))
        position += count(user + part) - empty
    labels[position:] = [-100] * len(labels[position:])
    if position < limit and position != len(ids):
        return [-100] * len(ids), True
    return labels, False


def expected_tokens(tokenizer, vocabulary, row, limit):
    ids = tokenizer.encode(row["text"]).ids[:limit]
    if row["tag"] != "openx":
        labels, lost = label(tokenizer, row["text"], ids, limit)
        return ids, labels, lost
    edges = -1 + 2 * np.arange(256) / 255
    actions = [vocabulary - int(d) for d in np.digitize(np.clip(np.float64(row["action"]), -1, 1), edges)]
    at = ids.index(tokenizer.token_to_id("<action>"))
    ids = ids[:at] + actions + ids[at + 1:]
    return ids, [-100] * (len(ids) - 9) + ids[-9:], False


def expected_pixels(path):
    """5.3; bilinear without antialiasing, half-pixel centres."""
    pixels = (np.float32(Image.open(path).convert("RGB")) / np.float32(255) - MEAN) / STD
    h, w, _ = pixels.shape
    best = None
    for i in range(1, CROPS + 1):
        for j in range(1, CROPS // i + 1):
            W, H = i * SIDE, j * SIDE
            s = min(W / w, H / h)
            effective = min(int(w * s) * int(h * s), w * h)
            key = (effective, -(W * H - effective))
            if best is None or key > best[0]:
                best = (key, W, H)
    _, W, H = best

    def axis(from_, to):
        place = np.maximum((np.arange(to, dtype=np.float64) + 0.5) * (from_ / to) - 0.5, 0)
        low = np.int64(place)
        return low, np.minimum(low + 1, from_ - 1), (place - low)

    y0, y1, fy = axis(h, H)
    x0, x1, fx = axis(w, W)
    rows = lambda y: pixels[y][:, x0] * (1 - fx)[None, :, None] + pixels[y][:, x1] * fx[None, :, None]
    canvas = rows(y0) * (1 - fy)[:, None, None] + rows(y1) * fy[:, None, None]
    tiles = [canvas[y:y + SIDE, x:x + SIDE].transpose(2, 0, 1) for y in range(0, H, SIDE) for x in range(0, W, SIDE)]
    return np.stack(tiles), (H // SIDE, W // SIDE)


class Comparison:
    def __init__(self, program, model, folder):
        self.program, self.model, self.folder = program, model, folder
        self.counts = dict.fromkeys(["samples", "tokens", "tokens with loss", "samples without loss", "pictures",
                                     "samples of spelled tokens"], 0)
        self.worst = 0.0

    def batches(self, name, config, limit, **settings):
        """`config`: lines of YAML."""
        path, out = self.folder / f"{name}.yaml", self.folder / f"{name}.out"
        path.write_text("\n".join(config) + "\n")
        words = [self.program, "data", "batch", path, "--tokenizer", self.model, "--batch-size", "7", "--order", "file",
                 "--dump", out, "--json", "--quiet", "--set", f"data.image_size={SIDE}", "--set", f"data.max_length={limit}"]
        for key, value in settings.items():
            words += ["--set", f"data.{key}={value}"]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{name}: exit {done.returncode}: {done.stderr}")
        rows = [json.loads(line) for line in (out / "samples.jsonl").read_text().split("\n") if line]
        for number in range(json.loads(done.stdout)["batches"]):
            yield load_file(out / f"batch_{number:06}.safetensors"), [row for row in rows if row["batch"] == number]

    def compare(self, name, config, limit=4096, pictures=None, added=("<action>",), **settings):
        tokenizer, vocabulary = training_tokenizer(self.model, added)
        pad = tokenizer.token_to_id("<pad>")
        for batch, rows in self.batches(name, config, limit, **settings):
            wanted = [expected_tokens(tokenizer, vocabulary, row, limit) for row in rows]
            length = max(len(ids) for ids, _, _ in wanted)
            ids = np.array([ids + [pad] * (length - len(ids)) for ids, _, _ in wanted])
            labels = np.array([labels + [-100] * (length - len(labels)) for _, labels, _ in wanted])
            for key, theirs in (("input_ids", ids), ("labels", labels), ("attention_mask", ids != pad)):
                mine = batch[key]
                if mine.shape != theirs.shape or mine.dtype != theirs.dtype or (mine != theirs).any():
                    bad = next((r for r in range(len(rows)) if mine.shape != theirs.shape or (mine[r] != theirs[r]).any()), 0)
                    raise SystemExit(f"{name} {key} {mine.shape} {theirs.shape}: {rows[bad]}\n   got {mine[bad].tolist()}\n"
                                     f"  want {theirs[bad].tolist()}")
            self.counts["samples"] += len(rows)
            self.counts["tokens"] += sum(len(ids) for ids, _, _ in wanted)
            self.counts["tokens with loss"] += int((labels != -100).sum())
            self.counts["samples without loss"] += sum(lost for _, _, lost in wanted)
            if pictures:
                self.pixels(name, batch, rows, pictures)

    def spelled(self, config, items):
        """Special tokens that a text spells stay text."""
        tokenizer, _ = training_tokenizer(self.model, ("<action>",))
        wanted = {"<image>": lambda item: 1 if isinstance(item["image"], str) else len(item["image"]), BOS: lambda item: 2,
                  EOT: lambda item: 1 + len(item["conversations"]), "<action>": lambda item: 0}
        for batch, rows in self.batches("spelled", config, 4096, images="false"):
            for ids, row in zip(batch["input_ids"].tolist(), rows):
                got = {token: ids.count(tokenizer.token_to_id(token)) for token in wanted}
                want = {token: count(items[row["origin"]["item"]]) for token, count in wanted.items()}
                if got != want:
                    raise SystemExit(f"spelled: {got}, wanted {want}: {row}")
                self.counts["samples of spelled tokens"] += 1

    def pixels(self, name, batch, rows, pictures):
        per_row = [[expected_pixels(pictures / image) for image in row["images"]] for row in rows]
        most = max(len(row) for row in per_row)
        sizes = np.zeros((len(rows), most, 2), np.int64)
        tiles = max(sum(len(p) for p, _ in row) for row in per_row)
        values = np.zeros((len(rows), tiles, 3, SIDE, SIDE), np.float32)
        for r, row in enumerate(per_row):
            at = 0
            for i, (part, size) in enumerate(row):
                values[r, at:at + len(part)], sizes[r, i] = part, size
                at += len(part)
                self.counts["pictures"] += 1
        if batch["image_sizes"].shape != sizes.shape or (batch["image_sizes"] != sizes).any():
            raise SystemExit(f"{name}: image_sizes {batch['image_sizes'].tolist()}, wanted {sizes.tolist()}")
        if batch["pixel_values"].shape != values.shape:
            raise SystemExit(f"{name}: pixel_values {batch['pixel_values'].shape}, wanted {values.shape}")
        self.worst = max(self.worst, float(np.abs(batch["pixel_values"] - values).max()))


def conversations(rng, folder, count, orderly, words):
    """Questions and answers in turn; unless `orderly`, turns in any order."""
    items = []
    for number in range(count):
        images = rng.randrange(1, 4)
        names = []
        for i in range(images):
            names.append(f"{number}_{i}.png")
            size = (rng.randrange(1, 60), rng.randrange(1, 60), 3)
            Image.fromarray(np.random.default_rng(number * 9 + i).integers(0, 256, size, np.uint8)).save(folder / names[-1])
        turns = []
        for turn in range(rng.choice([2, 2, 4, 6]) if orderly or rng.random() < 0.5 else rng.randrange(1, 6)):
            sender = ("human", "gpt")[turn % 2] if orderly or rng.random() < 0.8 else rng.choice(["human", "gpt"])
            turns.append({"from": sender, "value": "".join(rng.choice(words) for _ in range(rng.randrange(0, 12)))})
        for _ in names:
            turns[0]["value"] = "<image>\n" + turns[0]["value"]
        items.append({"image": names if images > 1 else names[0], "conversations": turns})
    return items


def main():
    program, model = sys.argv[1], pathlib.Path(sys.argv[2])
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        comparison = Comparison(program, model, folder)
        for orderly in (True, False):
            pictures = folder / f"pictures{int(orderly)}"
            pictures.mkdir()
            (folder / "items.json").write_text(json.dumps(conversations(rng, pictures, 700, orderly, WORDS)))
            config = [f"DATA_PATH: ['{folder / 'items.json'}']", f"IMAGE_FOLDER: ['{pictures}']", "data: {tags: [aitw]}"]
            comparison.compare(f"conversations{int(orderly)}", config, pictures=pictures, max_crops=CROPS)
            comparison.compare(f"cut{int(orderly)}", config, limit=70, images="false", max_skip_fraction=1)
            brackets = ("<image_start>", "<image_end>", "<action>")
            comparison.compare(f"brackets{int(orderly)}", config, images="false", added=brackets, image_start_end="true")
        items = conversations(rng, pictures, 300, True, WORDS + SPELLED)
        (folder / "items.json").write_text(json.dumps(items))
        comparison.spelled(config, items)
        tfds.disable_progress_bar()
        openx_parity_layouts.SENTENCES[:] = [s.replace("<image>", "") for s in openx_parity_layouts.SENTENCES]
        generator = np.random.default_rng(1)
        for name in ("viola", "bridge_oxe", "libero_spatial_no_noops"):
            layout = LAYOUTS[name]
            episodes = {number: layout.make(generator, number) for number in range(13)}
            splits = {"train": range(9), "val": range(9, 11), "test": range(11, 13)} if layout.with_val else {"train": range(13)}
            write(name, layout, folder / "openx", episodes, splits)
        config = [f"DATA_PATH: ['{folder / 'openx'}']", "IMAGE_FOLDER: ['x+mx-bridge_oxe']",
                  "data: {tags: [openx], mixture: {viola: 1, bridge_oxe: 1, libero_spatial_no_noops: 1}}"]
        comparison.compare("openx", config)
        print(f"{comparison.counts}, largest deviation of a pixel {comparison.worst:.2e}, 0 faults")
        return 0 if comparison.worst < 2e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
