"""The server process of an embedded cluster: initdb, start, stop, and who may run it.

PostgreSQL refuses to run as root; root hands over to the owner of the cluster,
which for a new one is the `postgres` user. Connections are authenticated by the
operating system (peer): only the owner and root get in.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from gis.access import READERS
from gis.errors import StoreError
from gis.store.binaries import Installation, choose

ROLE = "onemap"
ROLES = (ROLE, *READERS.values())
_SERVICE_USER = "postgres"
_SHARED_STATE = Path("/var/lib")
_LOCATION = "store-location"
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_MAX_BYTES = 107
_START_WAIT_S = 60.0
_NOTICE_S = 2.0

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "32MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "300",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
}


def _service_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_SERVICE_USER)
    except KeyError:
        raise StoreError(
            "PostgreSQL does not run as root and there is no user `postgres` to hand over to: "
            "install the package postgresql or start OneMap as an ordinary user."
        ) from None


def user_account(uid: int) -> pwd.struct_passwd:
    """Return the account of user number `uid`; StoreError when it has none, as PostgreSQL needs one."""
    try:
        return pwd.getpwuid(uid)
    except KeyError:
        raise StoreError(
            f"User number {uid} has no name on this machine, which PostgreSQL needs: "
            "add an account or set ONEMAP_DATABASE_URL to a PostGIS database."
        ) from None


def _run_as(uid: int, *command: str, folder: Path = Path("/")) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder` as user `uid`, in its own session so that Ctrl-C stays here.

    The command ends before Ctrl-C is raised: a server that is half started or
    half stopped could not be told from one that is down.
    """
    account = user_account(uid)
    become = os.getuid() == 0 and uid != 0
    with subprocess.Popen(
        command,
        user=uid if become else None,
        group=account.pw_gid if become else None,
        extra_groups=[] if become else None,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": account.pw_dir},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as program:
        try:
            output, _ = program.communicate()
        except KeyboardInterrupt:
            program.communicate()
            raise
    return subprocess.CompletedProcess(command, program.returncode, output)


def locate_home(data_dir: Path, *, create: bool) -> Path | None:
    """Return the folder of the cluster that belongs to `data_dir`, None if there is none and not `create`.

    It is `data_dir/store`; where root owns a data folder that the `postgres`
    user cannot enter, it is a folder of its own under /var/lib, recorded in the
    data folder.
    """
    record, inside = data_dir / _LOCATION, data_dir / "store"
    if record.is_file():
        home = Path(record.read_text(encoding="utf-8").strip())
        if not (home / "data-folder").is_file():
            raise StoreError(
                f"The store of {data_dir} was in {home}, which is gone: delete {record} to start anew."
            )
        _refuse_copy(data_dir, home)
        return home
    as_root = os.getuid() == 0
    if inside.is_dir() and not (as_root and inside.stat().st_uid == 0):
        return inside
    if not create:
        return None
    account = _service_account() if as_root else None
    inside.mkdir(mode=0o700, exist_ok=True)
    if account is None:
        return inside
    os.chown(inside, account.pw_uid, account.pw_gid)
    if _run_as(account.pw_uid, "test", "-w", str(inside)).returncode == 0:
        return inside
    inside.rmdir()
    home = Path(tempfile.mkdtemp(prefix="onemap-", dir=_SHARED_STATE))
    (home / "data-folder").write_text(str(data_dir), encoding="utf-8")
    os.chown(home, account.pw_uid, account.pw_gid)
    record.write_text(str(home), encoding="utf-8")
    return home


def _refuse_copy(data_dir: Path, home: Path) -> None:
    """Raise when `data_dir` is a copy of the folder that `home` belongs to: two folders, two stores."""
    owner = Path((home / "data-folder").read_text(encoding="utf-8"))
    if (owner / _LOCATION).is_file() and not os.path.samefile(owner, data_dir):
        raise StoreError(
            f"The data folder {data_dir} is a copy of {owner} and names the same store: "
            f"delete {data_dir / _LOCATION} to give it an empty store of its own."
        )


class Server:
    """The PostgreSQL server in `home`; `identity` tells its socket folder from that of other stores.

    Its methods are called under the start lock of the cluster.
    """

    def __init__(self, home: Path | None, identity: str) -> None:
        if home is None:
            raise StoreError(f"There is no store in {identity}.")
        self.home = home
        self.pgdata = home / "pgdata"
        self.log = home / "server.log"
        self._identity = identity
        self.uid = home.stat().st_uid
        if os.getuid() not in (0, self.uid):
            owner = user_account(self.uid).pw_name
            raise StoreError(
                f"The store in {identity} belongs to user {owner}: run OneMap as {owner} or as root."
            )

    def major(self) -> int | None:
        """Return the PostgreSQL version that wrote the cluster, None before there is one."""
        try:
            return int((self.pgdata / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def pid(self) -> int | None:
        """Return the process id of the running server, None when it is down.

        A number left in postmaster.pid may meanwhile belong to any process; the
        server is the one that works in the cluster's folder.
        """
        lines = _lines(self.pgdata / "postmaster.pid")
        if not lines or not lines[0].strip().isdigit():
            return None
        link = f"/proc/{lines[0].strip()}/cwd"
        try:
            folder = os.readlink(link)
        except PermissionError:  # root in a container may not look into processes of other users; they may
            folder = _run_as(self.uid, "readlink", link).stdout.rstrip("\n")
        except OSError:
            return None
        return int(lines[0]) if folder == str(self.pgdata.resolve()) else None

    def socket_dir(self) -> Path:
        """Return the folder of the socket: that of the running server, or where a new one puts it."""
        lines = _lines(self.pgdata / "postmaster.pid")
        if self.pid() is not None and len(lines) > 4 and lines[4]:
            return Path(lines[4])
        uid_hash = hashlib.sha256(f"{self.uid}:{self._identity}".encode()).hexdigest()[:16]
        short = f"onemap-{uid_hash}"
        choices = (self.home / "socket", Path(tempfile.gettempdir()) / short, Path("/tmp") / short)
        return next((c for c in choices if _fits_socket(c)), choices[-1])

    def start(self) -> None:
        """Start the server unless it runs; a new cluster is created first."""
        if self.pid() is not None:
            if self._let_in():
                self._pg_ctl(choose(self.major()), "reload")
            return
        installation = choose(self.major())
        if self.major() is None:
            self._initdb(installation)
        self._let_in()
        socket_dir = self._private_socket_dir()
        for lock_file in (self.pgdata / "postmaster.pid", socket_dir / f"{_SOCKET}.lock"):
            _drop_if_foreign(lock_file)
        settings = {**_SETTINGS, "unix_socket_directories": str(socket_dir)}
        options = " ".join(shlex.quote(part) for k, v in settings.items() for part in ("-c", f"{k}={v}"))
        begun = time.monotonic()
        while True:
            if self.log.exists():
                os.replace(self.log, self.log.with_suffix(".log.1"))
            done = self._pg_ctl(installation, "start", "-t", "300", "-l", self.log.name, "-o", options)
            if done.returncode == 0:
                return
            complaint = self._complaint() or done.stdout.strip()
            # Children of a killed server hold its shared memory until they notice; that takes a moment,
            # or as long as their query.
            waited_s = time.monotonic() - begun
            if "shared memory" in complaint and waited_s > _NOTICE_S:
                self._end_orphans()
            if "shared memory" not in complaint or waited_s > _START_WAIT_S:
                raise StoreError(
                    f"The embedded PostgreSQL server does not start: {complaint} (see {self.log})."
                )
            time.sleep(0.2)

    def _end_orphans(self) -> None:
        """Tell what a killed server left at work in the cluster's folder to drop everything and end."""
        here = '[ "$(readlink "$p/cwd")" = "$1" ]'
        script = f'for p in /proc/[0-9]*; do {here} && kill -QUIT "${{p#/proc/}}"; done'
        _run_as(self.uid, "sh", "-c", script, "sh", str(self.pgdata.resolve()))

    def stop(self) -> None:
        """Stop the server in an orderly way, ending what sessions are left."""
        if self.pid() is None:
            return
        socket_dir = self.socket_dir()
        done = self._pg_ctl(choose(self.major()), "stop", "-m", "fast", "-t", "300")
        if done.returncode != 0 and self.pid() is not None:
            raise StoreError(f"The embedded PostgreSQL server does not stop: {done.stdout.strip()}.")
        with suppress(OSError):
            socket_dir.rmdir()

    def _pg_ctl(self, found: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
        # pg_ctl puts paths into a shell command unescaped; these relative ones hold no special characters.
        command = (str(found.bindir / "pg_ctl"), *arguments, "-D", self.pgdata.name, "-w", "-s")
        return _run_as(self.uid, *command, folder=self.home)

    def _complaint(self) -> str:
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        fatal = [line.split("FATAL:", 1)[1].strip() for line in lines if "FATAL:" in line]
        return fatal[-1] if fatal else ""

    def _initdb(self, found: Installation) -> None:
        """Create the cluster beside its place and move it there: a broken start leaves nothing half."""
        fresh = self.home / "pgdata.new"
        shutil.rmtree(fresh, ignore_errors=True)
        done = _run_as(
            self.uid, str(found.bindir / "initdb"), "-D", str(fresh), "-U", ROLE, "-E", "UTF8",
            "--locale=C.UTF-8", "--auth-local=peer", "--auth-host=reject", "--data-checksums",
        )  # fmt: skip
        if done.returncode != 0:
            errors = [line for line in done.stdout.splitlines() if "error:" in line]
            told = errors[-1] if errors else done.stdout.strip()
            raise StoreError(f"The embedded store cannot be created in {self.home}: {told}.")
        os.rename(fresh, self.pgdata)

    def _let_in(self) -> bool:
        """Let the cluster's owner and root log in as the roles of OneMap, nobody else as anybody.

        Returns whether that was otherwise before.
        """
        names = dict.fromkeys((user_account(self.uid).pw_name, "root"))
        wanted = {
            "pg_hba.conf": f"local all {','.join(ROLES)} peer map=onemap\n",
            "pg_ident.conf": "".join(f'onemap "{name}" {role}\n' for name in names for role in ROLES),
        }
        present = {name: (self.pgdata / name).read_text() for name in wanted}
        for name in wanted:
            if present[name] != wanted[name]:
                (self.pgdata / name).write_text(wanted[name])
        return present != wanted

    def _private_socket_dir(self) -> Path:
        folder = self.socket_dir()
        try:
            folder.mkdir(mode=0o700)
            os.chown(folder, self.uid, -1)
        except FileExistsError:
            pass
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.uid:
            raise StoreError(
                f"The socket folder {folder} belongs to another user: remove it and start again."
            )
        if found.st_mode & 0o077:
            folder.chmod(0o700)
        return folder


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _drop_if_foreign(lock_file: Path) -> None:
    """Remove a lock file of a dead server whose number a living process or a zombie bears.

    PostgreSQL clears the files of a dead process itself, but takes whatever
    process has the number for its server.
    """
    lines = _lines(lock_file)
    if lines and Path(f"/proc/{lines[0].strip()}").exists():
        lock_file.unlink()


def _fits_socket(folder: Path) -> bool:
    """Return whether a socket in `folder` has a path that the kernel and PostgreSQL's settings take."""
    path = str(folder / f"{_SOCKET}.lock")
    return len(os.fsencode(path)) <= _SOCKET_PATH_MAX_BYTES and not set(path) & set(",\"'\\")
