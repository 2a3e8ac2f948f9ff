"""Settings, read from the environment (prefix `ONEMAP_`) when asked for, never at import."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the store is and what the services may take.

    `database_url` points at any PostGIS >= 3.3; without it the store is an
    embedded one inside `data_dir`.
    """

    model_config = SettingsConfigDict(env_prefix="ONEMAP_", frozen=True)

    database_url: str | None = None
    data_dir: Path = Path(".onemap")
    tianditu_key: str | None = None
    max_body_bytes: int = Field(default=20_000_000, gt=0)
    max_upload_bytes: int = Field(default=2_000_000_000, gt=0)
    max_body_features: int = Field(default=1_000, gt=0)
    max_body_vertices: int = Field(default=100_000, gt=0)
    statement_timeout_s: float = Field(default=30.0, gt=0)
