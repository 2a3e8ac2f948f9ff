"""Random edits of a city, and all its results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import sqlalchemy as sa

from gis.staleness import EVERYWHERE, IN_PLACE, SOURCES, WITHIN_REACH
from gis.store import Store
from layers import LAYERS
from tests.store.frames import LOAD

ACTING = (*SOURCES, *WITHIN_REACH, *IN_PLACE, *EVERYWHERE, "parcel")


def thinned(store: Store, count: int = 900) -> None:
    """Keep some of the sample's parcels, so that a run is quick."""
    parcels = store.read("parcel")
    some = parcels.sample(count, random_state=1).sort_values("parcel_id").reset_index(drop=True)
    store.write_layer("parcel", some, mode="replace", **LOAD)


def all_results(store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    with store.engine.connect() as connection:
        ids = connection.scalars(sa.text("SELECT parcel_id FROM result.parcel_result ORDER BY 1")).all()
    return store.result_rows(list(ids))


def edit(store: Store, random: np.random.Generator) -> str:
    """Change a random feature of a random layer in a random way; return what was done."""
    layer = str(random.choice(ACTING))
    spec, frame = LAYERS[layer], store.read(layer)
    kind = str(random.choice(["insert", "move", "delete", "change"]))
    if kind == "delete" or not len(frame):
        frame = frame.drop(index=frame.index[random.integers(len(frame), size=min(1, len(frame)))])
        store.write_layer(layer, frame.reset_index(drop=True), mode="replace", **LOAD)
        return f"{kind} {layer}"
    row = frame.iloc[[random.integers(len(frame))]].reset_index(drop=True)
    if kind == "insert":
        row[spec.key] = f"new {random.integers(1 << 40)}"
    if kind == "change":
        other = frame.iloc[[random.integers(len(frame))]].reset_index(drop=True)
        names = [name for name in spec.field_names if name != spec.key]
        for name in random.choice(names, 3):
            row[name] = other[name]
    else:
        far = float(random.choice([50.0, 1_000.0, 20_000.0]))
        row = row.set_geometry(row.geometry.translate(*random.normal(0, far, 2)))
    store.write_layer(layer, row, mode="upsert", **LOAD)
    return f"{kind} {layer} {row[spec.key].iloc[0]}"
