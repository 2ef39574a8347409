#!/usr/bin/env python3
"""Holds documents to the tree: links, back-ticked paths, tests and constants they name; with the program also its
settings and options.

usage: check_docs.py [--write] [PROGRAM]    --write renews the table of settings from the program
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
TICKED = re.compile(r"`((?:magma|apps|tests|bench|tools|docs|cmake|configs)/[\w./-]+\.\w+|(?:magma|apps|tests)/[\w/-]+/)`")
CASE = re.compile(r"`([A-Z]\w+\.[A-Z]\w+)`")
DEFINED_CASE = re.compile(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", re.M)
CONSTANT_ROW = re.compile(r"^\| `(k[A-Z]\w+)` \| ([^|]+?) \|")
SETTINGS = ROOT / "docs/config.md"
SETTING_ROWS = re.compile(r"(?<=\| --- \| --- \| --- \| --- \|\n)(?:\|.*\n)+")
OPTIONS = ROOT / "docs/cli.md"


def defined_cases() -> set[str]:
    text = "\n".join(path.read_text() for path in ROOT.glob("tests/*/*_test.cpp"))
    return {f"{suite}.{case}" for suite, case in DEFINED_CASE.findall(text)}


def number(text: str) -> float | None:
    """The value of a literal, or of a quotient of two, as code and documents write them."""
    parts = [part.strip().rstrip("F").replace("'", "") for part in text.split("/")]
    try:
        return float(parts[0]) / float(parts[1]) if len(parts) == 2 else float(text.strip().rstrip("F").replace("'", ""))
    except ValueError:
        return None


def constant_faults(text: str) -> list[str]:
    """A row `| `kName` | value |` must agree with one of the sources named since the last heading."""
    faults, sources = [], []
    for line in text.split("\n"):
        if line.startswith("#"):
            sources = []
        sources += [target for target in TICKED.findall(line) if target.endswith((".cpp", ".h")) and (ROOT / target).exists()]
        row = CONSTANT_ROW.match(line)
        if not row:
            continue
        name, value = row.groups()
        found = [re.search(rf"\b{name} = ([^;]*?)(?:, k\w+ = |;)", (ROOT / source).read_text()) for source in sources]
        values = [match.group(1) for match in found if match]
        if not values:
            faults.append(f"{name}: not in {', '.join(sources) or 'any source named above it'}")
        elif number(value) is None or number(value) not in map(number, values):
            faults.append(f"{name}: {value}, but {', '.join(values)} in the code")
    return faults


def settings_table(program: str) -> str:
    """The rows of docs/config.md, from `magma mark --show-config`: comment lines with the meaning, then name: default."""
    shown = subprocess.run([program, "mark", "--show-config"], capture_output=True, text=True, check=True).stdout
    rows, meaning = [], []
    for line in shown.splitlines():
        if line.startswith("#"):
            meaning.append(line[1:].strip())
            continue
        name, _, value = line.partition(": ")
        kind = "text" if value.startswith('"') else "yes or no" if value in ("true", "false") else "number" if "." in value else "whole number"
        rows.append(f"| `{name}` | {kind} | `{value.strip(chr(34))}` | {' '.join(meaning)} |\n")
        meaning = []
    return "".join(rows)


def settings_faults(program: str, write: bool) -> list[str]:
    text, table = SETTINGS.read_text(), settings_table(program)
    found = SETTING_ROWS.search(text)
    if found and found.group() == table:
        return []
    if found and write:
        SETTINGS.write_text(text[: found.start()] + table + text[found.end() :])
        return []
    theirs = set(found.group().splitlines()) if found else set()
    return [f"differs from the program: {row}" for row in sorted(theirs ^ set(table.splitlines()))] or ["settings out of order"]


def helped(program: str, *words: str) -> str:
    return subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True).stdout


def option_faults(program: str) -> list[str]:
    """Every command has a section and every option of it is named there; nothing else is promised."""
    text, faults = OPTIONS.read_text(), []
    for command in json.loads(subprocess.run([program, "list", "--json"], capture_output=True, text=True, check=True).stdout)["commands"]:
        section = re.search(rf"^## magma {command}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
        if not section:
            faults.append(f"magma {command} has no section")
            continue
        help_text = helped(program, command)
        for verb in re.findall(r"^  (\w+) ", help_text.partition("\nverbs:\n")[2].partition("\n\n")[0], re.M):
            if f"\n### magma {command} {verb}\n" not in section.group(1):
                faults.append(f"magma {command} {verb} has no section")
            help_text += helped(program, command, verb)
        known = set(re.findall(r"^  (?:-\w,)?(--[a-z-]+)", help_text, re.M))
        named = set(re.findall(r"^\| `(?:-\w, )?(--[a-z-]+)", section.group(1), re.M))
        common = {"--help", "--json", "--quiet"}
        faults += [f"magma {command}: {option} is not described" for option in sorted(known - named - common)]
        faults += [f"magma {command}: {option} does not exist" for option in sorted(named - known)]
    return faults


def main() -> int:
    program = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    cases, bad = defined_cases(), []
    for document in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/**/*.md")]:
        text = document.read_text()
        faults = [f"{target} does not exist" for target in LINK.findall(text) if not (document.parent / target).exists()]
        faults += [f"{target} does not exist" for target in TICKED.findall(text) if not (ROOT / target).exists()]
        faults += [f"there is no test {case}" for case in CASE.findall(text) if case not in cases]
        faults += constant_faults(text)
        if program and document == SETTINGS:
            faults += settings_faults(program, "--write" in sys.argv)
        if program and document == OPTIONS:
            faults += option_faults(program)
        bad += [f"{document.relative_to(ROOT)}: {fault}" for fault in faults]
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
