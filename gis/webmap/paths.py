"""Where the page's files lie."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
STATIC_DIR = HERE / "static"
VENDOR_DIR = HERE / "assets" / "vendor"
