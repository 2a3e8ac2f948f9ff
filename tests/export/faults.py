"""All that the validator finds, one fault each, put into a package that is otherwise right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from gis.export.model import MANIFEST, Crs, DataFormat
from tests.export.packages import SOURCES, Content, Rows, projected

PARCEL, RESULT, CITY, NET = "parcel", "parcel_suitability", "district", "heat_network"
PLANT, ZONE = "wastewater_plant", "water_intake_zone"


def _nothing(_: Any) -> object:
    return None


@dataclass(frozen=True)
class Fault:
    """A fault by the code that tells of it: `put` into data, `before` the manifest, in it, or `after` all.

    `feature` is the identifier that the finding names; `also` are codes that follow from the fault itself.
    """

    code: str
    what: str
    put: Callable[[Content], object] = _nothing
    before: Callable[[Path], object] = _nothing
    alter: Callable[[dict[str, Any]], object] = _nothing
    after: Callable[[Path], object] = _nothing
    format: DataFormat = "gpkg"
    crs: Crs = "EPSG:4490"
    feature: str | None = None
    also: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.code} {self.what}"


def _bsm(source: str, row: int) -> str:
    number = SOURCES.index(source) + 1
    return f"1100002026{number:02d}{row:06d}"


def value(code: str, what: str, source: str, column: str, new: Any, row: int = 2, **more: Any) -> Fault:
    """Return a fault of one value; `column` is a name, or the field that fills it."""

    def put(made: Content) -> None:
        rows = made.of(source)
        rows.put(column if column in rows.values else rows.named(column), row, new)

    feature = None if column == "BSM" else _bsm(source, row)
    return Fault(code, what, put, **{"feature": feature, **more})


def column(
    code: str, what: str, change: Callable[[Rows], object], source: str = PARCEL, **more: Any
) -> Fault:
    """Return a fault of one column."""
    return Fault(code, what, lambda made: change(made.of(source)), **more)


def shape(code: str, what: str, source: str, new: Callable[[Any], Any], row: int = 2, **more: Any) -> Fault:
    """Return a fault of one shape; `new` makes it of the right one, in EPSG:4548 where that is the system."""

    def put(made: Content) -> None:
        rows = made.of(source)
        assert rows.shapes is not None
        rows.draw(row, new(rows.shapes[row]))

    return Fault(code, what, put, **{"feature": _bsm(source, row), **more})


def _undrawn(source: str, row: int, new: Any) -> Callable[[Content], object]:
    """Draw a shape whose area cannot be told."""

    def put(made: Content) -> None:
        shapes = made.of(source).shapes
        assert shapes is not None
        shapes[row] = new(shapes[row]) if callable(new) else new

    return put


def _drop(name: str) -> Callable[[Rows], object]:
    def change(rows: Rows) -> None:
        found = rows.named(name)
        del rows.values[found], rows.columns[found]

    return change


def _add(rows: Rows) -> None:
    rows.values["QT"] = ["a"] * len(rows.values["BSM"])
    rows.columns["QT"] = rows.columns["BZ" if "BZ" in rows.columns else "XZQMC"]


def _like(name: str, **changed: Any) -> Callable[[Rows], object]:
    def change(rows: Rows) -> None:
        found = rows.named(name) if name not in rows.columns else name
        rows.columns[found] = rows.columns[found].model_copy(update=changed)

    return change


def _as_text(rows: Rows) -> None:
    name = rows.named("floor_area_m2")
    rows.columns[name] = rows.columns[name].model_copy(update={"type": "text"})
    rows.values[name] = [None if v is None else str(v) for v in rows.values[name]]


def _lower(rows: Rows) -> None:
    for part in (rows.values, rows.columns):
        part["xzqmc"] = part.pop("XZQMC")  # type: ignore[assignment]


def _moment(rows: Rows) -> None:
    name = next(c.name for c in rows.table.columns if c.type == "date")
    rows.types[name] = pa.timestamp("ms")
    days = [None if d is None else datetime(d.year, d.month, d.day) for d in rows.values[name]]
    rows.values[name] = days
    rows.put(name, 2, datetime(2026, 1, 3, 10, 30))


def _gbk(made: Content) -> None:
    rows = made.of(PARCEL)
    rows.encoding = "CP936"
    for name in rows.values:
        rows.values[name] = [v.replace("䶮", "") if isinstance(v, str) else v for v in rows.values[name]]


def _without_net(made: Content) -> None:
    del made.rows[NET]


def _with_net(told: dict[str, Any]) -> None:
    net = {**told["tables"][1], "name": "RLGW", "source": NET}
    told["tables"].append({**net, "parts": [{**net["parts"][0], "layer": "RLGW"}]})


def _spoil_bsm(folder: Path) -> None:
    path = folder / "DK.dbf"
    body = path.read_bytes()
    path.write_bytes(body.replace(_bsm(PARCEL, 1).encode(), b"\xff\xfe" + _bsm(PARCEL, 1).encode()[2:], 1))


def _spoil_dbf(folder: Path) -> None:
    path = folder / "DK.dbf"
    body = path.read_bytes()
    assert "供热1䶮".encode() in body
    path.write_bytes(body.replace("供热1䶮".encode(), b"\xff\xfe" + "供热1".encode()[2:] + "䶮".encode(), 1))


def _as_crs(crs: str) -> Callable[[Content], object]:
    """Give one table the coordinates of another system."""

    def put(made: Content) -> None:
        rows = made.of(PARCEL)
        rows.shapes = projected(rows.shapes, crs, made.crs)

    return put


def without_storeys(made: Content) -> None:
    """Leave out the column that the profile has not."""
    rows = made.of(PARCEL)
    del rows.values["CS"], rows.columns["CS"]


def _swap(made: Content) -> None:
    rows = made.of(PARCEL)
    rows.shapes = shapely.transform(rows.shapes, lambda p: p[:, ::-1])


def _set_crs(crs: str | None) -> Callable[[Rows], object]:
    return lambda rows: setattr(rows, "crs", crs)


def _open_ring(made: Content) -> None:
    rows = made.of(PARCEL)
    assert rows.shapes is not None
    body = bytearray(shapely.to_wkb(rows.shapes[2], byte_order=1))
    body[-16:] = np.array([116.4, 39.95]).tobytes()
    rows.raw[2] = bytes(body)


def _edge(by_m: float, *, corners: tuple[int, ...]) -> Callable[[Any], Any]:
    """Return what moves some corners of the district 0 (southwest) eastwards."""

    def moved(box: Any) -> Any:
        ring = shapely.get_coordinates(box)
        east = ring[:, 0].max()
        order = np.flatnonzero(ring[:, 0] == east)
        rows = order[np.argsort(ring[order, 1])]
        chosen = [rows[0], rows[-1]] if corners == (0, 1) else [rows[-1] if corners == (1,) else rows[0]]
        chosen_y = {float(ring[i, 1]) for i in chosen}
        mask = (ring[:, 0] == east) & np.isin(ring[:, 1], list(chosen_y))
        ring[mask, 0] += by_m
        return shapely.Polygon(ring)

    return moved


def _bowtie(box: Any) -> Any:
    a, b, c, d = shapely.get_coordinates(box)[:4]
    return shapely.Polygon([a, c, b, d])


def _repeated(box: Any) -> Any:
    ring = shapely.get_coordinates(box)
    return shapely.Polygon(np.insert(ring, 1, ring[1], axis=0))


def _near(box: Any) -> Any:
    ring = shapely.get_coordinates(box)
    return shapely.Polygon(np.insert(ring, 1, ring[1] + (ring[0] - ring[1]) * 1e-7, axis=0))


def _thin(box: Any) -> Any:
    west, south, east, _ = box.bounds
    return shapely.box(west, south, east, south + 0.02)


def _holed(box: Any) -> Any:
    west, south, *_ = box.bounds
    return box - shapely.box(west + 1500, south + 1500, west + 1600, south + 1600)


def _twice(made: Content) -> None:
    rows = made.of(PLANT)
    assert rows.shapes is not None
    rows.shapes[4] = rows.shapes[1]


def _table(told: dict[str, Any], name: str) -> dict[str, Any]:
    part: dict[str, Any] = next(t for t in told["tables"] if t["name"] == name)["parts"][0]
    return part


def _no_extent(told: dict[str, Any]) -> None:
    _table(told, "DK")["extent"] = None


ATLANTIC, NEXT_CITY = shapely.Point(-30.0, 20.0), shapely.Point(117.2, 39.1)
METRIC: Any = {"crs": "EPSG:4548"}
FAULTS = (
    Fault("V-FILE-1", "a file is missing", after=lambda f: (f / "README.md").unlink()),
    Fault("V-FILE-2", "a file was changed", after=lambda f: (f / "README.md").write_text("别的")),
    Fault("V-FILE-3", "a file is not listed", after=lambda f: (f / "notes.txt").write_text("a")),
    Fault("V-FILE-4", "a leftover", after=lambda f: (f / "Thumbs.db").write_text("a")),
    Fault("V-FILE-5", "a file is broken", format="geojson",
          before=lambda f: (f / "RLGW.geojson").write_text("{")),
    *(Fault("V-FILE-5", f"{name} is broken, and what depends on it is not told as false", format="geojson",
            before=lambda f, name=name: (f / f"{name}.geojson").write_text("{"))
      for name in ("XZQ", "DK")),
    Fault("V-FILE-6", "a manifest is broken", without_storeys, after=lambda f: (f / MANIFEST).write_text("{"),
          also=frozenset({"V-FILE-9", "V-TAB-2"})),
    Fault("V-FILE-6", "a path leads out", without_storeys, alter=lambda m: m["files"][0].update(path="../a"),
          also=frozenset({"V-FILE-9", "V-TAB-2"})),
    Fault("V-FILE-7", "another count", alter=lambda m: _table(m, "DK").update(feature_count=8)),
    Fault("V-FILE-8", "another extent",
          alter=lambda m: _table(m, "DK").update(extent=[116.0, 39.0, 117.0, 40.0])),
    Fault("V-FILE-9", "no manifest", without_storeys, after=lambda f: (f / MANIFEST).unlink(),
          also=frozenset({"V-TAB-2"})),
    Fault("V-TAB-1", "a layer is missing", _without_net, alter=_with_net),
    Fault("V-TAB-3", "a layer that is not listed", alter=lambda m: m["tables"].pop(2)),
    column("V-TAB-4", "drawn as another kind", lambda rows: setattr(rows, "drawn_as", "Point")),
    column("V-COL-1", "a column is missing", _drop("floor_area_m2")),
    column("V-COL-2", "one column more", _add),
    column("V-COL-3", "numbers as text", _as_text),
    column("V-COL-3", "numbers as text in JSON", _as_text, format="geojson"),
    column("V-COL-3", "numbers as text in Parquet", _as_text, format="geoparquet"),
    column("V-COL-4", "text too wide", _like("XZQMC", width=101)),
    column("V-COL-4", "text too narrow in a Shapefile", _like("XZQMC", width=90), format="shp"),
    column("V-COL-4", "text without width", _like("XZQMC", width=None), format="gdb"),
    column("V-COL-4", "a number of another width", _like("MJ", width=16), format="shp"),
    column("V-COL-5", "other decimals", _like("MJ", decimals=3), format="shp"),
    column("V-COL-5", "other decimals in VCT", _like("MJ", decimals=4), format="vct"),
    column("V-COL-6", "a name in small letters", _lower),
    Fault("V-ENC-1", "no .cpg", before=lambda f: (f / "DK.cpg").unlink(), format="shp"),
    Fault("V-ENC-2", "GBK", _gbk, format="shp"),
    Fault("V-ENC-3", "UTF-8 declared as GB18030", alter=lambda m: m.update(encoding="GB18030"), format="shp"),
    Fault("V-ENC-4", "bytes that are no UTF-8", before=_spoil_dbf, format="shp", feature=_bsm(PARCEL, 1)),
    Fault("V-ENC-4", "an identifier that is no UTF-8", before=_spoil_bsm, format="shp",
          also=frozenset({"V-BSM-1"})),
    value("V-ENC-5", "UTF-8 read as Latin", PARCEL, "XZQMC", "通州区".encode().decode("latin-1")),
    value("V-ENC-5", "UTF-8 read as GBK", PARCEL, "XZQMC", "通州".encode().decode("gb18030")),
    value("V-ENC-5", "lost signs", PARCEL, "XZQMC", "通\ufffd区"),
    value("V-BSM-1", "no identifier", PARCEL, "BSM", None),
    value("V-BSM-1", "an empty identifier", PARCEL, "BSM", ""),
    value("V-BSM-2", "a short identifier", PARCEL, "BSM", "110000", feature="110000"),
    value("V-BSM-3", "twice in a table", PARCEL, "BSM", _bsm(PARCEL, 1), feature=_bsm(PARCEL, 1)),
    value("V-BSM-3", "that of another table", NET, "BSM", _bsm(PARCEL, 1), feature=_bsm(PARCEL, 1)),
    value("V-YSDM-1", "another code", PARCEL, "YSDM", "BD02010001"),
    value("V-YSDM-1", "no code", PARCEL, "YSDM", None),
    value("V-XZQ-1", "an unknown district", PARCEL, "XZQDM", "110199"),
    value("V-VAL-1", "a required value", NET, "heat_network_id", None),
    value("V-VAL-1", "a required number", PARCEL, "MJ", None),
    value("V-VAL-2", "no word of the domain", PARCEL, "building_status", "闲置"),
    value("V-VAL-2", "one of several", RESULT, "undecided", "没有这种技术;还有一种"),
    value("V-VAL-3", "above the range", PARCEL, "building_density_frac", 1.5),
    value("V-VAL-3", "below the range", PARCEL, "floor_area_m2", -1.0, format="gdb"),
    value("V-VAL-4", "a long text", PARCEL, "XZQMC", "长" * 101),
    value("V-VAL-4", "a number of too many digits", RESULT, "portfolio_lcoh_cny_per_mwh", 1e17),
    value("V-VAL-5", "a third decimal", RESULT, "portfolio_lcoh_cny_per_mwh", 1.125),
    column("V-VAL-6", "a time of day", _moment, ZONE, format="gdb", feature=_bsm(ZONE, 2)),
    value("V-VAL-7", "no number", PARCEL, "floor_area_m2", float("nan"), format="geoparquet"),
    value("V-VAL-7", "half a storey", PARCEL, "CS", 2.5, format="gdb"),
    column("V-CRS-1", "no coordinate system", _set_crs(None)),
    column("V-CRS-2", "WGS 84", _set_crs("EPSG:4326")),
    column("V-CRS-2", "WGS 84 in JSON", _set_crs("EPSG:4326"), format="geojson"),
    Fault("V-CRS-3", "degrees north first", _swap),
    Fault("V-CRS-3", "metres north first", _swap, **METRIC),
    Fault("V-CRS-4", "metres called degrees", _as_crs("EPSG:4548")),
    Fault("V-CRS-4", "degrees called metres", _as_crs("EPSG:4490"), **METRIC),
    Fault("V-CRS-4", "a zone too many", _as_crs("EPSG:4527"), **METRIC),
    Fault("V-CRS-4", "a zone missing", _as_crs("EPSG:4548"), crs="EPSG:4527"),
    Fault("V-EXT-1", "in the Atlantic", _undrawn(PLANT, 2, ATLANTIC), feature=_bsm(PLANT, 2)),
    Fault("V-EXT-2", "in the next city", _undrawn(PLANT, 2, NEXT_CITY), feature=_bsm(PLANT, 2)),
    Fault("V-GEO-1", "no shape", _undrawn(NET, 2, None), feature=_bsm(NET, 2)),
    Fault("V-GEO-1", "an empty shape", _undrawn(PARCEL, 2, shapely.Polygon()), feature=_bsm(PARCEL, 2)),
    Fault("V-GEO-2", "an area among lines", _undrawn(NET, 2, lambda s: s.envelope), feature=_bsm(NET, 2)),
    Fault("V-GEO-3", "a self-intersection", _undrawn(PARCEL, 2, _bowtie), feature=_bsm(PARCEL, 2)),
    shape("V-GEO-4", "a vertex twice", PARCEL, _repeated),
    Fault("V-GEO-5", "an open ring", _open_ring, alter=_no_extent, feature=_bsm(PARCEL, 2)),
    shape("V-GEO-6", "vertices too near", PARCEL, _near, feature=None),
    Fault("V-GEO-7", "a shape twice", _twice, feature=_bsm(PLANT, 4)),
    shape("V-GEO-8", "a sliver", PARCEL, _thin, **METRIC),
    value("V-MJ-1", "an area that is not", PARCEL, "MJ", 10_793.0),
    shape("V-COV-1", "an overlap", CITY, _edge(0.5, corners=(0, 1)), row=0, **METRIC),
    shape("V-COV-1", "an overlap of a wedge", CITY, _edge(0.01, corners=(1,)), row=0, **METRIC),
    shape("V-COV-2", "a gap open to the outside", CITY, _edge(-0.02, corners=(0,)), row=0, **METRIC),
    shape("V-COV-2", "a gap that is enclosed", CITY, _edge(-0.02, corners=(1,)), row=0, **METRIC),
    shape("V-COV-3", "a hole", CITY, _holed, row=3, **METRIC),
    value("V-REF-1", "a parcel that is not there", RESULT, "parcel_id", "P-9999"),
)  # fmt: skip
