"""Tokens of an OpenID Connect provider: verified by its public keys, their roles taken as ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jwt

from gis.access import CLASSES, ROLES, Caller
from gis.errors import UsageError
from gis.settings import Settings

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
_LEEWAY_S = 30
_WAIT_S = 5

Keys = Callable[[str], Any]


class Tokens:
    """Verifies tokens of the provider that the settings name.

    Raises UsageError where the settings name a provider by half, or its keys cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._issuer, self._audience = settings.oidc_issuer, settings.oidc_audience
        self._claim = settings.oidc_roles_claim.split(".")
        given = (settings.oidc_issuer, settings.oidc_audience, settings.oidc_jwks)
        if any(given) and not all(given):
            raise UsageError(
                "Tokens need ONEMAP_OIDC_ISSUER, ONEMAP_OIDC_AUDIENCE and ONEMAP_OIDC_JWKS, all three."
            )
        self._key = None if settings.oidc_jwks is None else _keys(settings.oidc_jwks)

    def caller(self, token: str) -> Caller | None:
        """Return whose token this is; None where it is none, holds no longer, or names no role of ours."""
        if self._key is None:
            return None
        try:
            claims = jwt.decode(
                token,
                self._key(token),
                algorithms=_ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError:
            return None
        roles = [ROLES[name] for name in _named(claims, self._claim) if name in ROLES]
        if not roles:
            return None
        reads = max((role.reads for role in roles), key=CLASSES.index)
        rights = frozenset[Any]().union(*(role.rights for role in roles))
        return Caller(str(claims["sub"])[:200], reads, rights, known=True)


def _named(claims: dict[str, Any], path: Iterable[str]) -> list[str]:
    """Return the roles that a token names at a path of claims, such as `realm_access.roles`."""
    found: Any = claims
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return [str(one) for one in found] if isinstance(found, list) else []


def _keys(place: str) -> Keys:
    """Return what finds the key that signed a token: from a URL, asked again as keys change, or a file."""
    if place.startswith(("https://", "http://")):
        client = jwt.PyJWKClient(place, timeout=_WAIT_S)
        return lambda token: client.get_signing_key_from_jwt(token).key
    try:
        known = jwt.PyJWKSet.from_dict(json.loads(Path(place).read_text(encoding="utf-8")))
    except (OSError, ValueError, jwt.PyJWTError) as error:
        raise UsageError(f"ONEMAP_OIDC_JWKS: {place} is no file of public keys (JWKS).") from error

    def of(token: str) -> Any:
        wanted = jwt.get_unverified_header(token).get("kid")
        for key in known.keys:
            if wanted is None or key.key_id == wanted:
                return key.key
        raise jwt.InvalidKeyError("the token was signed with a key that is not known")

    return of
