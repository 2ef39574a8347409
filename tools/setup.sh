#!/usr/bin/env bash
# Installs the Debian packages of packages.txt that are missing. Usage: tools/setup.sh
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(sed 's/#.*//' packages.txt | tr -s ' \n' '\n' | sed '/^$/d')
missing=()
for package in $wanted; do
  # opencv-doc and others may be held back by dpkg's path filters, so ask for the state, not for files.
  state=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [ "$state" = "install ok installed" ] || missing+=("$package")
done

if [ ${#missing[@]} -eq 0 ]; then
  echo "set-up: all packages are there"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "set-up: these packages are missing, and installing them needs root:" >&2
  echo "  sudo apt-get install ${missing[*]}" >&2
  exit 2
fi
echo "set-up: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "set-up: done"
