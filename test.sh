#!/usr/bin/env bash
# Installs what is missing, then checks style and types and runs the tests: ./test.sh [options of pytest]
# Without options all tests run, file by file in two processes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
. ./setup.sh

ensure_system \
  'chromium:command -v chromium' \
  'fonts-noto-cjk:ls /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc' \
  'gdal-bin:command -v ogr2ogr' \
  'libpangoft2-1.0-0:ls /usr/lib/*/libpangoft2-1.0.so.0' \
  'libatomic1:ls /usr/lib/*/libatomic.so.1' \
  'python3-qgis:ls /usr/lib/python3/dist-packages/qgis'
ensure_python requirements-dev.lock
ensure_kernels
ensure_assets

say "Style: ruff"
.venv/bin/ruff check .
.venv/bin/ruff format --check .
say "Types: mypy"
.venv/bin/mypy
say "Tests: pytest"
if [ $# -eq 0 ]; then
  # In the order of names: files of many tests are not the long ones, and those of api and browser begin.
  set -- -n 2 --dist loadfile --no-loadscope-reorder --durations=40
fi
.venv/bin/python -m pytest "$@"
