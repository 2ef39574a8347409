#!/usr/bin/env bash
# Runs magma on the real videos of Debian's packages and leaves demo/: a folder with a report.html for each; then talks with a small
# language model.
set -euo pipefail
cd "$(dirname "$0")/.."
magma=build/release/magma
opencv=/usr/share/doc/opencv-doc/examples/data
imageio=/usr/lib/python3/dist-packages/imageio/resources/images
rm -rf demo
mkdir -p demo
$magma track $imageio/cockatoo.mp4 -o demo/cockatoo-track
$magma mark $opencv/vtest.avi -o demo/vtest --text "people walk across a square"
$magma mark $opencv/tree.avi -o demo/tree --text "a tree is filmed while the camera moves"
$magma mark $imageio/cockatoo.mp4 -o demo/cockatoo --text "a cockatoo is playing"
for page in demo/*/report.html; do echo "look at $page"; done
model=$(tools/get_smollm2.sh)
echo "a conversation with SmolLM2-135M:"
$magma chat --model "$model" "What is the capital of Germany?" "And of Italy?" --max-tokens 80 |
  tee demo/conversation.txt
