#!/usr/bin/env bash
# Holds build/release/magma to what PyTorch, transformers, timm, llama.cpp, TensorFlow, TFDS, numpy, safetensors, Pillow and Hugging
# Face's tokenizers write, read and compute. Installs them (7 GB) into build/peers. Usage: tools/parity.sh
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(tools/get_peers.sh)
smollm2=$(tools/get_smollm2.sh)
llama3=$(tools/get_llama3_vocabulary.sh)
cmake --build build/release --target magma rlds_writer_program image_crops >/dev/null
program=build/release/magma
compare() {
  echo "== $1"
  TF_CPP_MIN_LOG_LEVEL=3 $folder/bin/python -W ignore "tests/parity/$1" "${@:2}"
}
compare rlds_parity.py $program --writer build/release/rlds_writer_program
compare openx_parity.py $program
compare torch_parity.py $program
compare families_parity.py $program
compare batch_parity.py $program tests/text/fixtures/tiny-f32
compare image_parity.py build/release/image_crops
compare tokenizer_parity.py $program --llama3 "$llama3" --count 500
compare tokenizer_parity.py $program --gguf "$smollm2" --count 500
compare llamacpp_parity.py $program "$smollm2" 2>/dev/null
compare bf16_parity.py $program
compare smollm2_parity.py $program
compare model_parity.py $program
