"""The database as declared: one table per layer, results from the vocabularies, and book-keeping."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from geoalchemy2 import Geometry

from gis.crs import STORAGE_EPSG
from gis.matching.columns import (
    CONNECTION_COLUMNS,
    PARCEL_COLUMNS,
    SEGMENT_COLUMNS,
    SITE_COLUMNS,
    SOURCE_COLUMNS,
)
from gis.store.layout import HEAD, PACKED, PLAIN, SHARED, plain_kind
from gis.store.views import VIEWS
from gis.vocabulary import Column
from layers import LAYERS, FieldSpec, LayerSpec

SCHEMAS = ("layer", "result", "meta", "access", "history", "monitoring")
TILE_EPSG = 3857

GEOMETRY_TYPES = {"polygon": "MultiPolygon", "line": "MultiLineString", "point": "Point"}

_FIELD_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "text": sa.Text,
    "integer": sa.BigInteger,
    "float": sa.Double,
    "boolean": sa.Boolean,
    "date": sa.Date,
    # Times are Beijing time as the source writes them, without a zone.
    "timestamp": sa.DateTime,
}

metadata = sa.MetaData()


def _geometry(name: str, kind: str, epsg: int, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(
        name, Geometry(kind, srid=epsg, spatial_index=False, nullable=nullable), nullable=nullable
    )


def _field(spec: LayerSpec, field: FieldSpec) -> sa.Column[Any]:
    if field.name == spec.key:
        return sa.Column(field.name, sa.Text, primary_key=True)
    return sa.Column(field.name, _FIELD_TYPES[field.type], nullable=not field.required)


def _layer_table(spec: LayerSpec) -> sa.Table:
    columns = [_field(spec, field) for field in spec.fields]
    geometry = _geometry("geom", GEOMETRY_TYPES[spec.geometry], STORAGE_EPSG, nullable=spec.by_township)
    index = sa.Index(f"{spec.id}_geom_idx", "geom", postgresql_using="gist")
    # Pages follow each other by code points, in whatever order the database has texts.
    order = sa.Index(f"{spec.id}_order_idx", spec.key, unique=True, postgresql_ops={spec.key: 'COLLATE "C"'})
    return sa.Table(spec.id, metadata, *columns, geometry, index, order, schema="layer")


_PLAIN_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    ">f8": sa.Double,
    ">i4": sa.Integer,
    ">i2": sa.SmallInteger,
}


def _rows(name: str, *, slot: int | None = None, **options: Any) -> sa.Table:
    """Return the table of all stored rows, or the part of it that holds those of a slot."""
    part = slot is not None
    # Compared byte by byte, ids are sorted in a third of the time; for equality any order does.
    ops = {"parcel_id": "text_pattern_ops"}
    keys = [sa.Index(f"{name}_key", "parcel_id", unique=True, postgresql_ops=ops)] if part else []
    return sa.Table(
        name,
        metadata,
        sa.Column("parcel_id", sa.Text, nullable=False),
        *(sa.Column(n, _PLAIN_TYPES[plain_kind(n)], nullable=False) for n in PLAIN),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column(
            "slot", sa.SmallInteger, nullable=False, server_default=sa.text(str(slot)) if part else None
        ),
        *keys,
        schema="result",
        **options,
    )


LAYER_TABLES: dict[str, sa.Table] = {layer_id: _layer_table(spec) for layer_id, spec in LAYERS.items()}

RASTER = sa.Table(
    "raster",
    metadata,
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    schema="layer",
)
"""Rasters by id, each a GeoTIFF; see `gis.store.rasters`."""

_LAYOUT = (PLAIN, HEAD.descr, PACKED, SHARED, *VIEWS)
FINGERPRINT = "layout " + hashlib.sha256(repr(_LAYOUT).encode()).hexdigest()[:16]
"""What the tables of results are made for; they are made anew when the vocabulary changes."""

PARCEL_ROW = _rows("parcel_row", comment=FINGERPRINT, postgresql_partition_by="LIST (slot)")

SLOTS = (_rows("parcel_row_a", slot=0), _rows("parcel_row_b", slot=1))
"""The parts of `PARCEL_ROW`. A full run fills the one that does not hold the present results: readers
are not disturbed, and emptying it costs nothing. `meta.run` tells which part a run wrote to. While a
part is filled from nothing it has no index: made of all rows at once, that costs a third."""


def _numbered(name: str, key: str, *columns: sa.Column[Any]) -> sa.Table:
    """Return a table of results whose rows are numbered by who writes them."""
    number = sa.Column(key, sa.Integer, primary_key=True, autoincrement=False)
    return sa.Table(name, metadata, number, *columns, schema="result")


WORD = _numbered("word", "word_id", sa.Column("word", sa.Text, nullable=False))

CODE_LIST = _numbered("code_list", "list_id", sa.Column("codes", sa.ARRAY(sa.Text), nullable=False))

SHARED_ROW = _numbered(
    "shared",
    "shared_id",
    sa.Column("numbers", sa.ARRAY(sa.Double), nullable=False),
    sa.Column("words", sa.ARRAY(sa.Text), nullable=False),
)
"""What many parcels have in common, in the order of `gis.store.layout.SHARED`; NULL where missing."""

INFLUENCE = _numbered(
    "influence",
    "block",
    sa.Column("parcel_count", sa.Integer, nullable=False),
    sa.Column("layers", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("reach", sa.ARRAY(sa.Double), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""How far around each parcel its results look, many parcels a row; see `gis.store.influence`."""

