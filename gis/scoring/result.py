"""From parcels and their surroundings to one row of facts and one row of verdicts a parcel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gis.errors import InputError, NotFoundError
from gis.facts.columns import Attributes, Texts, Words
from gis.facts.ragged import Shapes
from gis.facts.surroundings import Surroundings
from gis.resources import Resources
from gis.rules import RuleSet, load_ruleset
from gis.scoring.accepting import accepted
from gis.scoring.document import suitability_document
from gis.scoring.evaluate import Columns, evaluate
from gis.scoring.inputs import gather
from gis.units import attributes, fact_units, verdict_units
from gis.vocabulary import FACTS, VERDICTS, Column, Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gis.ingest import ImportReport
    from gis.webmap.parcel_map import ParcelMap
    from gis.whatif import WhatIf

PIECE = 50_000
"""Parcels scored between two words of progress."""


@dataclass(frozen=True, eq=False)
class Result:
    """Facts and verdicts, one row a parcel, indexed by parcel_id; columns as in `gis.vocabulary`.

    parcels        the polygons and attributes that were judged, in the metric CRS of the resources
    facts          what was read from the map and worked out; `attrs["units"]` maps column to unit
    verdicts       what follows by the rules; `attrs` as those of `facts`
    ruleset        the rules
    data_versions  layer or raster -> the version that was read
    around         what surrounds the parcels; None for results that were read from a store
    report         the account of parcels that had to be brought into form first, None where none had
    """

    parcels: gpd.GeoDataFrame
    facts: pd.DataFrame
    verdicts: pd.DataFrame
    ruleset: RuleSet
    data_versions: Mapping[str, int]
    around: Surroundings | None = field(default=None, repr=False)
    report: ImportReport | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        told = self.ruleset.told(), self.data_versions
        self.facts.attrs = attributes(fact_units(), *told)
        self.verdicts.attrs = attributes(verdict_units(), *told)

    def explain(self, parcel_id: str) -> dict[str, Any]:
        """Return the suitability document of one parcel; NotFoundError when it is not in the result."""
        if parcel_id not in self.facts.index:
            raise NotFoundError(f"there is no parcel {parcel_id!r} in this result")
        at = int(self.facts.index.get_indexer(pd.Index([parcel_id]))[0])
        return suitability_document(
            self.facts.iloc[at], self.verdicts.iloc[at], self.ruleset, self.data_versions
        )

    def to_geodataframe(self) -> gpd.GeoDataFrame:
        """Return the verdicts with the parcels' geometry in the metric CRS (EPSG:4548 from a store).

        `attrs` holds `units` (column -> unit), `ruleset` and `data_versions`, and goes into GeoParquet.
        """
        keys = pd.Index(self.parcels["parcel_id"].astype(str))
        shapes = self.parcels.geometry.set_axis(keys)
        if not keys.equals(self.verdicts.index):
            shapes = shapes.reindex(self.verdicts.index)
        out = gpd.GeoDataFrame(self.verdicts.copy(), geometry=shapes, crs=self.parcels.crs)
        out.attrs = self.verdicts.attrs
        return out

    def plot(self, ax: Axes | None = None, lang: Language = "zh") -> Axes:
        """Draw the parcels by recommended technology for an article, and return the matplotlib axes.

        In metres of the metric CRS, with a scale bar and a legend below that counts the parcels.
        """
        from gis.plotting import plot_technologies  # with matplotlib, which scoring does without

        return plot_technologies(self.to_geodataframe(), "recommended", ax, lang)

    def map(self, lang: Language = "zh") -> ParcelMap:
        """Return a map of the parcels by recommended technology that needs no network.

        It has no base map; the pointer tells technology, status, score and capacity (kW). Raises
        InputError for more parcels than a browser draws quickly.
        """
        from gis.webmap.result_maps import result_map  # with folium, which scoring does without

        return result_map(self.to_geodataframe(), self.facts["heat_load_kw"], lang)

    def what_if(self, change: WhatIf) -> Result:
        """Return the same parcels scored again under a supposition (`gis.WhatIf`).

        >>> import geopandas as gpd
        >>> parcels = gpd.read_parquet("parcel.parquet").iloc[:50]
        >>> result = gis.score(parcels, gis.Resources.from_files({"district": "district.geojson"}))
        >>> half = result.what_if(gis.WhatIf("half the load", {"minimum_share_frac": 0.5}))
        >>> half.ruleset.parameters["minimum_share_frac"].value
        0.5

        Raises InputError for results that were read from a store without its layers, RuleError for a
        parameter that is not there, and what `Resources.from_files` raises for its layers.
        """
        if self.around is None:
            raise InputError("these results were read from a store; score the parcels with gis.score first.")
        around = self.around.renewed(change.resources(self.around.resources))
        changed = score(self.parcels, around, change.ruleset(self.ruleset))
        return replace(changed, report=self.report)


def score(
    parcels: gpd.GeoDataFrame,
    resources: Resources | Surroundings,
    ruleset: RuleSet | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> Result:
    """Judge every parcel for every option.

    Every parcel is judged by itself: neither the order nor the number of parcels changes an answer.

    Parameters
    ----------
    parcels : polygons with any of the columns of the layer `parcel`. Where they are in the metric CRS of
        the resources (EPSG:4548), with `parcel_id` and the layer's names, they are judged as they are.
        Otherwise they are read as `gis.read_mapped` reads a table: reprojected from any CRS, columns
        recognised by Chinese and English names, heights dropped, rows without ids numbered, sorted by
        parcel_id; `Result.report` tells what that took.
    resources : what surrounds them.
    ruleset : by default the built-in rules of Beijing as of today.
    progress : called with parcels done, parcels in all, and what is being done.

    Raises
    ------
    InputError
        There are no parcels; they have no CRS; ids repeat; a row cannot be used; or all lie outside the
        area of the metric CRS.

    Examples
    --------
    In the folder of the sample, with parcels in degrees:

    >>> import geopandas as gpd
    >>> parcels = gpd.read_parquet("parcel.parquet").iloc[:50].to_crs("EPSG:4326")
    >>> result = gis.score(parcels, gis.Resources.from_files({"district": "district.geojson"}))
    >>> len(result.verdicts), result.to_geodataframe().crs.to_epsg()
    (50, 4548)
    >>> result.facts.attrs["units"]["heat_load_kw"]
    'kW'
    """
    around = resources if isinstance(resources, Surroundings) else Surroundings(resources)
    ruleset = ruleset or load_ruleset()
    parcels, report = accepted(parcels, around.resources.crs)
    _check(parcels["parcel_id"].to_numpy(dtype=object), np.asarray(parcels.geometry, dtype=object))
    facts, verdicts = [], []
    for start in range(0, len(parcels), PIECE):
        if progress:
            progress(start, len(parcels), "scoring parcels")
        piece = parcels.iloc[start : start + PIECE]
        columns = _columns(piece, np.asarray(piece.geometry, dtype=object), around, ruleset)
        index = pd.Index(piece["parcel_id"].astype(str), name="parcel_id")
        facts.append(_frame(columns[0], FACTS, index))
        verdicts.append(_frame(columns[1], VERDICTS, index))
    versions = around.resources.versions
    return Result(parcels, _joined(facts), _joined(verdicts), ruleset, versions, around, report)


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
    shapes = Shapes.of(polygons, "polygon", around.origin)
    return evaluate(gather(Attributes.of(parcels), shapes, around, ruleset), ruleset)


def _value(column: Any, i: int) -> Any:
    return column.names[column.codes[i]] if isinstance(column, Words) else column[i]


def _check(parcel_ids: Texts, polygons: Texts) -> None:
    if pd.isna(parcel_ids).any():
        row = int(np.argmax(pd.isna(parcel_ids))) + 1
        raise InputError(f"row {row} has no parcel_id; every parcel needs a parcel_id of its own")
    if len(set(parcel_ids)) < len(parcel_ids):
        keys = pd.Series(parcel_ids)
        first = keys[keys.duplicated(keep=False)].iloc[0]
        raise InputError(
            f"parcel_id {first!r} stands on {int((keys == first).sum())} rows; every parcel needs a "
            "parcel_id of its own"
        )
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
