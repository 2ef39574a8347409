#!/usr/bin/env python3
"""Speed of quantised weights beside llama.cpp, same shape, random weights, same threads, in short turns.

    bench/quantised.py [--only decode gguf start xxl peers] [--turns 7] [--threads 1 2] [--quantise int4="--group 64"]

Needs build/release/magma; tools/get_llama_cpp.sh builds llama.cpp from the source release of llama-cpp-python with this
CPU's features, tools/get_peers.sh installs PyTorch, tools/get_smollm2.sh gives the tokenizer of the GGUF files.

decode   prefill of 512 tokens and decode of 64 behind them. Of magma a turn is a process of `magma bench model`; llama.cpp
         stays loaded between its turns (bench/peers/llama_peer.py serve). Neighbours in the order of turns make a pair; the
         order is turned round from one to the next. Beside each pair the plain read bandwidth that the process of magma
         measured right behind its decoding, and the share of it that either program's bytes of a token make.
gguf     the same GGUF file in both.
start    whole processes, files in the page cache: magma logits on 8 tokens, and bench/peers/llama_start.cpp, a program of
         the C interface without Python: load, 8 tokens, the best next one. `plain` leaves out its repacking of the weights.
xxl      ConvNeXt-XXL in int8 beside PyTorch eager in bf16.
peers    llama.cpp alone, in every format: what must be beaten.

Q4_0 is what llama-quantize makes of it (head in Q6_K), Q4_0 pure has the head in Q4_0 too; plain: not repacked. Prints a table and leaves
build/bench/quantised.json with every turn.
"""
import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import time

import model as network

ROOT, WORK, MAGMA = network.ROOT, network.WORK, network.MAGMA
PEERS = ROOT / "bench/peers"
LLAMA = ROOT / "build/peers-llama/bin/python"
SMOLLM2 = ROOT / "build/models/SmolLM2-135M-Instruct.Q4_1.gguf"
FORMATS = {"Q8_0": [], "Q4_0": [], "Q4_0 pure": ["--pure"], "Q4_K_M": [], "Q4_K pure": ["--pure"]}


def run(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(str(c) for c in command)}\n{done.stderr}")


def made(path, *command):
    if not path.exists():
        run(*command)
    return path


def gguf(name, kind):
    """The GGUF file of a shape of bench/model.py in llama.cpp's format `kind`."""
    stored = WORK / f"{name}.bf16.gguf"
    if not stored.exists():
        run(LLAMA, PEERS / "gguf_files.py", "folder", network.model(name), SMOLLM2, stored)
    to = "Q4_K_S" if kind == "Q4_K pure" else kind.split()[0]
    path = WORK / f"{name}.{kind.replace(' ', '-')}.gguf"
    return made(path, LLAMA, PEERS / "llama_peer.py", "quantise", stored, path, "--to", to, *FORMATS[kind])


class Ours:
    """One turn is one process of `magma bench model`."""

    def __init__(self, label, path, threads):
        self.label, self.path, self.threads = label, path, threads

    def turn(self, tokens, decode):
        report = network.output_of([MAGMA, "bench", "model", "--model", self.path, "--threads", self.threads, "--tokens", tokens, "--decode", decode,
                                    "--rounds", 1, "--json"])
        row = report["lengths"][0]
        return {"prefill": row["prefill_tokens_per_s"], "decode": row["decode_tokens_per_s"], "share": row["decode_of_ceiling"],
                "bandwidth": report["bandwidth_gb_per_s"], "peak": report["peak_bytes"]}

    def close(self):
        pass


class Theirs:
    """llama.cpp, loaded once."""

    def __init__(self, label, path, threads, *options):
        self.label, self.path, self.threads = label, path, threads
        self.bytes = token_bytes(path)
        self.process = subprocess.Popen([str(LLAMA), str(PEERS / "llama_peer.py"), "serve", str(path), "--threads", str(threads), *options],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"llama.cpp ended with {self.process.wait()} on {self.path}")
        return json.loads(line)

    def turn(self, tokens, decode):
        self.process.stdin.write(json.dumps({"tokens": tokens, "decode": decode}) + "\n")
        self.process.stdin.flush()
        answer = self.answer()
        return {"prefill": answer["prefill_tokens_per_s"], "decode": answer["decode_tokens_per_s"], "peak": answer["peak_bytes"]}

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def token_bytes(path):
    """Bytes of the matrices that a decoded token reads."""
    script = ("import sys; from gguf import GGUFReader; ts = GGUFReader(sys.argv[1]).tensors; tied = all(t.name != 'output.weight' for t in ts); "
              "print(sum(int(t.n_bytes) for t in ts if tied or t.name != 'token_embd.weight'))")
    return int(subprocess.run([LLAMA, "-c", script, path], check=True, stdout=subprocess.PIPE, text=True).stdout)