PARCEL_TILE = sa.Table(
    "parcel_tile",
    metadata,
    sa.Column("parcel_id", sa.Text, primary_key=True),
    _geometry("geom", "MultiPolygon", TILE_EPSG),
    sa.Index("parcel_tile_geom_idx", "geom", postgresql_using="gist"),
    schema="result",
)


def _match_table(
    name: str, columns: tuple[Column, ...], key: tuple[str, ...], *indexes: sa.Index
) -> sa.Table:
    """Return the table of one part of what matching runs tell, those of all scenarios together."""
    types: dict[str, type[sa.types.TypeEngine[Any]]] = {"float": sa.Double, "text": sa.Text}
    return sa.Table(
        name,
        metadata,
        sa.Column("scenario", sa.Text, primary_key=True),
        *(sa.Column(c.name, types[c.type], primary_key=c.name in key) for c in columns),
        *indexes,
        schema="result",
    )


def joined_key(names: Sequence[str]) -> str:
    """Return the SQL of the id of a row within all scenarios: its key as one text, bracketed as stored."""
    found, *rest = names
    for name in rest:
        found = f"(({found} || ' '::text) || {name})"
    return found


def _order(name: str, *key: str) -> sa.Index:
    """Return the index of a table of all scenarios in the order of its ids."""
    id_: sa.Label[str] = sa.literal_column(joined_key(("scenario", *key))).label("id")
    return sa.Index(f"{name}_order_idx", id_, unique=True, postgresql_ops={"id": 'COLLATE "C"'})


MATCH_SOURCE = _match_table("match_source", SOURCE_COLUMNS, ("source_layer", "source_id"))
MATCH_SEGMENT = _match_table("match_segment", SEGMENT_COLUMNS, ("source_id", "segment"))
MATCH_PARCEL = _match_table(
    "match_parcel", PARCEL_COLUMNS, ("parcel_id",), _order("match_parcel", "parcel_id")
)
_CONNECTION_KEY = ("parcel_id", "technology", "source_layer", "source_id")
MATCH_CONNECTION = _match_table(
    "match_connection",
    CONNECTION_COLUMNS,
    _CONNECTION_KEY,
    _order("match_connection", *_CONNECTION_KEY),
    sa.Index("match_connection_source_idx", "scenario", "source_layer", "source_id"),
)

SITE = _match_table("site", SITE_COLUMNS, ("site_id",))


