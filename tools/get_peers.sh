#!/usr/bin/env bash
# Installs what the program is compared with (PyTorch, transformers, timm, llama.cpp, TensorFlow, TFDS, tokenizers; about 7 GB)
# into build/peers, pinned. Usage: tools/get_peers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/peers
[ -x $folder/bin/python ] || python3 -m venv $folder
$folder/bin/pip install --quiet torch==2.11.0 transformers==5.23.0 timm==1.0.31 tokenizers==0.23.3 safetensors==0.8.0 \
  numpy==2.4.6 pillow==13.0.0 gguf==0.19.0 accelerate==1.15.0 xllamacpp==2026.10.11549 tensorflow-cpu==2.21.0 \
  tensorflow-datasets==4.9.10
echo "$folder"
