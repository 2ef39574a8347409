#!/usr/bin/env python3
"""Refuses links and back-ticked paths in documents that do not exist in the tree."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
TICKED = re.compile(r"`((?:magma|apps|tests|bench|tools|docs|cmake|configs)/[\w./-]+\.\w+)`")


def main() -> int:
    bad = []
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/**/*.md")]:
        text = document.read_text()
        missing = [target for target in LINK.findall(text) if not (document.parent / target).exists()]
        missing += [target for target in TICKED.findall(text) if not (ROOT / target).exists()]
        bad += [f"{document.relative_to(ROOT)}: {target} does not exist" for target in missing]
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
