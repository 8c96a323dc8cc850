#!/usr/bin/env bash
# chromium.sh PYTHON: make sure there is a Chromium for the browser tests: from the PATH, else from apt, else Playwright's own.
set -euo pipefail
here=$(dirname "$0")
for name in chromium chromium-browser google-chrome; do
  command -v "$name" >/dev/null && exit 0
done
"$1" -c 'import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p: sys.exit(not os.path.exists(p.chromium.executable_path))' && exit 0
echo "chromium: none on the PATH, installing it with apt"
"$here/apt-install.sh" chromium && exit 0
echo "chromium: apt could not install it, trying Playwright's own download"
"$1" -m playwright install chromium && exit 0
# The browser tests fail without one and say so; the other tests need not wait for it.
echo "chromium: none to be had; the browser tests will fail. Install chromium so that it is on the PATH." >&2
