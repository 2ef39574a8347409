#!/usr/bin/env bash
# Holds build/release/magma to what TensorFlow, TFDS, torch, numpy, safetensors, Pillow and Hugging Face's tokenizers
# write, read and compute. Installs them (6.6 GB) into build/peers-data, pinned.
# Usage: tools/parity.sh
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/peers-data
[ -x $folder/bin/python ] || python3 -m venv $folder
$folder/bin/pip install --quiet tensorflow-cpu==2.21.0 tensorflow-datasets==4.9.10 torch==2.11.0 numpy==2.4.6 \
  safetensors==0.8.0 tokenizers==0.23.3 pillow==13.0.0
cmake --build build/release --target magma rlds_writer_program image_crops >/dev/null
program=build/release/magma
compare() {
  echo "== $1"
  $folder/bin/python "tests/parity/$1" "${@:2}"
}
compare rlds_parity.py $program --writer build/release/rlds_writer_program
compare openx_parity.py $program
compare torch_parity.py $program
compare families_parity.py $program
compare batch_parity.py $program tests/text/fixtures/tiny-f32
compare image_parity.py build/release/image_crops
