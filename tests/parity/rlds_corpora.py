"""Writes TFDS/RLDS folders and TFRecord files with TensorFlow, and reads them back with it, as the lines that
`magma data show --raw --json` should print."""
import base64
import hashlib
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import ml_dtypes  # noqa: E402, F401  numpy learns bfloat16 from it
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_datasets as tfds  # noqa: E402

F = tfds.features
tfds.disable_progress_bar()
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("float16", "float32", "float64")
ENCODED = ("uint8", "int16", "uint64", "float16", "bfloat16", "float32", "float64", "bool")
WORDS = ("pick up the red block", "Öffne die Schublade", "把杯子放下", "", "a\n\"quoted\"\tline")


# ---- writing -------------------------------------------------------------------------------------------------------

def write_dataset(root, name, features, episodes, shards=1, version="1.0.0"):
    """`episodes`: {split: function that yields examples}; returns the version folder."""
    def split_generators(self, dl_manager):
        del dl_manager
        return {split: ((f"{i:06d}", example) for i, example in enumerate(make())) for split, make in episodes.items()}

    members = {
        "VERSION": tfds.core.Version(version),
        "name": name,
        "__module__": __name__,
        "_info": lambda self: tfds.core.DatasetInfo(builder=self, features=features, description=name),
        "_split_generators": split_generators,
        "_generate_examples": lambda self: None,
    }
    builder_class = type("".join(word.title() for word in name.split("_")), (tfds.core.GeneratorBasedBuilder,), members,
                         skip_registration=True)
    builder = builder_class(data_dir=str(root))
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(num_shards=shards, try_download_gcs=False))
    return pathlib.Path(builder.data_path)


def all_kinds_features(side):
    numbers = {dtype: F.Tensor(shape=(2,), dtype=np.dtype(dtype)) for dtype in INTEGERS + FLOATS}
    scalars = {dtype: F.Scalar(dtype=np.dtype(dtype)) for dtype in ("int32", "uint64", "float64", "bool")}
    encoded = {}
    for encoding in ("bytes", "zlib"):
        for dtype in ENCODED:
            encoded[f"{dtype}_{encoding}"] = F.Tensor(shape=(2, 3), dtype=np.dtype(dtype), encoding=encoding)
        encoded[f"rows_{encoding}"] = F.Tensor(shape=(None, 2), dtype=np.float32, encoding=encoding)
        encoded[f"grid_{encoding}"] = F.Tensor(shape=(None, None), dtype=np.int32, encoding=encoding)
    return F.FeaturesDict({
        "steps": F.Dataset({
            "observation": {
                "image": F.Image(shape=(side, side, 3), encoding_format="jpeg"),
                "any_size": F.Image(shape=(None, None, 3), encoding_format="png"),
                "grey": F.Image(shape=(None, None, 1), encoding_format="png"),
                "depth16": F.Image(shape=(side, side, 1), dtype=np.uint16, encoding_format="png"),
                "depth_float": F.Image(shape=(side, side, 1), dtype=np.float32, encoding_format="png"),
                "clip_function_input/base_pose": F.Tensor(shape=(3,), dtype=np.float32),
                "numbers": numbers,
                "scalars": scalars,
                "encoded": encoded,
                "matrix": F.Tensor(shape=(2, 3), dtype=np.int32),
                "flags": F.Tensor(shape=(3,), dtype=np.bool_),
                "names": F.Tensor(shape=(2,), dtype=np.str_),
            },
            "action": F.Tensor(shape=(7,), dtype=np.float32),
            "reward": F.Scalar(dtype=np.float32),
            "is_first": np.bool_, "is_last": np.bool_, "is_terminal": np.bool_,
            "language_instruction": F.Text(),
            "label": F.ClassLabel(num_classes=5),
            "objects": F.Sequence({"box": F.Tensor(shape=(4,), dtype=np.float32), "name": F.Text()}),
            "tokens": F.Sequence(F.Sequence(np.int32)),
            "crops": F.Sequence(F.Image(shape=(None, None, 3), encoding_format="png")),
            "clip": F.Video(shape=(None, side, side, 3)),
            "bounding_box": F.BBoxFeature(),
        }),
        "episode_metadata": {
            "file_path": F.Text(),
            "has/slash": F.Scalar(dtype=np.bool_),
            "tags": F.Sequence(F.Text()),
            "counts": F.Sequence(np.int64),
            "three": F.Sequence(np.uint8, length=3),
            "nested": F.Sequence(F.Sequence(F.Tensor(shape=(2,), dtype=np.float32))),
            "points": F.Tensor(shape=(None, 3), dtype=np.float32),
            "columns": F.Tensor(shape=(2, None), dtype=np.int64),
            "grid": F.Tensor(shape=(None, None, 2), dtype=np.uint8, encoding="zlib"),
            "raw": F.Tensor(shape=(), dtype=np.object_),
            "id": F.Scalar(dtype=np.uint64),
            "preview": F.Image(shape=(None, None, 3)),
        },
    })


