#!/usr/bin/env python3
"""Compares how `magma data` reads Open-X data sets with rules written anew in numpy from data_formats.md 2.

TensorFlow Datasets writes RLDS folders of many layouts with random but plausible values; TensorFlow reads the records
back; actions, languages, statistics and normalised actions are computed here and compared with `magma data show` and
`magma data stats`, and so are the numbers of the tokens.

usage: openx_parity.py PROGRAM [FOLDER]
  pip install tensorflow-cpu==2.21.0 tensorflow-datasets==4.9.10 numpy==2.4.6
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from openx_parity_layouts import LAYOUTS, f32

DROID_Q01 = f32([-0.7776297926902771, -0.5803514122962952, -0.5795090794563293, -0.6464047729969025,
                 -0.7041108310222626, -0.8895104378461838])
DROID_Q99 = f32([0.7597932070493698, 0.5726242214441299, 0.7351000607013702, 0.6705610305070877, 0.6464948207139969,
                 0.8897542208433151])
EDGES = -1 + 2 * np.arange(256) / 255


def write(dataset, layout, folder, episodes, splits):
    """One TFDS folder; each episode knows its number."""
    class Made(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        name = dataset
        VERSION = tfds.core.Version("1.0.0")
        RELEASE_NOTES = {"1.0.0": "made for a comparison"}

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict({
                "steps": tfds.features.Dataset({**layout.features(), "is_first": np.bool_, "is_last": np.bool_}),
                "episode_metadata": {"number": np.int64}}))

        def _split_generators(self, _):
            return {split: self._generate_examples(numbers) for split, numbers in splits.items()}

        def _generate_examples(self, numbers):
            for number in numbers:
                yield number, {"steps": episodes[number], "episode_metadata": {"number": number}}

    builder = Made(data_dir=str(folder))
    builder.download_and_prepare(download_config=tfds.download.DownloadConfig(num_shards=3 if len(splits) == 1 else 2))
    return builder


def stored_records(builder, split, camera_keys):
    """(file, record, episode number, {camera: bytes of each step}) in the order of the files."""
    for path in builder.info.splits[split].filepaths:
        for record, raw in enumerate(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()):
            feature = tf.train.Example.FromString(raw).features.feature
            pictures = {key: list(feature["steps/observation/" + key].bytes_list.value) for key in camera_keys}
            yield pathlib.Path(path).name, record, feature["episode_metadata/number"].int64_list.value[0], pictures


def numpy_statistics(rows):
    wide = rows.astype(np.float64)
    return {"mean": wide.mean(0), "std": wide.std(0), "max": wide.max(0), "min": wide.min(0),
            "q01": np.quantile(wide, 0.01, axis=0), "q99": np.quantile(wide, 0.99, axis=0)}


def normalised(actions, statistics, kind):
    """With the operations of TensorFlow, in float32 where it has them so."""
    x = tf.constant(actions)
    mask = np.array([True] * 6 + [False])
    if kind == "normal":
        return tf.where(mask, (x - statistics["mean"]) / (statistics["std"] + 1e-8), x).numpy()
    low, high = (statistics["min"], statistics["max"]) if kind == "bounds" else (statistics["q01"], statistics["q99"])
    y = tf.where(mask, tf.clip_by_value(2 * (x - low) / (high - low + 1e-8) - 1, -1, 1), x)
    return tf.where(statistics["min"] == statistics["max"], 0.0, y).numpy()


def moves(action):
    zero = 2 * (0 - DROID_Q01) / (DROID_Q99 - DROID_Q01 + 1e-8) - 1
    return bool(np.any(np.abs(action[:6] - zero) > 1e-5))


class Comparison:
    def __init__(self, program):
        self.program, self.bad, self.counts = program, [], {"samples": 0, "tokens": 0, "token faults": 0}
        self.worst = 0.0

    def run(self, *arguments):
        done = subprocess.run([self.program, "data", *map(str, arguments), "--json", "--quiet"], capture_output=True,
                              text=True)
        if done.returncode != 0:
            self.bad.append(f"{arguments}: exit {done.returncode}: {done.stderr.strip()}")
            return []
        return [json.loads(line) for line in done.stdout.splitlines()]

    def close(self, got, wanted, what, tolerance=1e-6):
        got, wanted = np.asarray(got, np.float64), np.asarray(wanted, np.float64)
        if got.shape != wanted.shape:
            self.bad.append(f"{what}: shape {got.shape}, wanted {wanted.shape}")
            return
        error = np.abs(got - wanted) / np.maximum(np.abs(wanted), 1)
        self.worst = max(self.worst, float(error.max(initial=0)))
        if error.max(initial=0) > tolerance:
            self.bad.append(f"{what}: {got} wanted {wanted}")

    def same(self, got, wanted, what):
        if got != wanted:
            self.bad.append(f"{what}: {got!r}, wanted {wanted!r}")

    def statistics(self, name, folder, all_rows, proprio_rows, trajectories):
        for flags, proprio in (((), np.zeros_like(all_rows)), (("--proprio",), proprio_rows)):
            found = self.run("stats", folder, *flags)
            if not found:
                return
            got = found[0][name]
            for key, wanted in numpy_statistics(all_rows).items():
                self.close(got["action"][key], wanted, f"{name} statistics {key}")
            for key, wanted in numpy_statistics(proprio).items():
                self.close(got["proprio"][key], wanted, f"{name} statistics of proprio {flags} {key}")
            self.same(got["action"]["mask"], [True] * 6 + [False], f"{name} mask")
            self.same((got["num_transitions"], got["num_trajectories"]), (len(all_rows), trajectories), f"{name} counts")

    def samples(self, name, got, wanted, euler_of_quaternion):
        self.same(len(got), len(wanted), f"{name} number of samples")
        for ours, theirs in zip(got, wanted):
            what = f"{name} {theirs['origin']}"
            self.counts["samples"] += 1
            self.same(ours["origin"], theirs["origin"], what)
            self.same((ours["dataset"], ours["language"]), (name, theirs["language"]), what)
            # Near the poles of Euler angles the last bit of an f32 quaternion turns roll and yaw by 1 / cos(pitch).
            turn = 1 / abs(np.cos(theirs["action"][4])) if euler_of_quaternion else 1
            self.close(ours["action"], theirs["action"], what + " action", 1e-6 * turn)
            self.close(ours["action_normalised"], theirs["normalised"], what + " normalised", 2e-6)
            clipped = [np.clip(values, -1, 1) for values in (ours["action_normalised"], theirs["normalised"])]
            tokens = [np.digitize(np.asarray(values, np.float64), EDGES) for values in clipped]
            self.counts["tokens"] += 7
            self.counts["token faults"] += int((tokens[0] != tokens[1]).sum())
            if ours["image"] is None or not theirs["images"]:
                self.same(ours["image"], None if not theirs["images"] else "a picture", what + " image")
                continue
            hashes = [hashlib.sha256(image).hexdigest() for image in theirs["images"]]
            if ours["image"]["sha256"] not in hashes:
                self.bad.append(what + " image")
            theirs["which"].append(hashes.index(ours["image"]["sha256"]) if ours["image"]["sha256"] in hashes else -1)


def expected(builder, layout, split, trajectories, statistics, kind):
    """What `magma data show` should say of the whole of a split, and whose episodes tossed for their camera."""
    lines = []
    for file, record, number, pictures in stored_records(builder, split, layout.cameras):
        trajectory = trajectories[number]
        scaled = normalised(trajectory.actions, statistics, kind)
        filtered = normalised(trajectory.actions, statistics, "bounds_q99") if layout.moving_only else None
        which = []
        for t in range(len(trajectory.actions)):
            if layout.moving_only and not moves(filtered[t]):
                continue
            step = trajectory.first + t
            lines.append({"origin": {"file": file, "record": record, "step": step}, "number": number,
                          "language": trajectory.languages[t].lower(), "action": trajectory.actions[t],
                          "normalised": scaled[t], "images": [pictures[key][step] for key in layout.cameras],
                          "which": which})
    return lines


def compare(comparison, name, layout, folder):
    rng = np.random.default_rng(sum(name.encode()))
    with_val = layout.with_val
    count = 13
    episodes = {number: layout.make(rng, number) for number in range(count)}
    splits = {"train": range(9), "val": range(9, 11), "test": range(11, 13)} if with_val else {"train": range(count)}
    builder = write(name, layout, folder, episodes, splits)
    trajectories = {number: layout.standardise(steps) for number, steps in episodes.items()}
    source = pathlib.Path(builder.data_dir)
    rows = np.concatenate([t.actions for t in trajectories.values()])
    proprio = np.concatenate([t.proprio for t in trajectories.values()])
    comparison.statistics(name, source, rows, proprio, count)
    statistics = numpy_statistics(rows)
    for kind in ("bounds_q99", "bounds", "normal"):
        wanted = [line for split in builder.info.splits
                  for line in expected(builder, layout, split, trajectories, statistics, kind)]
        got = comparison.run("show", source, "--split", "all", *comparison.setting(kind))
        comparison.samples(name, got, wanted, layout.euler_of_quaternion)
    tosses = {line["number"]: line["which"] for line in wanted}
    for number, which in tosses.items():
        if len(set(which)) > 1:
            comparison.bad.append(f"{name} episode {number}: the camera changes within the episode")
    if layout.moving_only and len({which[0] for which in tosses.values()}) != 2:
        comparison.bad.append(f"{name}: the cameras are never swapped")
    for split in ("train", "val"):
        if with_val:
            numbers = sum(len(trajectories[n].actions) for n in splits[split])
        else:
            slice_of = f"train[{':95%' if split == 'train' else '95%:'}]"
            taken = builder.info.splits[slice_of].num_examples
            order = [number for _, _, number, _ in stored_records(builder, "train", [])]
            part = order[:taken] if split == "train" else order[len(order) - taken:]
            numbers = sum(1 for line in wanted if line["number"] in part)
        comparison.same(len(comparison.run("show", source, "--split", split)), numbers, f"{name} split {split}")
    return len(rows)


def main():
    tfds.disable_progress_bar()
    program = sys.argv[1]
    comparison = Comparison(program)
    # Builds without the verb for whole configurations have a plain option instead.
    shown = subprocess.run([program, "data", "show", "--help"], capture_output=True, text=True).stdout
    setting = "--set" if "--set" in shown else "--normalisation"
    comparison.setting = lambda kind: (setting, "data.normalisation=" + kind) if setting == "--set" else (setting, kind)
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else made)
        for name, layout in LAYOUTS.items():
            before = len(comparison.bad)
            transitions = compare(comparison, name, layout, folder)
            print(f"{name}: {transitions} transitions, {len(comparison.bad) - before} faults", flush=True)
    print("\n".join(comparison.bad[:40]))
    print(f"{len(LAYOUTS)} layouts, {comparison.counts}, largest deviation {comparison.worst:.2e}, "
          f"{len(comparison.bad)} faults")
    return 1 if comparison.bad or comparison.counts["token faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
