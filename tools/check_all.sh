#!/usr/bin/env bash
# Every static check; prints what failed and exits 1 when anything did.
set -u
cd "$(dirname "$0")/.."
failed=0
run() { "$@" || { echo "check failed: $1 $2" >&2; failed=1; }; }

mapfile -t sources < <(git ls-files '*.cpp' '*.h' | grep -v '^bench/peers/')
run clang-format-14 --dry-run --Werror "${sources[@]}"
run python3 tools/check_layers.py
run python3 tools/check_size.py
run python3 tools/check_words.py
run python3 tools/check_docs.py
[ $failed -eq 0 ] && echo "check: all passed"
exit $failed