def random_numbers(rng, dtype, shape):
    dtype = np.dtype(dtype)
    if dtype == np.bool_:
        return rng.integers(0, 2, shape).astype(np.bool_)
    if dtype.name in INTEGERS:
        info = np.iinfo(dtype)
        values = rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)
        flat = values.reshape(-1)
        if flat.size > 1:
            flat[0], flat[-1] = info.min, info.max
        return values
    values = (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4, shape)).astype(np.float32).astype(dtype)
    special = rng.integers(0, 40, shape)
    for which, value in enumerate((np.nan, np.inf, -np.inf, -0.0)):
        values = np.where(special == which, np.array(value, dtype), values).astype(dtype)
    return values


def random_pixels(rng, h, w, channels=3, dtype=np.uint8):
    if dtype == np.float32:
        return rng.standard_normal((h, w, channels)).astype(np.float32)
    return rng.integers(0, np.iinfo(dtype).max, (h, w, channels), dtype=dtype, endpoint=True)


def all_kinds_step(rng, side, step, steps):
    size = lambda low=1, high=5: int(rng.integers(low, high))  # noqa: E731
    encoded = {}
    for encoding in ("bytes", "zlib"):
        for dtype in ENCODED:
            encoded[f"{dtype}_{encoding}"] = random_numbers(rng, dtype, (2, 3))
        encoded[f"rows_{encoding}"] = random_numbers(rng, "float32", (size(0), 2))
        encoded[f"grid_{encoding}"] = random_numbers(rng, "int32", (size(), size()))
    objects = size(0, 4)
    return {
        "observation": {
            "image": random_pixels(rng, side, side),
            "any_size": random_pixels(rng, side + size(), side + size()),
            "grey": random_pixels(rng, side, side + size(), 1),
            "depth16": random_pixels(rng, side, side, 1, np.uint16),
            "depth_float": random_pixels(rng, side, side, 1, np.float32),
            "clip_function_input/base_pose": random_numbers(rng, "float32", (3,)),
            "numbers": {dtype: random_numbers(rng, dtype, (2,)) for dtype in INTEGERS + FLOATS},
            "scalars": {dtype: random_numbers(rng, dtype, (1,))[0] for dtype in ("int32", "uint64", "float64", "bool")},
            "encoded": encoded,
            "matrix": random_numbers(rng, "int32", (2, 3)),
            "flags": random_numbers(rng, "bool", (3,)),
            "names": np.array([WORDS[size(0)], WORDS[size(0)]], dtype=object),
        },
        "action": rng.standard_normal(7).astype(np.float32),
        "reward": np.float32(step),
        "is_first": step == 0, "is_last": step == steps - 1, "is_terminal": step == steps - 1,
        "language_instruction": WORDS[size(0, 5)],
        "label": size(0, 5),
        "objects": [{"box": random_numbers(rng, "float32", (4,)), "name": WORDS[size(0)]} for _ in range(objects)],
        "tokens": [[size(-9, 9) for _ in range(size(0))] for _ in range(size(0))],
        "crops": [random_pixels(rng, 3, 5) for _ in range(size(0, 3))],
        "clip": [random_pixels(rng, side, side) for _ in range(size(0, 3))],
        "bounding_box": F.BBox(ymin=0.1, xmin=0.25, ymax=0.5, xmax=0.75),
    }


