"""pg_dump and pg_restore as programs beside this one: what they write is read here, never elsewhere.

Both work on pipes. So they end by themselves when this program is killed, and the database is only
ever written to by the transaction of this program.
"""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO

import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from gis.errors import StoreError
from gis.store.checksums import OWN_SCHEMAS
from gis.store.tables import TILE

_LAST_LINES = 20
_LOCK_WAIT_S = 20


@contextmanager
def dumping(
    folder: Path, connection: sa.Connection, snapshot: str, table_begins: Callable[[str], None]
) -> Iterator[IO[bytes]]:
    """Give the bytes of a dump of the store, without owners and rights, as a transaction sees it.

    `snapshot` is one that the transaction exported. `table_begins` is called with the name of
    every table whose rows come next, by a thread of its own.
    """
    url = connection.engine.url
    query = {name: value if isinstance(value, str) else ",".join(value) for name, value in url.query.items()}
    login = url.translate_connect_args(username="user", database="dbname") | query
    # Anybody on the machine may look at command lines, at the environment only its user.
    secret = {"PGPASSWORD": str(login.pop("password"))} if "password" in login else {}
    login.pop("sslpassword", None)
    # Pressed hardest, which is the default, a dump takes three times as long and is an eighth smaller.
    command = [
        str(folder / "pg_dump"), f"--dbname={make_conninfo(**login)}", f"--snapshot={snapshot}",
        "--format=custom", "--compress=1", "--no-owner", "--no-privileges", "--no-password", "--verbose",
        # A change of tables that waits for this backup would be waited for by it.
        f"--lock-wait-timeout={_LOCK_WAIT_S}s",
        *(f"--schema={name}" for name in OWN_SCHEMAS), f"--exclude-table-data={TILE.fullname}",
    ]  # fmt: skip

    def told(line: str) -> None:
        _, found, rest = line.partition("dumping contents of table ")
        if found:
            table_begins(rest.strip().replace('"', ""))

    with _running(command, secret, told) as out:
        yield out


def listed(folder: Path, file: Path) -> None:
    """Make sure that pg_restore reads the list of contents of a dump; StoreError otherwise."""
    with _running([str(folder / "pg_restore"), "--list", str(file)], {}) as out:
        out.read()


@contextmanager
def script(folder: Path, file: Path, section: str) -> Iterator[IO[bytes]]:
    """Give the SQL of a section of a dump: `pre-data`, `data` or `post-data`."""
    options = ["--no-owner", "--no-privileges", f"--section={section}", "--file=-"]
    with _running([str(folder / "pg_restore"), *options, str(file)], {}) as out:
        yield out


@contextmanager
def _running(
    command: Sequence[str], secret: dict[str, str], told: Callable[[str], None] = lambda line: None
) -> Iterator[IO[bytes]]:
    """Give the output of a program; StoreError with its last complaint if it ends badly."""
    complaints: deque[str] = deque(maxlen=_LAST_LINES)

    def listen(lines: IO[bytes]) -> None:
        for raw_line in lines:
            line = raw_line.decode(errors="replace").rstrip()
            told(line)
            complaints.append(line)

    with subprocess.Popen(
        command, env={**os.environ, "LC_ALL": "C.UTF-8", **secret},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as program:  # fmt: skip
        assert program.stdout is not None
        assert program.stderr is not None
        listener = Thread(target=listen, args=(program.stderr,), daemon=True)
        listener.start()
        try:
            yield program.stdout
            program.wait()
        except BaseException:
            program.terminate()
            raise
        finally:
            program.stdout.close()
            program.wait()
            listener.join()
    if program.returncode != 0:
        name = Path(command[0]).name
        errors = [line for line in complaints if "error:" in line]
        last = (errors or list(complaints) or [f"it ended with code {program.returncode}"])[0]
        raise StoreError(f"{name} failed: {last.removeprefix(f'{name}: ').removeprefix('error: ')}.")
