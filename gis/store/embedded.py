"""A private PostgreSQL + PostGIS cluster inside the data folder, reached by a unix socket only.

Every program that uses the cluster holds a shared flock on `users.lock`; the
last one to leave can make it exclusive and stops the server. The kernel frees
the lock of a killed program, so no count can go wrong. Start and stop are
serialised by an exclusive flock on `start.lock`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

import psycopg
from psycopg import sql
from sqlalchemy import URL

from gis.errors import BusyError, StoreError
from gis.store.server import ROLE, Server, locate_home, user_account

_DATABASE = "onemap"
_REVIVAL_WAIT_S = 4.0


@dataclass(frozen=True)
class ClusterStatus:
    """What `onemap store status` tells."""

    home: Path
    running: bool
    pid: int | None
    postgresql: int | None
    kept: bool


class Cluster:
    """The embedded store of one data folder.

    `join` starts the server or joins a running one; `leave` stops it when no
    other program uses it and `keep` did not ask for it to stay.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = Path(data_dir).resolve()
        self._users: int | None = None
        self._server: Server | None = None
        self._turn = Lock()
        self._revival: Future[None] | None = None

    def join(self) -> Server:
        """Register as a user of the cluster; create it, start it and make its database as needed."""
        with self._clear_errors(), self._lock():
            users = self._open("users.lock")
            fcntl.flock(users, fcntl.LOCK_SH)
            server = None
            try:
                server = Server(locate_home(self.data_dir, create=True), str(self.data_dir))
                server.start()
                _ensure_database(server)
            except BaseException:
                with suppress(StoreError, OSError):
                    self._release(users, server)
                os.close(users)
                raise
            self._users, self._server = users, server
        return server

    def leave(self) -> None:
        """Give the cluster up; the last program out stops the server."""
        users, self._users = self._users, None
        if users is None:
            return
        try:
            with self._clear_errors(), self._lock():
                self._release(users, self._server)
        finally:
            os.close(users)

    def _release(self, users: int, server: Server | None) -> None:
        """Stop the server if no other program uses it and it was not asked to stay."""
        if server is not None and not self._kept(server) and _alone(users):
            server.stop()

    def revive(self) -> None:
        """Start the server again if it died while this program uses it.

        Nobody waits longer than a few seconds for it: StoreError then, while the start goes on.
        """
        if self._users is None or self._server is None:
            raise StoreError("The store is closed: open it again to use it.")
        with self._turn:
            if self._revival is None or self._revival.done():
                self._revival = Future()
                Thread(target=self._restart, args=(self._server, self._revival), daemon=True).start()
            revival = self._revival
        try:
            revival.result(_REVIVAL_WAIT_S)
        except TimeoutError:
            raise StoreError("The database is being started again: try again in a moment.") from None

    def _restart(self, server: Server, told: Future[None]) -> None:
        try:
            with self._clear_errors(), self._lock():
                server.start()
        except BaseException as error:
            told.set_exception(error)
        else:
            told.set_result(None)

    def keep(self) -> None:
        """Start the server and let it run after this program (`onemap store start`)."""
        server = self.join()
        self._keep.write_text(str(server.pid()))
        self.leave()

    def stop(self) -> None:
        """Stop the server (`onemap store stop`); BusyError while another program uses it."""
        if not self.data_dir.is_dir():
            return
        with self._clear_errors(), self._lock():
            home = locate_home(self.data_dir, create=False)
            if home is None:
                return
            users = self._open("users.lock")
            try:
                if not _alone(users):
                    raise BusyError(
                        f"The store in {self.data_dir} is in use by another OneMap program: "
                        "end that program first."
                    )
                self._keep.unlink(missing_ok=True)
                Server(home, str(self.data_dir)).stop()
            finally:
                os.close(users)

    def status(self) -> ClusterStatus:
        """Return whether the server runs, without starting anything."""
        with self._clear_errors():
            home = locate_home(self.data_dir, create=False)
            if home is None:
                return ClusterStatus(self.data_dir, False, None, None, False)
            server = Server(home, str(self.data_dir))
            pid = server.pid()
        return ClusterStatus(home, pid is not None, pid, server.major(), self._kept(server))

    def url(self) -> URL:
        """Return the URL of the database of the running cluster."""
        if self._server is None:
            raise StoreError("The store is not open.")
        query = {"host": str(self._server.socket_dir())}
        return URL.create("postgresql+psycopg", username=ROLE, port=5432, database=_DATABASE, query=query)

    @property
    def _keep(self) -> Path:
        return self.data_dir / "keep-running"

    def _kept(self, server: Server) -> bool:
        """Return whether this very server process was asked to stay."""
        return self._keep.is_file() and self._keep.read_text() == str(server.pid())

    def _open(self, name: str) -> int:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        return os.open(self.data_dir / name, os.O_RDWR | os.O_CREAT, 0o600)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            user = user_account(os.getuid()).pw_name
            raise StoreError(
                f"The data folder {self.data_dir} cannot be used by user {user} "
                f"({error.strerror}: {error.filename}): "
                "run as its owner or set ONEMAP_DATA_DIR to a folder of your own."
            ) from error
        except psycopg.Error as error:
            told = (str(error).strip().splitlines() or [""])[0]
            raise StoreError(
                f"The embedded PostgreSQL server of {self.data_dir} went away ({told}): try again."
            ) from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        handle = self._open("start.lock")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _alone(users: int) -> bool:
    """Return whether nobody else holds the users lock; takes it exclusively if so."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _ensure_database(server: Server) -> None:
    """Wait until the server answers, then create the database if it is not there."""
    deadline = time.monotonic() + 120
    while True:
        try:
            connection = psycopg.connect(
                host=str(server.socket_dir()), port=5432, user=ROLE, dbname="postgres", autocommit=True
            )
            break
        except psycopg.OperationalError as error:
            # A server that was joined while it recovers from a crash refuses connections for a while.
            if time.monotonic() > deadline or server.pid() is None:
                raise StoreError(
                    f"The embedded PostgreSQL server in {server.home} does not answer: see {server.log}."
                ) from error
            time.sleep(0.1)
    with connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_DATABASE]).fetchone()
        if found is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(_DATABASE))
            )
