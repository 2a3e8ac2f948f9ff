"""From parcels and their surroundings to one row of facts and one row of verdicts a parcel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.crs import STORAGE_EPSG
from gis.errors import InputError, NotFoundError
from gis.facts.columns import Attributes, Texts, Words
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.resources import Resources
from gis.rules import RuleSet
from gis.scoring.document import suitability_document
from gis.scoring.evaluate import Columns, evaluate
from gis.scoring.inputs import gather
from gis.vocabulary import FACTS, VERDICTS, Column

PIECE = 50_000
"""Parcels scored between two words of progress."""


@dataclass(frozen=True, eq=False)
class Result:
    """Facts and verdicts, one row a parcel, indexed by parcel_id; columns as in `gis.vocabulary`."""

    parcels: gpd.GeoDataFrame
    facts: pd.DataFrame
    verdicts: pd.DataFrame
    ruleset: RuleSet
    data_versions: Mapping[str, int]

    def explain(self, parcel_id: str) -> dict[str, Any]:
        """Return the suitability document of one parcel; NotFoundError when it is not in the result."""
        if parcel_id not in self.facts.index:
            raise NotFoundError(f"there is no parcel {parcel_id!r} in this result")
        at = int(self.facts.index.get_indexer(pd.Index([parcel_id]))[0])
        return suitability_document(
            self.facts.iloc[at], self.verdicts.iloc[at], self.ruleset, self.data_versions
        )

    def to_geodataframe(self) -> gpd.GeoDataFrame:
        """Return the verdicts with the parcels' geometry in EPSG:4548."""
        shapes = self.parcels.set_index("parcel_id").geometry
        return gpd.GeoDataFrame(
            self.verdicts.copy(), geometry=shapes.reindex(self.verdicts.index), crs=shapes.crs
        )


def score(
    parcels: gpd.GeoDataFrame,
    resources: Resources | Surroundings,
    ruleset: RuleSet,
    progress: Callable[[int, int, str], None] | None = None,
) -> Result:
    """Judge every parcel for every option.

    `parcels` has the columns of the layer `parcel` (any may be absent but
    `parcel_id`) and polygons in EPSG:4548. Every parcel is judged by itself:
    neither the order nor the number of parcels changes an answer. `progress`
    is called with parcels done, parcels in all, and what is being done.
    Raises InputError for another CRS, duplicate ids or missing geometry.
    """
    around = resources if isinstance(resources, Surroundings) else Surroundings(resources)
    if parcels.crs is None or parcels.crs.to_epsg() != STORAGE_EPSG:
        raise InputError(f"parcels must be in EPSG:4548 for scoring, not {parcels.crs}; reproject them first")
    _check(parcels["parcel_id"].to_numpy(dtype=object), np.asarray(parcels.geometry, dtype=object))
    facts, verdicts = [], []
    for start in range(0, max(1, len(parcels)), PIECE):
        if progress:
            progress(start, len(parcels), "scoring parcels")
        piece = parcels.iloc[start : start + PIECE]
        columns = _columns(piece, np.asarray(piece.geometry, dtype=object), around, ruleset)
        index = pd.Index(piece["parcel_id"].astype(str), name="parcel_id")
        facts.append(_frame(columns[0], FACTS, index))
        verdicts.append(_frame(columns[1], VERDICTS, index))
    return Result(parcels, _joined(facts), _joined(verdicts), ruleset, around.resources.versions)


def _joined(pieces: list[pd.DataFrame]) -> pd.DataFrame:
    return pieces[0] if len(pieces) == 1 else pd.concat(pieces)


def suitability_documents(
    parcels: pd.DataFrame, polygons: Texts, around: Surroundings, ruleset: RuleSet
) -> list[dict[str, Any]]:
    """Return what `score` explains of every parcel, in their order, without making tables of it.

    `parcels` holds their attributes, `polygons` their outlines in EPSG:4548.
    """
    _check(parcels["parcel_id"].to_numpy(dtype=object), polygons)
    facts, verdicts = _columns(parcels, polygons, around, ruleset)
    documents = []
    for i, parcel_id in enumerate(parcels["parcel_id"]):
        fact_row = {"parcel_id": str(parcel_id)} | {c.name: _value(facts[c.name], i) for c in FACTS}
        verdict_row = {c.name: _value(verdicts[c.name], i) for c in VERDICTS}
        documents.append(suitability_document(fact_row, verdict_row, ruleset, around.resources.versions))
    return documents


def _columns(
    parcels: pd.DataFrame, polygons: Texts, around: Surroundings, ruleset: RuleSet
) -> tuple[Columns, Columns]:
    """Return the columns of facts and of verdicts, one value a parcel."""
    shapes = Shapes.of(polygons, "polygon")
    return evaluate(gather(Attributes.of(parcels), shapes, around, ruleset), ruleset)


def _value(column: Any, i: int) -> Any:
    return column.names[column.codes[i]] if isinstance(column, Words) else column[i]


def _check(parcel_ids: Texts, polygons: Texts) -> None:
    if pd.isna(parcel_ids).any() or len(set(parcel_ids)) < len(parcel_ids):
        raise InputError("every parcel needs a parcel_id of its own")
    bad = np.flatnonzero(shapely.is_missing(polygons) | shapely.is_empty(polygons))
    if len(bad):
        raise InputError(f"parcel {parcel_ids[bad[0]]} has no geometry")


def _frame(values: Mapping[str, Any], columns: tuple[Column, ...], index: pd.Index[str]) -> pd.DataFrame:
    """Return the declared columns; text stays text or None, and a source that is nowhere has no distance."""
    floats = [c.name for c in columns if c.type == "float"]
    others = [c.name for c in columns if c.type != "float"]
    numbers = np.empty((len(index), len(floats)))
    for i, name in enumerate(floats):
        numbers[:, i] = values[name]
    numbers[~np.isfinite(numbers)] = np.nan
    words = np.empty((len(index), len(others)), dtype=object)
    for i, name in enumerate(others):
        column = values[name]
        words[:, i] = column.texts() if isinstance(column, Words) else column
    # Two blocks instead of a hundred columns: a single parcel is answered in half the time.
    parts = (
        pd.DataFrame(numbers, index=index, columns=floats),
        pd.DataFrame(words, index=index, columns=others, dtype=object),
    )
    return pd.concat(parts, axis=1)[[c.name for c in columns]]
