#!/usr/bin/env python3
"""Compares `magma data show --raw` with what torch, numpy, safetensors and json of Python wrote.

    python3 -m venv venv && venv/bin/pip install torch==2.11.0 numpy==2.4.6 safetensors==0.8.0
    venv/bin/python tests/parity/torch_parity.py build/release/magma

Objects by hand and at random in both layouts of torch.save and all its pickle protocols, tensors of safetensors, items
of JSON; and what must be refused. Prints counts; exit 1 when anything differs.
"""
import argparse
import base64
import collections
import hashlib
import io
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file

DTYPES = [torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
          torch.uint8, torch.uint16, torch.uint32, torch.uint64, torch.bool, torch.complex64, torch.complex128,
          torch.float8_e4m3fn, torch.float8_e5m2]
NUMPY = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
counts = collections.Counter()
failures = []


def number(value):
    if isinstance(value, bool) or isinstance(value, int):
        return value
    if value != value:
        return "NaN"
    return value if abs(value) != float("inf") else ("Infinity" if value > 0 else "-Infinity")


def numbers(data):
    if isinstance(data, list):
        return [numbers(item) for item in data]
    return [number(data.real), number(data.imag)] if isinstance(data, complex) else number(data)


def tensor_value(tensor):
    tensor = tensor.detach().resolve_conj().resolve_neg().contiguous()
    name = str(tensor.dtype).removeprefix("torch.")
    raw = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    wide = tensor.float() if tensor.dtype.is_floating_point and tensor.dtype != torch.float64 else tensor
    return {"dtype": name, "shape": list(tensor.shape), "sha256": hashlib.sha256(raw).hexdigest(),
            "data": numbers(wide.tolist())}


def array_value(array):
    array = np.asarray(array)
    raw = array.astype(array.dtype.newbyteorder("<")).tobytes(order="C")
    return {"dtype": array.dtype.name, "shape": list(array.shape), "sha256": hashlib.sha256(raw).hexdigest(),
            "data": numbers(array.tolist())}


def tree(value):
    if isinstance(value, torch.Tensor):
        return {"$tensor": tensor_value(value)}
    if isinstance(value, np.ndarray):
        return {"$ndarray": array_value(value)}
    if isinstance(value, np.generic):
        return {"$scalar": array_value(value)}
    if isinstance(value, (torch.device, torch.dtype)):
        return str(value)
    if isinstance(value, str):
        return json.loads(json.dumps(value))  # JSON cannot tell two lone surrogates from a pair
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return number(value)
    if isinstance(value, complex):
        return {"$complex": [number(value.real), number(value.imag)]}
    if isinstance(value, (bytes, bytearray)):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return [tree(item) for item in value]
    if isinstance(value, tuple):
        return {"$tuple": [tree(item) for item in value]}
    if isinstance(value, set):
        return {"$set": [tree(item) for item in value]}
    if all(isinstance(key, str) and not key.startswith("$") for key in value):
        return {key: tree(item) for key, item in value.items()}
    return {"$dict": [[tree(key), tree(item)] for key, item in value.items()]}


