"""Where PostgreSQL and PostGIS are installed on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gis.errors import StoreError

_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_CLIENTS = ("pg_dump", "pg_restore")
_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Installation:
    """One PostgreSQL: the folder of its programs and its major version."""

    bindir: Path
    major: int
    has_postgis: bool


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, cwd="/")
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _folders() -> Iterator[Path]:
    if told := _output("pg_config", "--bindir"):
        yield Path(told)
    versions = [p for p in _DEBIAN.glob("*") if p.name.isdigit()]
    yield from (p / "bin" for p in sorted(versions, key=lambda p: -int(p.name)))
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _major(program: Path) -> int | None:
    version = re.search(r"\(PostgreSQL\) (\d+)", _output(str(program), "--version"))
    return None if version is None else int(version[1])


def _inspect(bindir: Path) -> Installation | None:
    if not all((bindir / name).is_file() for name in _PROGRAMS):
        return None
    major = _major(bindir / "postgres")
    if major is None:
        return None
    share = _output(str(bindir / "pg_config"), "--sharedir") or f"/usr/share/postgresql/{major}"
    return Installation(bindir, major, (Path(share) / "extension" / "postgis.control").is_file())


def installations() -> list[Installation]:
    """Return every PostgreSQL server found: pg_config's, then /usr/lib/postgresql newest first, then PATH."""
    found = (_inspect(folder) for folder in dict.fromkeys(_folders()))
    return [one for one in found if one is not None]


def choose(major: int | None) -> Installation:
    """Return the PostgreSQL to use: any with PostGIS, or the one of an existing cluster's `major` version.

    Raises StoreError with what to install when there is none.
    """
    found = installations()
    if not found:
        raise StoreError(
            "PostgreSQL is not installed on this machine: install the packages postgresql and "
            f"postgresql-{major or 'N'}-postgis-3 (N is the version that the first brings), "
            "or set ONEMAP_DATABASE_URL to a PostGIS database."
        )
    if major is not None and all(one.major != major for one in found):
        present = ", ".join(str(one.major) for one in found)
        raise StoreError(
            f"The store was written by PostgreSQL {major} but only version {present} is installed: install "
            f"postgresql-{major} and postgresql-{major}-postgis-3 beside it."
        )
    fitting = [one for one in found if major in (None, one.major)]
    for one in fitting:
        if one.has_postgis:
            return one
    raise StoreError(
        f"PostGIS is not installed for PostgreSQL {fitting[0].major}: "
        f"install the package postgresql-{fitting[0].major}-postgis-3."
    )


def client_folder(server: int, at_least: int) -> tuple[Path, int]:
    """Return the folder of the pg_dump and pg_restore to use with a server, and their major version.

    Those of the major version `server` if they are not older than `at_least`, else the newest.
    Raises StoreError with what to install when all are older.
    """
    folders = dict.fromkeys(_folders())
    if on_path := shutil.which("pg_dump"):
        folders[Path(on_path).parent] = None
    found = {
        folder: _major(folder / "pg_dump")
        for folder in folders
        if all((folder / name).is_file() for name in _CLIENTS)
    }
    fitting = {folder: major for folder, major in found.items() if major is not None and major >= at_least}
    if not fitting:
        present = ", ".join(str(major) for major in found.values()) or "none"
        raise StoreError(
            f"This needs the programs pg_dump and pg_restore of PostgreSQL {at_least} or newer, and this "
            f"machine has {present}: install the package postgresql-client-{at_least}."
        )
    best = max(fitting, key=lambda folder: (fitting[folder] == server, fitting[folder]))
    return best, fitting[best]
