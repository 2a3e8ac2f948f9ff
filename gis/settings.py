"""Settings, read from the environment (prefix `ONEMAP_`) when asked for, never at import."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gis.access import ROLES
from gis.errors import UsageError
from layers import LAYERS, RASTERS
from layers.spec import Access

_SECRETS = Path("/run/secrets")
"""Where containers find a file per setting that must not be in the environment: `onemap_database_url`."""


def default_workers() -> int:
    """Return how many web processes serve if nothing else is asked for: two, or one on a single core."""
    return min(2, len(os.sched_getaffinity(0)))


class Settings(BaseSettings):
    """Where the store is and what the services may take.

    `database_url` points at any PostGIS >= 3.3; without it the store is an
    embedded one inside `data_dir`. docs/deployment.md shows the descriptions.
    """

    model_config = SettingsConfigDict(
        env_prefix="ONEMAP_", frozen=True, secrets_dir=_SECRETS if _SECRETS.is_dir() else None
    )

    database_url: str | None = Field(
        default=None,
        description="PostGIS to use, `postgresql://user:password@host/database`; "
        "without it the store is an embedded one",
    )
    data_dir: Path = Field(default=Path(".onemap"), description="folder of the embedded store")
    tianditu_key: str | None = Field(
        default=None,
        description="key of the Tianditu base map; without it the page asks no other host for anything",
    )
    workers: int = Field(
        default_factory=default_workers,
        ge=1,
        le=64,
        description="web processes of `onemap serve`; by default two, or one on a single core",
    )
    stop_timeout_s: float = Field(
        default=20.0, gt=0, le=600, description="seconds that running requests have to finish at a stop"
    )
    max_body_bytes: int = Field(
        default=20_000_000, gt=0, description="largest body of a request, in bytes; more is answered with 413"
    )
    max_upload_bytes: int = Field(
        default=2_000_000_000, gt=0, description="largest file that is uploaded for an import, in bytes"
    )
    max_body_features: int = Field(default=1_000, gt=0, description="most features in a body")
    max_body_vertices: int = Field(default=100_000, gt=0, description="most vertices in a body")
    statement_timeout_s: float = Field(
        default=30.0,
        gt=0,
        description="seconds that a query of a request may take; one that takes longer is answered with 503",
    )
    rate_per_s: float | None = Field(
        default=None,
        ge=1,
        description="requests a second that one caller may make on average over ten seconds, per web "
        "process; more are answered with 429. Without it there is no limit",
    )
    trusted_proxies: str = Field(
        default="",
        description="addresses or networks of reverse proxies, separated by commas, whose X-Forwarded-For "
        "and X-Forwarded-Proto are believed; by default none",
    )
    log: Literal["plain", "json"] = Field(
        default="plain",
        description="`plain`: warnings and errors as short lines; `json`: these and every request as one "
        "JSON object a line; on stderr",
    )
    metrics: bool = Field(
        default=False,
        description="`true` serves /metrics for Prometheus, to clients on the same machine and to callers "
        "with a key",
    )
    layer_access: dict[str, Access] = Field(
        default_factory=dict,
        description="classes of layers other than those they declare, as JSON: "
        '`{"data_centre": "internal"}`; docs/access.md tells of them',
    )
    anonymous: str | None = Field(
        default=None,
        description="role of callers who show no key; by default they read what is open and nothing else",
    )
    oidc_issuer: str | None = Field(
        default=None, description="issuer of tokens (OpenID Connect) that are taken besides keys"
    )
    oidc_audience: str | None = Field(default=None, description="audience that tokens must have")
    oidc_jwks: str | None = Field(
        default=None, description="address or file of the public keys that tokens are signed with"
    )
    oidc_roles_claim: str = Field(default="roles", description="claim of a token that names its roles")

    @model_validator(mode="wrap")
    @classmethod
    def _told_clearly(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            wrong = error.errors()[0]
            name = f"ONEMAP_{'_'.join(str(part) for part in wrong['loc'][:1]).upper()}"
            raise UsageError(f"The setting {name} is not usable: {wrong['msg']}.") from error

    @field_validator("layer_access")
    @classmethod
    def _known_layers(cls, value: dict[str, Access]) -> dict[str, Access]:
        for layer in value:
            if layer not in LAYERS and layer not in RASTERS:
                raise ValueError(f"there is no layer {layer!r}")
        return value

    @field_validator("anonymous")
    @classmethod
    def _known_role(cls, value: str | None) -> str | None:
        if value is not None and value not in ROLES:
            raise ValueError(f"there is no role {value!r}; the roles are {', '.join(ROLES)}")
        return value
