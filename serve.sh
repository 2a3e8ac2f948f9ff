#!/usr/bin/env bash
# Installs what is missing, then serves the map: ./serve.sh [options of `onemap serve`]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./setup.sh

ensure_system \
  'fonts-noto-cjk:ls /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc' \
  'libpangoft2-1.0-0:ls /usr/lib/*/libpangoft2-1.0.so.0'
# The test packages hold these too: do not install anything twice.
if ! done_before requirements-dev.lock requirements-dev.lock; then
  ensure_python requirements.lock
else
  ensure_python requirements-dev.lock
fi
ensure_kernels
ensure_assets

exec .venv/bin/onemap serve "$@"