def all_kinds_episodes(seed, count, side, least_steps=1):
    rng = np.random.default_rng(seed)
    for _ in range(count):
        steps = int(rng.integers(least_steps, 5))
        size = lambda: int(rng.integers(0, 4))  # noqa: E731
        yield {
            "steps": [all_kinds_step(rng, side, step, steps) for step in range(steps)],
            "episode_metadata": {
                "file_path": "/data/" + WORDS[size()],
                "has/slash": bool(rng.integers(0, 2)),
                "tags": [WORDS[size()] for _ in range(size())],
                "counts": rng.integers(-9, 9, size()),
                "three": rng.integers(0, 9, 3).astype(np.uint8),
                "nested": [[random_numbers(rng, "float32", (2,)) for _ in range(size())] for _ in range(size())],
                "points": random_numbers(rng, "float32", (size(), 3)),
                "columns": random_numbers(rng, "int64", (2, size())),
                "grid": random_numbers(rng, "uint8", (size(), size(), 2)),
                "raw": bytes(rng.integers(0, 256, 9, dtype=np.uint8)),
                "id": np.uint64(rng.integers(0, 2**64 - 1, dtype=np.uint64)),
                "preview": random_pixels(rng, side, side + 1),
            },
        }


def write_all_kinds(root, name, episodes, shards=1, side=16, seed=1):
    make = {split: (lambda i=i, count=count: all_kinds_episodes(seed + i, count, side))
            for i, (split, count) in enumerate(episodes.items())}
    return write_dataset(root, name, all_kinds_features(side), make, shards)


def example_records(seed, count, sequences=True):
    """Serialised Examples, and every third a SequenceExample."""
    rng = np.random.default_rng(seed)
    int64_list = lambda n: tf.train.Feature(int64_list=tf.train.Int64List(value=random_numbers(rng, "int64", (n,))))  # noqa: E731
    float_list = lambda n: tf.train.Feature(float_list=tf.train.FloatList(value=random_numbers(rng, "float32", (n,))))  # noqa: E731
    bytes_list = lambda n: tf.train.Feature(bytes_list=tf.train.BytesList(  # noqa: E731
        value=[bytes(rng.integers(0, 256, int(rng.integers(0, 9)), dtype=np.uint8)) for _ in range(n)]))
    records = []
    for i in range(count):
        size = lambda: int(rng.integers(0, 5))  # noqa: E731
        features = tf.train.Features(feature={
            "numbers": int64_list(size()), "reals/of a name": float_list(size()), "Bytes ü": bytes_list(size()),
            "nothing": tf.train.Feature(), "": int64_list(1)})
        if sequences and i % 3 == 2:
            lists = {"frames": [bytes_list(1) for _ in range(size())], "scores": [float_list(size()) for _ in range(3)],
                     "empty": []}
            record = tf.train.SequenceExample(context=features, feature_lists=tf.train.FeatureLists(feature_list={
                name: tf.train.FeatureList(feature=values) for name, values in lists.items()}))
        else:
            record = tf.train.Example(features=features)
        records.append(record.SerializeToString(deterministic=True))
    return records


def write_records(path, records, wrapper):
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(compression_type=wrapper)) as writer:
        for record in records:
            writer.write(record)


# ---- reading back --------------------------------------------------------------------------------------------------

def text_entry(text):
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(text).decode()}


def image_entry(encoded):
    kind = "jpeg" if encoded.startswith(b"\xff\xd8\xff") else "png"
    decode = tf.io.decode_jpeg if kind == "jpeg" else lambda data: tf.io.decode_png(data, dtype=tf.uint16)
    h, w = decode(encoded).shape[:2]
    return {"format": kind, "bytes": len(encoded), "sha256": hashlib.sha256(encoded).hexdigest(), "width": w,
            "height": h}


def leaves(feature, key="", levels=0):
    """(key, leaf, levels of sequences) of the tree."""
    if isinstance(feature, F.FeaturesDict):
        for name, inner in feature.items():
            yield from leaves(inner, f"{key}/{name}" if key else name, levels)
    elif isinstance(feature, F.Sequence):  # Dataset and Video are
        yield from leaves(feature.feature, key, levels + 1)
    else:
        yield key, feature, levels


def pick(tree, key):
    """The value of a flat key; names may hold "/" themselves."""
    while isinstance(tree, dict):
        name = next(name for name in tree if key == name or key.startswith(name + "/"))
        tree, key = tree[name], key[len(name) + 1:]
    return tree


def ragged(value, levels):
    """Items of nested sequences in order, and the lengths of all but the outermost."""
    rows, lengths = [value], []
    for _ in range(levels):
        lengths.append([len(row) if not hasattr(row, "shape") else int(row.shape[0]) for row in rows])
        rows = [row[i] for row, n in zip(rows, lengths[-1]) for i in range(n)]
    return rows, lengths[1:]