def same(ours, theirs, dtype=None):
    """Numbers of a VALUE are compared after rounding to its dtype, everything else exactly, types and order included."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict) or list(ours) != list(theirs) and "sha256" not in theirs:
            return False
        inner = theirs.get("dtype") if "sha256" in theirs else dtype
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key], inner) for key in theirs)
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(
            same(a, b, dtype) for a, b in zip(ours, theirs))
    if isinstance(theirs, float) and dtype:
        kind = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
        rounded = torch.tensor(float(ours), dtype=torch.float64).to(getattr(torch, kind)).double().item()
        return isinstance(ours, float) and rounded == theirs and str(rounded) == str(theirs)
    return type(ours) is type(theirs) and ours == theirs and str(ours) == str(theirs)


class Runner:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)

    def show(self, path):
        return subprocess.run([self.program, "data", "show", str(path), "--raw", "--json", "--elements", "all"],
                              capture_output=True, timeout=120)

    def lines(self, path, what):
        done = self.show(path)
        if done.returncode != 0:
            failures.append(f"{what}: {done.stderr.decode().strip()}")
            return None
        return [json.loads(line) for line in done.stdout.splitlines()]

    def compare(self, lines, expected, what, kind):
        counts[kind] += 1
        counts[f"{kind} values"] += len(expected)
        if lines is None:
            return
        if len(lines) != len(expected) or not all(same(a, b) for a, b in zip(lines, expected)):
            failures.append(f"{what}: {str(lines)[:300]} is not {str(expected)[:300]}")

    def torch_file(self, path, value, what, kind):
        origin = {"file": path.name}
        expected = ([{"origin": origin | {"item": i}, "value": tree(item)} for i, item in enumerate(value)]
                    if isinstance(value, list) else [{"origin": origin, "value": tree(value)}])
        self.compare(self.lines(path, what), expected, what, kind)

    def torch(self, value, what, protocols=(2, 3, 4)):
        for protocol in protocols:
            for zipped in (True, False):
                path = self.folder / ("zip.pth" if zipped else "legacy.pt")
                torch.save(value, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
                self.torch_file(path, value, f"{what}, protocol {protocol}, zip {zipped}", "torch archives")

    def refused(self, value, what):
        for zipped in (True, False):
            path = self.folder / "refused.pth"
            torch.save(value, path, _use_new_zipfile_serialization=zipped)
            counts["refusals"] += 1
            code = self.show(path).returncode
            if code != 4:
                failures.append(f"{what}: exit {code} instead of 4")


def random_tensor(rng, dtype):
    shape = [rng.randint(0, 4) for _ in range(rng.randint(0, 4))]
    generator = torch.Generator().manual_seed(rng.randrange(2**31))
    bits = torch.randint(0, 256, (*shape, max(1, dtype.itemsize)), dtype=torch.uint8, generator=generator)
    if dtype == torch.bool:
        return (bits[..., 0] & 1).bool()
    tensor = bits.contiguous().view(dtype).reshape(shape)
    return tensor if rng.random() < 0.5 or tensor.dim() < 2 else tensor.transpose(0, -1)


def random_array(rng):
    code = rng.choice(NUMPY)
    order = rng.choice("<>") if np.dtype(code).itemsize > 1 else "|"
    shape = [rng.randint(0, 4) for _ in range(rng.randint(0, 4))]
    values = np.random.default_rng(rng.randrange(2**31)).normal(0, 50, shape)
    with np.errstate(invalid="ignore"):
        array = np.asarray(values).astype(np.dtype(order + code if code != "?" else "?"))
    return np.asfortranarray(array) if rng.random() < 0.4 else array


def random_text(rng):
    return "".join(chr(rng.choice([rng.randint(0, 127), rng.randint(0, 0x24F), rng.randint(0x4E00, 0x4FFF), 0x1F600,
                                   rng.randint(0xD800, 0xDFFF)])) for _ in range(rng.randint(0, 12)))


def random_key(rng):
    return rng.choice([lambda: random_text(rng).encode("utf8", "ignore").decode(), lambda: rng.randint(-9, 9), lambda: None,
                       lambda: rng.random(), lambda: (1, rng.randint(0, 9)), lambda: b"k%d" % rng.randint(0, 9)])()


def random_object(rng, depth, made):
    leaf = depth == 0 or rng.random() < 0.3
    if made and rng.random() < 0.08:
        return rng.choice(made)
    if leaf:
        value = rng.choice([
            lambda: None, lambda: rng.random() < 0.5, lambda: rng.randint(-300, 70000), lambda: rng.randint(-2**200, 2**200),
            lambda: rng.choice([rng.gauss(0, 1e9), float("nan"), float("inf"), -float("inf"), -0.0, 5e-324, 0.1]),
            lambda: random_text(rng), lambda: rng.randbytes(rng.randint(0, 40)),
            lambda: bytearray(rng.randbytes(rng.randint(0, 9))), lambda: complex(rng.random(), -rng.random()),
            lambda: random_tensor(rng, rng.choice(DTYPES)), lambda: random_tensor(rng, rng.choice(DTYPES)),
            lambda: random_array(rng), lambda: np.dtype(rng.choice(NUMPY)).type(rng.randint(0, 100)),
            lambda: torch.Size([1, 2, rng.randint(0, 9)])])()
    else:
        items = [random_object(rng, depth - 1, made) for _ in range(rng.randint(0, 5))]
        value = rng.choice([
            lambda: items, lambda: tuple(items), lambda: {f"k{i}": item for i, item in enumerate(items)},
            lambda: {random_key(rng): item for item in items}, lambda: {rng.randint(0, 99) for _ in items},
            lambda: collections.OrderedDict((f"k{i}", item) for i, item in enumerate(items))])()
    made.append(value)
    return value


def objects_by_hand():
    base = torch.arange(24.0).reshape(2, 3, 4)
    trace = {"dataset_name": b"bridge_orig", "traj_index": np.int64(5), "frame_index": np.int32(7), "lang": "pick up",
             "action": np.array([0.5, -0.5, 0.25, -1, 1, 0, 1], np.float32),
             "trace_info": (torch.rand(1, 17, 256, 2), torch.rand(1, 17, 256) > 0.5)}
    yield trace, "trace"
    yield [trace, {"pred_tracks": base}], "list of dictionaries"
    yield [f"trace_{i}" for i in range(3000)], "list of strings"
    yield list(range(2500)), "list of integers"
    yield {"t": base, "part": base[1, :, 1:3], "step": base[:, ::2], "turned": base.permute(2, 0, 1),
           "wide": torch.ones(1).expand(300, 40)}, "shared storage"
    yield {str(dtype): random_tensor(random.Random(1), dtype) for dtype in DTYPES}, "types"
    yield {"zero": torch.tensor(3.5), "empty": torch.empty(0), "hollow": torch.empty(3, 0, 2)}, "small tensors"
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.rand(5, 4)).sum().backward()
    optimiser.step()
    yield {"module." + key: value for key, value in model.state_dict().items()}, "prefixes"
    yield {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": 1}, "training state"
    yield {"p": torch.nn.Parameter(base.clone()), "q": torch.nn.Parameter(torch.ones(2), requires_grad=False)}, "parameters"
    yield {"a": np.arange(12, dtype=">i4").reshape(3, 4), "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
           "z": np.array(2.5), "e": np.empty((0, 3), np.float16), "h": np.array([1, 65504, 6e-8], np.float16),
           "turned": np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1), "part": np.arange(10)[::3]}, "arrays"
    yield {"$t": 1}, "dollar"
    yield {1: "a", 2.5: "b", (1, "x"): "c", None: 0, True and "t": 1, b"k": 2}, "keys"
    yield {"d": torch.device("cuda", 1), "c": torch.device("cpu"), "t": torch.float32, "s": torch.Size([2, 3])}, "torch words"
    deep = "end"
    for _ in range(60):
        deep = [deep, {"in": (deep,)}][0:1]
    yield deep, "deep"
    yield "\ud83d lone \udc00 and \U0001f600", "text"
    yield [0, 1, 255, 256, 65535, 65536, -1, 2**31 - 1, 2**31, -2**31 - 1, 2**63, -2**63, 2**63 - 1, 10**300, -10**300], "integers"
    yield base, "tensor"
    yield base.to(torch.complex64).conj().resolve_conj(), "complex"


def big_endian(runner):
    """As a big-endian machine writes: the same archive with swapped storages. torch reads it too."""
    value = {"a": torch.arange(6, dtype=torch.float32), "b": torch.arange(3).to(torch.bfloat16), "c": torch.tensor([1 + 2j])}
    buffer = io.BytesIO()
    torch.save(value, buffer)
    widths = [tensor.element_size() // (2 if tensor.is_complex() else 1) for tensor in value.values()]
    path = runner.folder / "big.pth"
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if "/data/" in name:
                width = widths[int(name.rsplit("/", 1)[1])]
                content = np.frombuffer(content, f"V{width}").view(np.uint8).reshape(-1, width)[:, ::-1].tobytes()
            target.writestr(name, b"big" if name.endswith("/byteorder") else content)
    assert all(torch.equal(a, b) for a, b in zip(torch.load(path).values(), value.values()))
    runner.torch_file(path, value, "big-endian archive", "torch archives")


def refusals(runner):
    for value, what in [
            (torch.eye(3).to_sparse(), "sparse"), (torch.quantize_per_tensor(torch.rand(4), 0.1, 0, torch.qint8), "quantised"),
            (np.array([object(), None], dtype=object)[1:], "array of objects"), (np.array(["a"]), "array of strings"),
            (np.array(["2020-01-01"], "M8[D]"), "dates"), (np.zeros(2, [("a", "i4")]), "fields"),
            (frozenset([1]), "frozenset"), (collections.defaultdict(list), "defaultdict"), (torch.nn.Linear(2, 2), "module"),
            (collections.Counter("a"), "Counter"), (pathlib.PurePosixPath("a"), "path"),
            (torch.tensor([1j]).conj(), "lazily conjugated"), (torch.rand(3).storage(), "storage alone"),
            (np.dtype("f4"), "numpy type alone"), (print, "function"), (torch.rand(2).to("meta"), "meta tensor")]:
        runner.refused(value, what)


def safetensors_files(runner, rng, count):
    for number_ in range(count):
        tensors = {f"t{i}.{rng.randrange(99)}": random_tensor(rng, rng.choice(DTYPES[:14] + DTYPES[15:])).contiguous()
                   for i in range(rng.randint(0, 12))}
        path = runner.folder / "file.safetensors"
        save_file(tensors, path, metadata={"format": "pt"} if number_ % 2 else None)
        raw = path.read_bytes()
        header = json.loads(raw[8:8 + struct.unpack("<Q", raw[:8])[0]])
        order = sorted((entry["data_offsets"], name) for name, entry in header.items() if name != "__metadata__")
        expected = [{"origin": {"file": path.name, "tensor": name}, "value": tensor_value(tensors[name])} for _, name in order]
        runner.compare(runner.lines(path, f"safetensors {number_}"), expected, f"safetensors {number_}", "safetensors files")


def random_json(rng, depth):
    if depth == 0 or rng.random() < 0.3:
        text = random_text(rng).encode("utf8", "ignore").decode() + rng.choice(["", '"', "\\", "\\\"]", "[{,", "\n"])
        return rng.choice([None, True, False, rng.randint(-2**63, 2**64 - 1), rng.gauss(0, 1e5), 1e-300, 0.1, text, text])
    items = [random_json(rng, depth - 1) for _ in range(rng.randint(0, 5))]
    return items if rng.random() < 0.5 else {f"k{i} \" ,": item for i, item in enumerate(items)}


def json_files(runner, rng, count):
    for number_ in range(count):
        items = [random_json(rng, rng.randint(0, 6)) for _ in range(rng.randint(0, 30))]
        ascii_ = rng.random() < 0.5
        path = runner.folder / "file.json"
        path.write_text(json.dumps(items, ensure_ascii=ascii_, indent=rng.choice([None, 1, 4, "\t"])), encoding="utf8")
        lines = runner.folder / "file.jsonl"
        end = rng.choice(["\n", "\r\n", "\n\n", "\n \t\n"])
        text = "".join(json.dumps(item, ensure_ascii=ascii_) + end for item in items)
        lines.write_bytes(text[:rng.choice([len(text), -len(end)])].encode())
        for file in (path, lines):
            expected = [{"origin": {"file": file.name, "item": i}, "value": item} for i, item in enumerate(items)]
            runner.compare(runner.lines(file, f"json {number_}"), expected, f"{file.name} {number_}", "JSON files")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--count", type=int, default=150, help="random objects; as many tensor files and JSON files")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    torch.manual_seed(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(options.program, folder)
        for value, what in objects_by_hand():
            runner.torch(value, what)
        for number_ in range(options.count):
            runner.torch(random_object(rng, 4, []), f"random object {number_}", protocols=(rng.choice([2, 2, 3, 4]),))
        runner.torch({"t": torch.rand(3, 4), "n": [1, "x", {"y": b"z", "b": bytearray(b"w")}]}, "plain", protocols=(5,))
        big_endian(runner)
        refusals(runner)
        safetensors_files(runner, rng, options.count)
        json_files(runner, rng, options.count)
    for kind, count in counts.items():
        print(f"{kind}: {count}")
    print(f"differences: {len(failures)}")
    print("\n".join(failure[:700] for failure in failures[:20]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
