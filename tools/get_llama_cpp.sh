#!/usr/bin/env bash
# Builds llama.cpp, as the source release of llama-cpp-python carries it, with the features of this machine's CPU into
# build/peers-llama, pinned (6 minutes and more the first time). Prints the folder and what the library says of itself.
# Usage: tools/get_llama_cpp.sh
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.3.36
folder=build/peers-llama

# Where the CPU has AMX the native build was seen to end with a segmentation fault: there all features but AMX are on.
amx="this CPU has none"
if grep -q -w -m1 amx_tile /proc/cpuinfo; then
  amx="off (the CPU has it; the native build crashed with it)"
  export CFLAGS="-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
  export CXXFLAGS=$CFLAGS
fi

[ -x $folder/bin/python ] || python3 -m venv $folder
if [ "$($folder/bin/python -c 'import importlib.metadata as m; print(m.version("llama-cpp-python"))' 2>/dev/null)" != $version ]; then
  CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF" $folder/bin/pip install --quiet --no-cache-dir --no-binary llama-cpp-python \
    llama-cpp-python==$version numpy==2.4.6 gguf==0.19.0
fi

# The program without Python that is timed from its start.
package=$(echo $folder/lib/python3*/site-packages)
starter=$folder/bin/llama_start
if [ ! -x $starter ] || [ bench/peers/llama_start.cpp -nt $starter ]; then
  g++ -O2 -std=c++17 -I "$package/include" bench/peers/llama_start.cpp -o $starter -L "$package/lib" -lllama -lggml -lggml-base \
    -Wl,-rpath,"\$ORIGIN/../${package#"$folder/"}/lib"
fi
echo "$folder"
echo "AMX: $amx"
$folder/bin/python -c 'import llama_cpp; print(llama_cpp.llama_print_system_info().decode())'
