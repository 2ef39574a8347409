#!/usr/bin/env python3
"""Answers of `magma chat --lookup` against those without it, token by token, and what was gained.

usage: lookup_parity.py PROGRAM MODEL [--threads 1] [--rounds 3] [--lookup 3 7 15]    MODEL: as tools/get_smollm2.sh leaves it

Programs take turns; the gain is the median over rounds of the processor time after the first token, without lookup over with it.
"""
import argparse
import json
import resource
import statistics
import subprocess

TEXT = """The lighthouse stood on a narrow spit of land where two currents met. Every evening at six the keeper climbed the one hundred and
twelve steps, trimmed the wick, and wrote the state of the sea into a thick green book. On the fourth of March the book says: wind from the north,
three ships, no fog. On the fifth it says: wind from the north, two ships, fog until noon."""
CODE = """def mean(values):
    total = 0
    for value in values:
        total = total + value
    return total / len(values)

def variance(values):
    middle = mean(values)
    total = 0
    for value in values:
        total = total + (value - middle) * (value - middle)
    return total / len(values)"""
LIST = "\n".join(f"{i}. {name}: {i * 7 + 3} apples" for i, name in enumerate(["Anna", "Boris", "Chen", "Dora", "Emil", "Fay", "Gus", "Hanna"], 1))

PROMPTS = {
    "repeat a text": f"Repeat this text exactly, word by word:\n\n{TEXT}",
    "edit code": f"Rename the function mean to average in this code and give me the whole code again:\n\n{CODE}",
    "copy a list": f"Write this list again, all eight lines:\n\n{LIST}",
    "quote": f"{TEXT}\n\nWhat does the book say on the fourth and on the fifth of March? Quote it.",
    "nothing to copy": "Explain in a few sentences why the sky is blue.",
    "a story": "Tell a short story about a fox and a river.",
}
# Where an answer may end: in the middle of what was guessed.
ENDS = [["--max-tokens", str(n)] for n in (1, 2, 3, 5, 17, 30, 31, 32, 33)]


def answer(options, prompt, extra):
    """The answer, and the processor seconds of the whole program: wall time says little on a shared machine."""
    length = [] if "--max-tokens" in extra else ["--max-tokens", "120"]
    words = [options.program, "chat", "--json", "--model", options.model, "--threads", options.threads, *length, *extra, prompt]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(done.stdout)["answers"][0], after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("model")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lookup", nargs="+", default=["3", "7", "15"])
    options = parser.parse_args()
    compared = different = 0

    def compare(plain, guessed, where):
        nonlocal compared, different
        compared += 1
        if (plain["ids"], plain["stopped"]) != (guessed["ids"], guessed["stopped"]):
            different += 1
            print(f"{where}: differs")

    print(f"{'prompt':<18}{'lookup':>7}{'tokens':>8}{'drafted':>9}{'accepted':>10}{'share':>7}{'gain':>7}")
    for name, prompt in PROMPTS.items():
        gains = {n: [] for n in options.lookup}
        rows = {}
        for _ in range(options.rounds):
            start = answer(options, prompt, ["--max-tokens", "1"])[1]
            plain, seconds = answer(options, prompt, [])
            for n in options.lookup:
                rows[n], guessed = answer(options, prompt, ["--lookup", n])
                compare(plain, rows[n], f"{name} {n}")
                gains[n].append((seconds - start) / (guessed - start))
        for n, row in rows.items():
            drafted, accepted = row["lookup"]["drafted"], row["lookup"]["accepted"]
            print(f"{name:<18}{n:>7}{len(row['ids']):>8}{drafted:>9}{accepted:>10}{accepted / max(1, drafted):>7.2f}{statistics.median(gains[n]):>7.2f}", flush=True)
    formats = [["--precision", precision, "--cache", cache] for precision in ("bf16", "f32") for cache in ("f32", "bf16", "int8")]
    for prompt in (PROMPTS["repeat a text"], PROMPTS["edit code"]):
        for extra in [*ENDS, ["--as", "text"], ["--repetition-penalty", "1.1"], *formats]:
            compare(answer(options, prompt, extra)[0], answer(options, prompt, [*extra, "--lookup", "15"])[0], " ".join(extra))
    print(f"{compared} answers compared, {different} different")
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