def part(values, share):
    """The value below which `share` of them lie, between neighbours where need be."""
    ordered, place = sorted(values), share * (len(values) - 1)
    low = int(place)
    return ordered[low] + (place - low) * (ordered[min(low + 1, len(ordered) - 1)] - ordered[low])


def take_turns(programs, turns, tokens, decode):
    """{label: [turn]}; forwards and backwards by turns, so that drift falls on both sides of a pair."""
    rows = {program.label: [] for program in programs}
    try:
        for number in range(turns):
            for program in programs if number % 2 == 0 else reversed(programs):
                rows[program.label].append(program.turn(tokens, decode))
    finally:
        for program in programs:
            program.close()
    return rows


class Table:
    def __init__(self):
        self.rows, self.json = [], []

    def pair(self, what, mine, peer, unit, goal="-", accepted="-", more_is_better=True, note=""):
        ratios = [a / b if more_is_better else b / a for a, b in zip(mine, peer)]
        p10, middle, p90 = part(ratios, 0.1), statistics.median(ratios), part(ratios, 0.9)
        self.json.append({"what": what, "unit": unit, "magma": mine, "peer": peer, "p10": p10, "median": middle, "p90": p90, "goal": goal,
                          "accepted": accepted, "note": note})
        self.rows.append(f"{what:<44}{statistics.median(mine):>9.2f}{statistics.median(peer):>9.2f} {unit:<6}{p10:>6.2f}{middle:>6.2f}{p90:>6.2f}  "
                         f"{goal:>5} {accepted:>5}  {note}")

    def alone(self, what, values, unit, note=""):
        self.json.append({"what": what, "unit": unit, "peer": values, "note": note})
        self.rows.append(f"{what:<44}{'':>9}{statistics.median(values):>9.2f} {unit:<6}{min(values):>6.1f} to{max(values):>6.1f}  {note}")

    def show(self):
        print(f"{'medians':<44}{'magma':>9}{'peer':>9} {'':<6}{'p10':>6}{'ratio':>6}{'p90':>6}  {'goal':>5} {'least':>5}")
        print("\n".join(self.rows), flush=True)
        self.rows = []


def read_beside(rows, label, bytes_of_token):
    """The bandwidth beside a pair, and the share of it that each side reads."""
    mine, peer = label
    bandwidth = [turn["bandwidth"] for turn in rows[mine]]
    theirs = [turn["decode"] * bytes_of_token / 1e9 / read for turn, read in zip(rows[peer], bandwidth)]
    return (f"read {statistics.median(bandwidth):.1f} GB/s; of it {statistics.median(t['share'] for t in rows[mine]):.2f} and "
            f"{statistics.median(theirs):.2f}")


def compare_decode(table, options, programs, pairs, threads):
    """`pairs`: (what, label of ours, label of theirs, decode or prefill, goal, accepted)."""
    rows = take_turns(programs, options.turns, options.tokens, options.decode)
    bytes_of = {program.label: program.bytes for program in programs if isinstance(program, Theirs)}
    for what, mine, peer, kind, goal, accepted in pairs:
        note = read_beside(rows, (mine, peer), bytes_of[peer]) if kind == "decode" else ""
        table.pair(f"{what}, {threads} thr", [t[kind] for t in rows[mine]], [t[kind] for t in rows[peer]], "tok/s", goal, accepted, note=note)
    return rows


def bench_decode(table, options, report):
    for threads in options.threads:
        goals = {"1": (("1.35", "1.15"), ("1.6", "1.3")), "2": (("1.15", "1.0"), ("1.3", "1.1"))}.get(threads, (("-", "-"), ("-", "-")))
        programs = [Ours("int4", quantised("1b", "int4", options), threads), Theirs("Q4_0", gguf("1b", "Q4_0"), threads),
                    Ours("int8", quantised("1b", "int8", options), threads), Theirs("Q8_0", gguf("1b", "Q8_0"), threads)]
        pairs = [("int4 decode / Q4_0", "int4", "Q4_0", "decode", *goals[0]), ("int8 decode / Q8_0", "int8", "Q8_0", "decode", *goals[1]),
                 ("int4 prefill / Q4_0", "int4", "Q4_0", "prefill", *(("3", "2") if threads == "2" else ("-", "-"))),
                 ("int8 prefill / Q4_0", "int8", "Q4_0", "prefill", *(("3", "2") if threads == "2" else ("-", "-")))]
        report[f"decode {threads}"] = compare_decode(table, options, programs, pairs, threads)
        table.show()


