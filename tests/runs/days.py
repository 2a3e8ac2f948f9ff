"""What a store tells at a time, to be held against what it tells of that time later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import geopandas as gpd
import pandas as pd
import sqlalchemy as sa

from gis.rules.loader import content_json
from gis.runs import ruleset_of
from gis.store import RunRecord, Store
from layers import LAYERS
from tests.runs.edits import all_results


@dataclass
class Told:
    """What the store told at a time."""

    at: datetime
    layers: dict[str, pd.DataFrame]
    run: RunRecord
    results: tuple[pd.DataFrame, pd.DataFrame]
    rules: dict[str, Any]
    done: tuple[str, ...]
    """What was changed before it."""


def flat(frame: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return a layer with its outlines as bytes."""
    return pd.DataFrame(frame.drop(columns="geometry")).assign(geometry=frame.geometry.to_wkb())


def told(store: Store, *done: str) -> Told:
    """Return what the store tells now."""
    with store.engine.connect() as connection:
        now = connection.scalar(sa.text("SELECT clock_timestamp()"))
    run = store.latest_run()
    assert run is not None
    layers = {layer: flat(store.read(layer)) for layer in store.layer_versions() if layer in LAYERS}
    return Told(now, layers, run, all_results(store), content_json(ruleset_of(store, run)), done)
