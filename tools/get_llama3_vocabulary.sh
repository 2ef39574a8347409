#!/usr/bin/env bash
# Leaves the vocabulary of Llama-3 (tokenizer.model, 2 MB; the package has 7 MB) in build/models and says where.
# Usage: tools/get_llama3_vocabulary.sh
exec "$(dirname "$0")/get_package_file.sh" llama-models==0.3.0 llama_models/llama3/tokenizer.model \
  82e9d31979e92ab929cd544440f129d9ecd797b69e327f80f17e1c50d5551b55 build/models/llama3.tokenizer.model
