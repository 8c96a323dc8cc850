#!/usr/bin/env bash
# apt-install.sh PACKAGE…: install Debian packages, as root or with sudo; fails where neither is possible.
set -euo pipefail
command -v apt-get >/dev/null || exit 1
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || exit 1
  as_root=(sudo -n)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq "$@" >/dev/null