def bench_gguf(table, options, report):
    for threads in options.threads:
        programs, pairs = [], []
        for kind in ("Q4_0", "Q8_0", "Q4_K_M"):
            programs += [Ours(f"magma {kind}", gguf("1b", kind), threads), Theirs(kind, gguf("1b", kind), threads)]
            pairs += [(f"the file {kind}, {what}", f"magma {kind}", kind, what, "-", "-") for what in ("decode", "prefill")]
        report[f"gguf {threads}"] = compare_decode(table, options, programs, pairs, threads)
        table.show()


def bench_peers(table, options, report):
    for threads in options.threads:
        programs = [Theirs(kind, gguf("1b", kind), threads) for kind in FORMATS]
        programs.append(Theirs("Q4_0 plain", gguf("1b", "Q4_0"), threads, "--plain"))
        rows = take_turns(programs, options.turns, options.tokens, options.decode)
        report[f"peers {threads}"] = rows
        for kind, turns in rows.items():
            for what in ("decode", "prefill"):
                table.alone(f"llama.cpp {kind} {what}, {threads} thr", [turn[what] for turn in turns], "tok/s")
        table.show()


def seconds(command):
    begin = time.perf_counter()
    run(*command)
    return time.perf_counter() - begin


def bench_start(table, options, report):
    folder, file, out = quantised("1b", "int4", options), gguf("1b", "Q4_0"), WORK / "start.safetensors"
    starter = ROOT / "build/peers-llama/bin/llama_start"
    for threads in options.threads:
        programs = {"magma": [MAGMA, "logits", "--model", folder, "--ids", "1,2,3,4,5,6,7,8", "--threads", threads, "-o", out],
                    "llama.cpp": [starter, file, threads], "plain": [starter, file, threads, "plain"]}
        times = {name: [] for name in programs}
        for command in programs.values():
            run(*command)  # into the page cache
        for _ in range(options.turns):
            for name, command in programs.items():
                times[name].append(seconds(command))
        report[f"start {threads}"] = times
        table.pair(f"start to first token int4 / Q4_0, {threads} thr", times["magma"], times["llama.cpp"], "s", "1.0", "0.8", False)
        table.pair(f"  llama.cpp without repacking, {threads} thr", times["magma"], times["plain"], "s", more_is_better=False)
        table.show()


def bench_xxl(table, options, report):
    folder, mine, peer = quantised("xxl", "int8", options), [], []
    for _ in range(options.turns):
        mine.append(network.output_of([MAGMA, "bench", "model", "--model", folder, "--threads", 2, "--tokens", 8, "--decode", 1, "--rounds", 1,
                                       "--json"])["encode_ms"])
        peer.append(network.theirs("encode", "xxl", "--threads", "2", "--rounds", "1")["encode_ms"])
    report["xxl"] = [mine, peer]
    amx = "amx_tile" in pathlib.Path("/proc/cpuinfo").read_text().split()
    table.pair("ConvNeXt-XXL encode int8 / PyTorch bf16", mine, peer, "ms", *(("2.5", "1.8") if amx else ("1.7", "1.4")), False)
    table.show()


def quantised(name, to, options):
    """The folder of `magma quantize`, or the one given in its place."""
    kind = "xxl" if name == "xxl" else to
    if kind in options.place:
        return pathlib.Path(options.place[kind])
    words = shlex.split(options.quantise.get(to, ""))
    folder = WORK / "-".join([f"model-{name}", to, *(word.lstrip("-") for word in words)])
    return made(folder, MAGMA, "quantize", network.model(name), "-o", folder, "--to", to, *words)


def named(text):
    return text.split("=", 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=["decode", "gguf", "start", "xxl", "peers"], default=["decode", "gguf", "start", "xxl"])
    parser.add_argument("--threads", nargs="+", default=["1", "2"])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--decode", type=int, default=64)
    parser.add_argument("--quantise", nargs="+", type=named, default=[], metavar="FORMAT=OPTIONS", help="options of magma quantize for int4 or int8")
    parser.add_argument("--place", nargs="+", type=named, default=[], metavar="FORMAT=DIR", help="a model folder to take for int4, int8 or xxl")
    options = parser.parse_args()
    options.quantise, options.place = dict(options.quantise), dict(options.place)
    WORK.mkdir(parents=True, exist_ok=True)
    run(ROOT / "tools/get_smollm2.sh")
    print(subprocess.run([ROOT / "tools/get_llama_cpp.sh"], check=True, stdout=subprocess.PIPE, text=True).stdout, flush=True)
    if "xxl" in options.only:
        run(ROOT / "tools/get_peers.sh")
    table, report = Table(), {"load_average": os.getloadavg()}
    for what in options.only:
        {"decode": bench_decode, "gguf": bench_gguf, "start": bench_start, "xxl": bench_xxl, "peers": bench_peers}[what](table, options, report)
        (WORK / "quantised.json").write_text(json.dumps({"table": table.json, "turns": report}, indent=1) + "\n")


if __name__ == "__main__":
    main()
