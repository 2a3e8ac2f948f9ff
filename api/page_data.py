"""What the map page needs to know of the store."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from sqlalchemy import Connection, text

from api.ogc_documents import Extents
from api.tile_answers import read_as
from api.tile_versions import tile_versions
from gis.access import RESULTS
from gis.rules import RuleSet
from gis.store import Store
from gis.store.potentials import kept_potential
from gis.store.records import LayerVersion
from gis.webmap.page import MapData
from gis.webmap.raster_tiles import SHOWN_RASTERS
from gis.webmap.tiles import RESULT_LAYER
from layers import LAYERS, POTENTIAL


class SyntheticLayers:
    """Which layers hold synthetic features, looked for again when a layer has another version.

    Where none is synthetic, the database has to look at every feature.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[LayerVersion, bool] = {}

    def of(self, version: LayerVersion) -> bool:
        """Return whether a layer has a synthetic feature."""
        if version not in self._known:
            query = text(f"SELECT EXISTS (SELECT FROM layer.{LAYERS[version.layer].id} WHERE synthetic)")
            with self._store.engine.connect() as connection:
                found = bool(connection.execute(query).scalar())
            self._known = {v: held for v, held in self._known.items() if v.layer != version.layer}
            self._known[version] = found
        return self._known[version]


def district_labels(connection: Connection) -> list[dict[str, Any]]:
    """Return the names of districts (id, zh, en) with a point in each (lon, lat)."""
    found = text(
        "SELECT district_id AS id, name AS zh, COALESCE(name_en, name) AS en, ST_X(p) AS lon, ST_Y(p) AS lat"
        " FROM (SELECT district_id, name, name_en, ST_Transform(ST_PointOnSurface(geom), 4326) AS p"
        "  FROM layer.district WHERE name IS NOT NULL ORDER BY district_id) AS t"
    )
    return [dict(row) for row in connection.execute(found).mappings()]


def _results_run(store: Store) -> dict[str, Any] | None:
    """Return when the stored results were worked out, and whether of the present layers."""
    run = store.latest_run()
    if run is None or run.finished_at is None:
        return None
    present = {layer: v.version for layer, v in store.layer_versions().items()}
    return {
        "finished_at": run.finished_at.isoformat(),
        "as_of": run.as_of.isoformat(),
        "current": run.layer_versions == present,
    }


def _wanted(may_read: Container[str]) -> list[str]:
    """Return what a reader may see of all that has tiles by its own id."""
    return [name for name in (RESULT_LAYER, *LAYERS, *SHOWN_RASTERS) if read_as(name) in may_read]


def _synthetic_potential(store: Store, versions: Container[str]) -> tuple[str, ...]:
    """Return the bands of the potential where it is shown and made of synthetic features."""
    if not any(name in versions for name in POTENTIAL):
        return ()
    kept = kept_potential(store)
    return tuple(POTENTIAL) if kept and kept.told["synthetic_layers"] else ()


def map_data(
    store: Store, extents: Extents, synthetic: SyntheticLayers, ruleset: RuleSet, may_read: Container[str]
) -> MapData:
    """Return what `gis.webmap.map_page` needs to know of what may be read, and of the rules behind it."""
    versions = tile_versions(store, _wanted(may_read), may_read)
    loaded = store.layer_versions()
    shown = {layer: loaded[layer] for layer in LAYERS if layer in versions and layer in loaded}
    framing = (extents.of(shown[layer]) for layer in ("district", "parcel") if layer in shown)
    with store.engine.connect() as connection:
        labels = district_labels(connection) if "district" in versions else []
    return MapData(
        bounds=next((box for box in framing if box is not None), None),
        reach=extents.around(shown.values()),
        versions=versions,
        synthetic=(
            *(layer for layer, version in shown.items() if synthetic.of(version)),
            *_synthetic_potential(store, versions),
        ),
        results_withheld=RESULTS not in may_read,
        rasters_withheld=[name for name in SHOWN_RASTERS if read_as(name) not in may_read],
        results_run=_results_run(store) if RESULTS in may_read else None,
        labels=labels,
        clauses={
            c.clause_id: {
                "source": f"{c.document} {c.section}",
                "rule": {"zh": c.rule_in_short_zh, "en": c.rule_in_short},
            }
            for c in ruleset.clauses.values()
        },
        areas={area.id: area.title.model_dump() for area in ruleset.areas},
        new_build_share_frac=ruleset.portfolio.number("new_build_share_frac"),
    )
