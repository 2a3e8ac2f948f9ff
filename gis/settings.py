"""Settings, read from the environment (prefix `ONEMAP_`) when asked for, never at import."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from gis.access import ROLES
from gis.errors import UsageError
from layers import LAYERS, RASTERS
from layers.spec import Access


class Settings(BaseSettings):
    """Where the store is and what the services may take.

    `database_url` points at any PostGIS >= 3.3; without it the store is an
    embedded one inside `data_dir`. `layer_access` gives layers another class than
    they declare, `anonymous` the role of callers who show no key (None: they read
    what is open). Tokens of an OpenID Connect provider are taken when `oidc_issuer`,
    `oidc_audience` and `oidc_jwks` (URL or file of its public keys) are all set.
    """

    model_config = SettingsConfigDict(env_prefix="ONEMAP_", frozen=True)

    database_url: str | None = None
    data_dir: Path = Path(".onemap")
    tianditu_key: str | None = None
    max_body_bytes: int = Field(default=20_000_000, gt=0)
    max_body_features: int = Field(default=1_000, gt=0)
    max_body_vertices: int = Field(default=100_000, gt=0)
    statement_timeout_s: float = Field(default=30.0, gt=0)
    layer_access: dict[str, Access] = Field(default_factory=dict)
    anonymous: str | None = None
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_jwks: str | None = None
    oidc_roles_claim: str = "roles"

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
