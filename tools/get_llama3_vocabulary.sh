#!/usr/bin/env bash
# Leaves the vocabulary of Llama-3 (tokenizer.model, 2 MB) in build/models. It comes out of a package of the Python index
# (7 MB); nothing is installed. Usage: tools/get_llama3_vocabulary.sh
set -euo pipefail
cd "$(dirname "$0")/.."
package=llama-models==0.3.0
digest=82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55
target=build/models/llama3.tokenizer.model

if [ ! -f "$target" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" download --quiet --no-deps --dest "$work" "$package"
  python3 -m zipfile -e "$work"/llama_models-*.whl "$work/wheel"
  found=$work/wheel/llama_models/llama3/tokenizer.model
  echo "$digest  $found" | sha256sum --check --quiet
  mkdir -p build/models
  cp "$found" "$target.part"
  mv "$target.part" "$target"
fi
echo "$target"
