#!/usr/bin/env bash
# tools/fuzz.sh [SECONDS_EACH] [TARGET...]: builds the fuzz targets with clang into build/fuzz and runs each from its
# corpus, 60 seconds unless told. New inputs stay in build/fuzz/grown, what fails in build/fuzz/findings; then exit 1.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || { echo "usage: tools/fuzz.sh [SECONDS_EACH] [TARGET...]" >&2; exit 2; }
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls tests/fuzz/corpus)

mkdir -p build/fuzz/findings
cmake --preset fuzz >build/fuzz/configure.log 2>&1 || { cat build/fuzz/configure.log; exit 1; }
cmake --build build/fuzz --target fuzzers -j "${JOBS:-$(nproc)}"

# Targets write small files all the time: in memory where that is possible.
memory=/dev/shm
[ -w $memory ] || memory=${TMPDIR:-/tmp}
scratch=$(mktemp -d -p "$memory" magma-fuzz-XXXXXX)
trap 'rm -rf "$scratch"' EXIT

failed=0
for target in "${targets[@]}"; do
  grown=build/fuzz/grown/$target log=build/fuzz/$target.log
  mkdir -p "$grown" "$scratch/$target"
  if TMPDIR=$scratch/$target build/fuzz/fuzz_"$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -max_len=16384 -print_final_stats=1 -artifact_prefix=build/fuzz/findings/"$target"- \
    "$grown" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(grep -o 'cov: [0-9]*' "$log" | tail -n 1)
    echo "$target: $runs runs, $covered"
  else
    grep -E 'ERROR|SUMMARY|does not hold|runtime error|what\(\)|Test unit written' "$log" || tail -n 5 "$log"
    echo "$target: FAILED, see $log" >&2
    failed=1
  fi
  rm -rf "${scratch:?}/$target"
done
exit $failed
