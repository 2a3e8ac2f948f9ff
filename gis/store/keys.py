"""Keys of programs and people: made, listed, revoked, and recognised by a hash of their secret."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from gis.access import ROLES, Caller
from gis.errors import InputError, NotFoundError
from gis.store import audit
from gis.store.connection import clear_errors
from gis.store.tables import API_KEY

PREFIX = "om"
_KEY = re.compile(rf"{PREFIX}_([0-9a-f]{{12}})_([A-Za-z0-9_-]{{43}})", re.ASCII)
_NAME = re.compile(r"[^\W_][\w .@-]{0,59}")


@dataclass(frozen=True)
class ApiKey:
    """A key without its secret, which nobody keeps."""

    key_id: str
    name: str
    role: str
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


_COLUMNS = tuple(API_KEY.c[name] for name in ApiKey.__dataclass_fields__)


def make(engine: sa.Engine, name: str, role: str, days: int | None) -> str:
    """Make a key for somebody and return it: it is told this once. InputError for a wrong name or role."""
    if role not in ROLES:
        raise InputError(f"There is no role {role!r}; the roles are {', '.join(ROLES)}.")
    if not _NAME.fullmatch(name):
        raise InputError(
            "The name of a key has up to 60 letters, digits, spaces and . @ - _, the first a letter or digit."
        )
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    ends = sa.null() if days is None else sa.func.now() + timedelta(days=days)
    with clear_errors("Making the key failed"), engine.begin() as connection:
        connection.execute(
            API_KEY.insert().values(
                key_id=key_id, name=name, role=role, secret_sha256=_hash(secret), expires_at=ends
            )
        )
        audit.write(connection, "make key", key_id, name=name, role=role, days=days)
    return f"{PREFIX}_{key_id}_{secret}"


def listed(engine: sa.Engine) -> list[ApiKey]:
    """Return all keys, the newest first."""
    query = sa.select(*_COLUMNS).order_by(API_KEY.c.made_at.desc(), API_KEY.c.key_id)
    with clear_errors("Reading the keys failed"), engine.connect() as connection:
        return [ApiKey(**row._mapping) for row in connection.execute(query)]


def revoke(engine: sa.Engine, key_id: str) -> None:
    """End a key for good; NotFoundError where there is none that still holds."""
    command = (
        API_KEY.update()
        .where(API_KEY.c.key_id == key_id, API_KEY.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
    )
    with clear_errors("Revoking the key failed"), engine.begin() as connection:
        if connection.execute(command).rowcount == 0:
            raise NotFoundError(f"There is no key {key_id!r} that holds; `onemap key list` tells them all.")
        audit.write(connection, "revoke key", key_id)


def find(engine: sa.Engine, key: str) -> Caller | None:
    """Return whose key this is, None where it is not one, or holds no longer."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        return None
    holds = sa.or_(API_KEY.c.expires_at.is_(None), API_KEY.c.expires_at > sa.func.now())
    query = sa.select(API_KEY.c.name, API_KEY.c.role, API_KEY.c.secret_sha256).where(
        API_KEY.c.key_id == parts[1], API_KEY.c.revoked_at.is_(None), holds
    )
    with clear_errors("Reading the keys failed"), engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    if row is None or not hmac.compare_digest(bytes(row.secret_sha256), _hash(parts[2])):
        return None
    role = ROLES.get(row.role)
    return None if role is None else Caller(f"{row.name} ({parts[1]})", role.reads, role.rights, known=True)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
