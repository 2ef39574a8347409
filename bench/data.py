#!/usr/bin/env python3
"""Speed of `magma data batch` beside tf.data and a PyTorch DataLoader, in turn in one run. Medians of the rounds.

usage: build/peers/bin/python bench/data.py PROGRAM MODEL_FOLDER [--rounds 3] [--threads 2] [--only robots conversations]    (tools/get_peers.sh first)
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import io

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
ROBOT = "libero_spatial_no_noops"
WORDS = "the a red block on table screen please click button what is shown left of right below find open drawer".split()


def photo(rng, width, height):
    """As hard to decode as a photograph: soft shapes, some grain."""
    small = Image.fromarray(rng.integers(0, 256, (height // 16, width // 16, 3), np.uint8))
    grain = rng.normal(0, 6, (height, width, 3))
    return Image.fromarray(np.uint8(np.clip(np.float32(small.resize((width, height), Image.BICUBIC)) + grain, 0, 255)))


def jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def write_robot(folder, episodes, steps):
    import tensorflow_datasets as tfds
    tfds.disable_progress_bar()
    rng = np.random.default_rng(1)
    pictures = [jpeg(photo(rng, 256, 256)) for _ in range(64)]

    class Made(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = ROBOT
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            f = tfds.features
            return tfds.core.DatasetInfo(builder=self, features=f.FeaturesDict({"steps": f.Dataset({
                "observation": {"image": f.Image(shape=(256, 256, 3), encoding_format="jpeg"),
                                "state": f.Tensor(shape=(8,), dtype=np.float32)},
                "action": f.Tensor(shape=(7,), dtype=np.float32), "language_instruction": f.Text(),
                "is_first": np.bool_, "is_last": np.bool_})}))

        def _split_generators(self, _):
            return {"train": self._generate_examples()}

        def _generate_examples(self):
            for number in range(episodes):
                yield number, {"steps": [{
                    "observation": {"image": io.BytesIO(pictures[int(rng.integers(64))]),
                                    "state": np.float32(rng.normal(size=8))},
                    "action": np.float32(rng.uniform(-1, 1, 7)), "language_instruction": "Pick up the red block",
                    "is_first": t == 0, "is_last": t == steps - 1} for t in range(steps)]}

    Made(data_dir=str(folder)).download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=4))
    return pictures


def write_conversations(folder, count):
    rng = np.random.default_rng(2)
    for i in range(64):
        (folder / f"{i}.jpg").write_bytes(jpeg(photo(rng, 640, 480)))
    say = lambda: " ".join(rng.choice(WORDS, int(rng.integers(5, 60))))
    items = [{"image": f"{i % 64}.jpg", "conversations": [{"from": "human", "value": "<image>\n" + say()},
                                                          {"from": "gpt", "value": say()}] } for i in range(count)]
    (folder / "items.json").write_text(json.dumps(items))


def outcome(words):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{words}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().split("\n")[-1])


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def ours(self, config, samples, **settings):
        words = [self.options.program, "data", "batch", config, "--tokenizer", self.options.model, "--batch-size", 16,
                 "--batches", samples // 16, "--workers", self.options.threads, "--json", "--quiet"]
        for key, value in settings.items():
            words += ["--set", f"data.{key}={value}"]
        found = outcome(words)
        return {"samples_per_second": found["samples"] / found["seconds"], "peak_rss_mib": found["peak_rss_mib"]}

    def beside(self, name, ours, peer):
        ours()
        rounds = []
        for _ in range(self.options.rounds):
            rounds.append((ours(), peer()))
        rate = [statistics.median(r[i]["samples_per_second"] for r in rounds) for i in (0, 1)]
        memory = [statistics.median(r[i]["peak_rss_mib"] for r in rounds) for i in (0, 1)]
        print(f"{name}: {rate[0]:.0f} samples/s, peer {rate[1]:.0f}: {rate[0] / rate[1]:.2f}x; "
              f"{memory[0]:.0f} MiB, peer {memory[1]:.0f} MiB", flush=True)
        return rate[0]

    def robots(self):
        pictures = write_robot(self.folder, 120, 40)
        limit = decoder_limit(pictures)
        config = self.folder / "openx.yaml"
        config.write_text(f"DATA_PATH: ['{self.folder}']\nIMAGE_FOLDER: ['x+mx-bridge_oxe']\n"
                          f"data: {{tags: [openx], mixture: {{{ROBOT}: 1}}}}\n")
        source = self.folder / ROBOT / "1.0.0"

        def tf_data(side, samples):
            return lambda: outcome([sys.executable, HERE / "peers/tf_data.py", source, self.options.model, side, samples,
                                    self.options.threads, 16])

        for side, samples in ((256, 6400), (512, 1600), (224, 6400)):
            rate = self.beside(f"robot frames of 256 px at {side} px",
                               lambda: self.ours(config, samples, image_size=side), tf_data(side, samples))
            self.share(rate, limit)
        self.beside("robot frames without pictures", lambda: self.ours(config, 64000, images="false"), tf_data(0, 16000))

    def conversations(self):
        write_conversations(self.folder, 2000)
        items = self.folder / "items.yaml"
        items.write_text(f"DATA_PATH: ['{self.folder / 'items.json'}']\nIMAGE_FOLDER: ['{self.folder}']\ndata: {{tags: [llava]}}\n")
        rate = self.beside("conversations with pictures of 640 x 480, crops of 336 px",
                           lambda: self.ours(items, 800, image_size=336),
                           lambda: outcome([sys.executable, HERE / "peers/torch_loader.py", self.folder / "items.json",
                                            self.options.model, 336, 4, 800, self.options.threads, 16]))
        self.share(rate, decoder_limit([file.read_bytes() for file in self.folder.glob("*.jpg")]))

    def share(self, rate, limit):
        print(f"    {rate / self.options.threads / limit:.0%} of what a decoder of JPEG alone does a core ({limit:.0f}/s)", flush=True)


def decoder_limit(pictures, seconds=2.0):
    """Pictures/s that TensorFlow's JPEG decoder alone does on one core."""
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(1)
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        tf.io.decode_jpeg(pictures[count % len(pictures)])
        count += 1
    return count / (time.perf_counter() - begun)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=["robots", "conversations"])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        bench = Bench(options, pathlib.Path(made))
        if "robots" in options.only:
            bench.robots()
        if "conversations" in options.only:
            bench.conversations()


if __name__ == "__main__":
    main()