def number_value(items, leaf, levels, lengths):
    dtype = np.dtype(leaf.np_dtype)
    arrays = [np.asarray(item.numpy() if hasattr(item, "numpy") else item).astype(dtype, copy=False) for item in items]
    fixed = [0 if size is None else size for size in leaf.shape]
    common = list(arrays[0].shape) if arrays else fixed
    varying = max((i + 1 for a in arrays for i in range(a.ndim) if a.shape[i] != common[i]), default=0)
    total = len(arrays)
    rows = [1] * len(arrays)
    for level in range(varying):
        lengths = lengths + [[a.shape[level] for a, n in zip(arrays, rows) for _ in range(n)]]
        rows = [n * a.shape[level] for a, n in zip(arrays, rows)]
        total = sum(rows)
    raw = b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)
    value = {"dtype": dtype.name, "shape": ([total] if levels else []) + common[varying:],
             "sha256": hashlib.sha256(raw).hexdigest()}
    if lengths:
        value["row_lengths"] = lengths
    return value, np.frombuffer(raw, dtype)


def expected_value(leaf, levels, decoded, encoded):
    """`decoded`: what TFDS makes of it; `encoded`: the byte strings of a picture as protobuf reads them."""
    items, lengths = ragged(decoded, levels)
    if isinstance(leaf, F.Image):
        value = {"dtype": "image", "shape": [len(items)] if levels else []}
        data = [image_entry(entry) for entry in encoded]
        assert len(data) == len(items)
    elif np.dtype(leaf.np_dtype).kind in "OUS":
        texts = [np.asarray(item.numpy() if hasattr(item, "numpy") else item, dtype=object) for item in items]
        inner = list(texts[0].shape) if texts else list(leaf.shape)
        value = {"dtype": "string", "shape": ([len(items)] if levels else []) + inner}
        data = [text_entry(entry) for text in texts for entry in text.reshape(-1).tolist()]
    else:
        return number_value(items, leaf, levels, lengths)
    if lengths:
        value["row_lengths"] = lengths
    value["data"] = data
    return value, None


def expected_episodes(folder, with_numbers=False):
    """The lines of `magma data show FOLDER --raw --json`, without the numbers themselves."""
    folder = pathlib.Path(folder)
    builder = tfds.builder_from_directory(folder)
    tree = list(leaves(builder.info.features))
    lines = []
    for split, info in builder.info.splits.items():
        number = 0
        for path in info.filepaths:
            for record, serialised in enumerate(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()):
                example = builder.info.features.deserialize_example(serialised)
                stored = tf.train.Example.FromString(serialised).features.feature
                steps = list(example["steps"])
                line = {"origin": {"file": pathlib.Path(path).name, "record": record}, "split": split,
                        "episode": number, "steps": len(steps), "features": {}}
                numbers = {}
                for key, leaf, levels in tree:
                    flat = key + "/ragged_flat_values" if levels > 1 else key
                    encoded = stored[flat].bytes_list.value if isinstance(leaf, F.Image) else None
                    if key.startswith("steps/"):
                        decoded = [pick(step, key[len("steps/"):]) for step in steps]
                    else:
                        decoded = pick(example, key)
                    line["features"][key], numbers[key] = expected_value(leaf, levels, decoded, encoded)
                number += 1
                lines.append((line, numbers) if with_numbers else line)
    return lines


def feature_line(feature):
    kind = feature.WhichOneof("kind")
    if kind is None:
        return {}
    values = list(getattr(feature, kind).value)
    if kind == "bytes_list":
        return {"bytes": [base64.b64encode(value).decode() for value in values]}
    if kind == "int64_list":
        return {"int64": values}
    names = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
    return {"float": [names.get(str(value), value) for value in values]}


def expected_records(path, wrapper):
    lines, offset = [], 0
    for record, serialised in enumerate(tf.data.TFRecordDataset(str(path), compression_type=wrapper).as_numpy_iterator()):
        example = tf.train.SequenceExample.FromString(serialised)
        features = {name: feature_line(feature) for name, feature in example.context.feature.items()}
        line = {"origin": {"file": pathlib.Path(path).name, "record": record, "offset": offset}, "value": features}
        if example.HasField("feature_lists"):
            line["lists"] = {name: [feature_line(feature) for feature in values.feature]
                             for name, values in example.feature_lists.feature_list.items()}
        lines.append(line)
        offset += len(serialised) + 16
    return lines