def _by_scenario(name: str, *more: sa.Column[Any]) -> sa.Table:
    """Return a table of the last answer for every scenario, and what it was made from."""
    return sa.Table(
        name,
        metadata,
        sa.Column("scenario", sa.Text, primary_key=True),
        sa.Column("settings", sa.JSON, nullable=False),
        *more,
        sa.Column("summary", sa.JSON, nullable=False),
        sa.Column("ruleset_id", sa.Text, nullable=False),
        sa.Column("ruleset_hash", sa.Text, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("layer_versions", sa.JSON, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("software", sa.Text, nullable=False),
        schema="meta",
    )


MATCH = _by_scenario("match")
"""Matching runs, the last of every scenario; their parts are in the `match_` tables."""

SITING = _by_scenario("siting", sa.Column("plan", sa.JSON, nullable=False))
"""Answers to where new sources are worth most, the last of every scenario; their candidates are in `SITE`."""

GROUND_POTENTIAL = sa.Table(
    "ground_potential",
    metadata,
    sa.Column("potential_id", sa.Text, primary_key=True),
    sa.Column("made_of", sa.Text, nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("told", sa.JSON, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    schema="result",
)
"""The potential of the ground, one GeoTIFF; see `gis.store.potentials`."""

LAYER_VERSION = sa.Table(
    "layer_version",
    metadata,
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("feature_count", sa.BigInteger, nullable=False),
    sa.Column("change_count", sa.BigInteger),
    sa.Column("source_name", sa.Text, nullable=False),
    sa.Column("source_sha256", sa.Text, nullable=False),
    sa.Column("report", sa.JSON, nullable=False),
    sa.Column("synthetic", sa.Boolean),
    sa.Column("author", sa.Text),
    sa.Column("undoable", sa.Boolean, nullable=False, server_default=sa.text("false")),
    schema="meta",
)
"""Every load and edit of a layer. What an `undoable` one replaced is in `history`, so that the layer can be
had as it was before; `change_count` tells how many features that is, NULL for the first and for rasters."""

LAYER_CHECK = sa.Table(
    "layer_check",
    metadata,
    sa.Column("layer", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("told", sa.JSON, nullable=False),
    schema="meta",
)
"""The last check of every layer's data."""


REJECT = sa.Table(
    "reject",
    metadata,
    sa.Column("reject_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("layer", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("row", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("attributes", sa.JSON),
    sa.Column("wkt", sa.Text),
    sa.ForeignKeyConstraint(
        ["layer", "version"],
        ["meta.layer_version.layer", "meta.layer_version.version"],
        name="reject_version_fkey",
    ),
    sa.Index("reject_version_idx", "layer", "version"),
    schema="meta",
)

RUN = sa.Table(
    "run",
    metadata,
    sa.Column("run_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("ruleset_id", sa.Text, nullable=False),
    sa.Column("ruleset_hash", sa.Text, nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("layer_versions", sa.JSON, nullable=False),
    sa.Column("parcel_count", sa.BigInteger, nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("software", sa.Text, nullable=False),
    sa.Column("scored_count", sa.BigInteger, nullable=False),
    sa.Column("why", sa.JSON, nullable=False),
    sa.Column("slot", sa.SmallInteger),
    sa.Column("author", sa.Text),
    sa.Column("whole", sa.Boolean),
    schema="meta",
)
"""Scoring runs. A `whole` one worked out every parcel; of runs from before results were kept that is NULL,
as `slot` is once their rows are no longer those of the vocabulary."""

# JSON, not JSONB: the order of keys and the spelling of numbers are part of what a rule set's hash covers.
RULESET = sa.Table(
    "ruleset",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("content", sa.JSON, nullable=False),
    sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("author", sa.Text),
    schema="meta",
)

API_KEY = sa.Table(
    "api_key",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("secret_sha256", sa.LargeBinary, nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    schema="access",
)
"""Keys of programs and people. A secret is 32 random bytes, so one hash keeps it as well as many would."""

AUDIT = sa.Table(
    "audit",
    metadata,
    sa.Column("audit_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
    sa.Column("request_id", sa.Text),
    schema="access",
)
"""Who wrote or took out what, in the transaction that did it."""

JOB = sa.Table(
    "job",
    metadata,
    sa.Column("job_id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("request_id", sa.Text),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("step", sa.Text),
    sa.Column("done", sa.BigInteger),
    sa.Column("total", sa.BigInteger),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("error", sa.Text),
    sa.Column("start_count", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
    sa.Column("queue_id", sa.BigInteger),
    sa.Index("job_asked_idx", "asked_at"),
    schema="meta",
)
"""Work that was asked for; `queue_id` is its entry in the queue, whose tables are those of procrastinate
in the schema `job`. An entry goes when its job has ended, the row stays."""

TILE = sa.Table(
    "tile",
    metadata,
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("layer", "scenario", "version", "form")),
    *(sa.Column(name, sa.Integer, primary_key=True, autoincrement=False) for name in ("z", "x", "y")),
    sa.Column("body", sa.LargeBinary, nullable=False),
    schema="meta",
)
"""Rendered tiles of any layer; see `gis.store.kept_tiles`. No role that answers callers may read it."""
