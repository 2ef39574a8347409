#!/usr/bin/env python3
"""Refuses an #include that goes against the module table, which it reads from the modules' CMake files."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODULE = re.compile(r"magma_add_module\((\w+)([^)]*)\)", re.S)
INCLUDE = re.compile(r'^\s*#include "magma/(\w+)/', re.M)
HEAVY = {"opencv2/": {"image", "track", "mark"}, "libav": {"image"}, "libsw": {"image"}}


def allowed_edges() -> dict[str, set[str]]:
    edges = {}
    for cmake in ROOT.glob("magma/*/CMakeLists.txt"):
        name, rest = MODULE.search(cmake.read_text()).groups()
        depends = re.search(r"DEPENDS ((?:\w+ ?)+?)(?=\s*(?:[A-Z]{4,}|$))", rest.strip() + " ", re.S)
        words = depends.group(1).split() if depends else []
        edges[name] = {word for word in words if word.islower()} | {name}
    return edges


def main() -> int:
    edges, bad = allowed_edges(), []
    for source in sorted([*ROOT.glob("magma/**/*.h"), *ROOT.glob("magma/**/*.cpp")]):
        module, text = source.relative_to(ROOT / "magma").parts[0], source.read_text()
        where = source.relative_to(ROOT)
        for target in INCLUDE.findall(text):
            if target not in edges[module]:
                bad.append(f"{where}: {module} may not include {target}")
        for prefix, modules in HEAVY.items():
            if f"#include <{prefix}" in text and (module not in modules or source.suffix == ".h" and "media" not in source.parts):
                bad.append(f"{where}: <{prefix}...> belongs in a .cpp of {', '.join(sorted(modules))}")
        if source.suffix == ".h" and "#include <nlohmann/json.hpp>" in text:
            bad.append(f"{where}: headers use <nlohmann/json_fwd.hpp>")
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
