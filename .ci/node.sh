#!/usr/bin/env bash
# node.sh: make sure there is a Node for developing the frontend; using the package never needs it.
set -euo pipefail
command -v npm >/dev/null && exit 0
echo "node: not on the PATH, installing it with apt"
"$(dirname "$0")/apt-install.sh" nodejs npm && exit 0
echo "node: apt could not install it. Developing the frontend (make check, test, frontend) needs Node 20 or newer." >&2
exit 1
