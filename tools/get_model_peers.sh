#!/usr/bin/env bash
# Installs what the model is compared with (PyTorch, transformers, timm; about 5 GB) into build/peers-model, pinned.
# Usage: tools/get_model_peers.sh
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/peers-model
[ -x $folder/bin/python ] || python3 -m venv $folder
$folder/bin/pip install --quiet torch==2.11.0 transformers==5.23.0 timm==1.0.31 tokenizers==0.23.3 safetensors==0.8.0 \
  numpy==2.4.6 pillow==13.0.0 gguf==0.19.0 accelerate==1.15.0
echo "$folder"
