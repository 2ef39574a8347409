#!/usr/bin/env python3
"""Refuses words that have no place in the tree: debugging leftovers, machine paths, blanket catches, dead code."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIBRARY = {
    r"std::cout|\bprintf\(": "results are printed by apps/magma/output",
    r"\b(exit|abort)\(": "only main() ends the program",
    r"catch \(\.\.\.\)": "catch what you can name",
    r"using namespace": "spell names out",
    r"#if 0": "delete dead code",
    r"\brand\(\)": "use Rng",
    r"^\s*//.*;\s*$": "looks like commented-out code",
}
EVERYWHERE = {
    r"(?<![\w.])/(home|mnt|Users|root|work)/\w": "absolute path",
    r"\bTODO(?!\()": "TODO without an owner",
    r"[A-Z]:\\\\": "drive letter",
}
NAMES = re.compile(r"(^|/)(utils?|common|helpers?|misc|manager)\w*\.(h|cpp|py)$")


def main() -> int:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    bad = []
    for name in filter(None, files):
        path = ROOT / name
        if name == "tools/check_words.py" or path.suffix not in {".h", ".cpp", ".py", ".sh", ".md", ".cmake", ".txt"}:
            continue
        if NAMES.search(name):
            bad.append(f"{name}: name says nothing")
        rules = dict(EVERYWHERE)
        if name.startswith("magma/"):
            rules |= LIBRARY
        for number, line in enumerate(path.read_text().split("\n"), 1):
            bad += [f"{name}:{number}: {why}: {line.strip()[:80]}" for rule, why in rules.items() if re.search(rule, line)]
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
