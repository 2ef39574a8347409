#!/usr/bin/env python3
"""Refuses source files of more than 500 lines (generated tables excepted); --table prints the lines of each module."""
import collections
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MOST = 500
GENERATED = {"magma/image/digits.cpp"}


def main() -> int:
    totals, bad = collections.Counter(), []
    for folder in ("magma", "apps", "tests"):
        for source in sorted([*ROOT.glob(f"{folder}/**/*.h"), *ROOT.glob(f"{folder}/**/*.cpp")]):
            name = source.relative_to(ROOT).as_posix()
            lines = source.read_text().count("\n")
            totals["/".join(name.split("/")[:2])] += lines
            if lines > MOST and name not in GENERATED:
                bad.append(f"{name}: {lines} lines (at most {MOST})")
    if "--table" in sys.argv:
        for module, lines in sorted(totals.items()):
            print(f"{module:16} {lines:6}")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
