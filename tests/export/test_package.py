"""Packages read back by another program: GDAL 3.6 of Debian, and a reader of VCT made for tests."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
import shapely
import sqlalchemy as sa
from fastapi.testclient import TestClient

from api.main import create_app
from gis.errors import InputError
from gis.export.model import MANIFEST, Manifest, Packed
from gis.export.package import Order, write_package
from gis.export.profile import read_profile
from gis.export.sources import SOURCES
from gis.export.validate import validate
from gis.ingest import read_mapped
from gis.runs import ruleset_of
from gis.settings import Settings
from gis.store import Store
from layers import LAYERS
from tests.browser.tile_reading import features, tile_of
from tests.conftest import MatchedCity
from tests.export.conftest import LONG, RARE, Export
from tests.vct.plain_reader import Plain

SOME = ("district", "data_centre", "reclaimed_water_pipeline", "geothermal_field", "water_intake_zone")
EPSG = {"EPSG:4490": 4490, "EPSG:4548": 4548, "EPSG:4527": 4527}
NEAR = {"EPSG:4490": 1e-9, "EPSG:4548": 1e-4, "EPSG:4527": 1e-4}
CASES = [
    ({"format": "gdb"}, "EPSG:4490"),
    ({"format": "gdb"}, "EPSG:4548"),
    ({"format": "gpkg"}, "EPSG:4527"),
    ({"format": "shp"}, "EPSG:4490"),
    ({"format": "shp", "encoding": "GB18030"}, "EPSG:4548"),
    ({"format": "geojson"}, "EPSG:4490"),
    ({"format": "geoparquet"}, "EPSG:4548"),
]


def gdal(path: Path, layer: str) -> list[dict[str, str]]:
    """Return the rows of a layer as Debian's GDAL tells them, with the shape as `WKT`."""
    command = ["ogr2ogr", "-f", "CSV", "/vsistdout/", str(path), layer, "-lco", "GEOMETRY=AS_WKT"]
    # 17 digits tell a double apart from every other.
    more = {"OGR_WKT_PRECISION": "17", "OGR_CSV_MAX_LINE_SIZE": "-1"}
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ | more)
    assert not done.stderr, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout.decode("utf-8"))))


def rows_of(folder: Path, table: Packed) -> list[dict[str, Any]]:
    """Return the rows of a table by another reader than the one that belongs to its writer."""
    found = []
    for part in table.parts:
        path = folder / part.file
        if path.suffix == ".parquet":
            frame = duckdb.read_parquet(str(path)).df()
            wkb = [bytes(shape) for shape in frame["geometry"]]
            shapes = shapely.to_wkt(shapely.from_wkb(wkb), rounding_precision=-1)
            plain = frame.drop(columns="geometry").astype(object)
            rows = plain.where(plain.notna(), None).to_dict("records")
            found += [row | {"WKT": text} for row, text in zip(rows, shapes, strict=True)]
        else:
            found += gdal(path, part.layer)
    return found


def stored(store: Store, layer: str, crs: str) -> dict[str, dict[str, Any]]:
    """Return the features of a layer by key as PostGIS tells them, shapes in another system."""
    spec = LAYERS[layer]
    query = sa.text(f"SELECT *, ST_AsText(ST_Transform(geom, {EPSG[crs]}), 15) AS wkt FROM layer.{layer}")
    with store.engine.connect() as connection:
        return {row[spec.key]: dict(row) for row in connection.execute(query).mappings()}


def told(value: Any, column: Any) -> str | None:
    """Return what should stand in a package for a value of a layer."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    words = {one.stored: one.written for one in column.domain}
    if isinstance(value, bool):
        value = str(value).lower()
    return words.get(value, str(value))


def same_value(wanted: str | None, found: Any, column: Any) -> bool:
    if found is None or found == "" or (isinstance(found, float) and math.isnan(found)):
        return wanted in (None, "")
    if column.type == "float":
        return wanted is not None and abs(float(found) - float(wanted)) <= 0.51 * 10.0 ** -(
            column.decimals or 0
        )
    if column.type == "date":
        return wanted is not None and str(found).replace("/", "-")[:10] == wanted[:10]
    return wanted == str(found)


def near(found: str, wanted: str, within: float) -> bool:
    one, other = shapely.normalize(shapely.from_wkt([found, wanted]))
    one, other = (shapely.get_parts(shapely.normalize(s)) for s in (one, other))
    return len(one) == len(other) and bool(shapely.equals_exact(one, other, within).all())


@pytest.mark.parametrize(
    ("options", "crs"), CASES, ids=lambda c: c if isinstance(c, str) else "-".join(c.values())
)
def test_another_program_reads_what_the_database_holds(
    loaded: Store, export: Export, options: Mapping[str, Any], crs: str
) -> None:
    folder, manifest = export(loaded, **options, crs=crs, sources=SOME)
    assert {table.source for table in manifest.tables} == set(SOME)
    seen: set[str] = set()
    for table in manifest.tables:
        rows, wanted = rows_of(folder, table), stored(loaded, table.source, crs)
        assert sum(part.feature_count for part in table.parts) == len(rows) == len(wanted)
        key = next(c for c in table.columns if c.source == LAYERS[table.source].key)
        # A list of townships has their outline, which the layer itself has not.
        for row in rows:
            feature = wanted[row[key.name]]
            for column in (c for c in table.columns if c.source is not None):
                text = told(feature[column.source], column)
                if column.type == "text" and text is not None and len(text) > 84:
                    assert text.startswith(row[column.name])
                    continue
                if column.source == "monitored_at":
                    continue
                assert same_value(text, row[column.name], column), (table.name, column.name, feature)
            if feature["wkt"] is not None:
                assert near(row["WKT"], feature["wkt"], NEAR[crs]), (table.name, row[key.name])
            assert row["YSDM"] == table.ysdm
            assert len(row["BSM"]) == 18
            seen.add(row["BSM"])
    assert len(seen) == sum(part.feature_count for table in manifest.tables for part in table.parts)
    # The checks know nothing of the writer.
    assert validate(folder).findings == ()


def test_rare_characters_long_texts_and_line_breaks(loaded: Store, export: Export) -> None:
    name = RARE.replace(",", "，")
    for options in ({"format": "gdb"}, {"format": "shp", "encoding": "GB18030"}, {"format": "shp"}):
        folder, manifest = export(loaded, **options, sources=("data_centre",))
        table = manifest.table("SJZX")
        rows = {row["BH"]: row for row in rows_of(folder, table)}
        assert rows["ODD-1"]["MC"] == name
        if options["format"] == "shp":
            encoding = options.get("encoding", "UTF-8")
            (path,) = folder.glob("*/SJZX.cpg")
            assert path.read_text() == encoding
            assert name.encode(encoding) in path.with_suffix(".dbf").read_bytes()
        assert rows["ODD-2"]["MC"].split() == ["第一行", "第二行"]
        assert rows["ODD-2"]["ITFH"] == ""
        # What is cut ends with a whole character, and stands whole beside.
        assert set(rows["ODD-1"]["BZ"]) == {"长"}
        assert table.cut_count >= 1
        assert manifest.overlong is not None
        with (folder / manifest.overlong).open(encoding="utf-8-sig", newline="") as lines:
            kept = {(r["标识码"], r["字段"]): r["全文"] for r in csv.DictReader(lines)}
        assert kept[rows["ODD-1"]["BSM"], "BZ"] == LONG


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("dialect", ["2007", "3.0"])
def test_vct_by_a_reader_of_its_grammar(loaded: Store, export: Export, dialect: str, shared: bool) -> None:
    folder, manifest = export(
        loaded, format="vct", crs="EPSG:4548", dialect=dialect, shared_lines=shared, sources=SOME
    )
    (path,) = folder.glob("*.vct")
    plain = Plain(path)
    assert manifest.encoding == "GB18030"
    for table in manifest.tables:
        wanted = stored(loaded, table.source, "EPSG:4548")
        names = [column.name for column in table.columns]
        key = next(c.name for c in table.columns if c.source == LAYERS[table.source].key)
        assert len(plain.values[table.name]) == len(wanted)
        for number, values in plain.values[table.name].items():
            row = dict(zip(names, values, strict=True))
            feature = wanted[row[key]]
            if feature["wkt"] is not None:
                assert near(plain.shapes[table.ysdm][number].wkt, feature["wkt"], 1e-4)
            if row[key] == "ODD-1":
                assert row["MC"] == RARE.replace(",", "，")


def test_verdicts_are_those_of_the_store(matched_city: MatchedCity, export: Export) -> None:
    folder, manifest = export(matched_city.store)
    assert manifest.run is not None
    assert manifest.run.current
    table = manifest.table("DKSYX")
    rows = {row["DKBH"]: row for row in rows_of(folder, table)}
    with matched_city.store.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT * FROM result.parcel_suitability")).mappings().all()
    assert len(rows) == len(found)
    lists = [c for c in table.columns if c.several]
    assert len(lists) == 9
    for stored_row in found[::7]:
        row = rows[stored_row["parcel_id"]]
        for column in table.columns:
            if column.source not in stored_row or column.several:
                continue
            assert same_value(told(stored_row[column.source], column), row[column.name], column)
        for column in lists:
            words = {one.stored: one.written for one in column.domain}
            value = stored_row[column.source]
            assert row[column.name] == ";".join(words.get(v, v) for v in value or ())
    for name, source in (("PPDK", "match_parcel"), ("PPJR", "match_connection"), ("RYTZ", "match_source")):
        with matched_city.store.engine.connect() as connection:
            query = sa.text(f"SELECT count(*) FROM result.{source} WHERE scenario = 'base'")
            assert sum(p.feature_count for p in manifest.table(name).parts) == connection.scalar(query)


def test_indicators_are_sums_of_the_verdicts(matched_city: MatchedCity, export: Export) -> None:
    folder, manifest = export(matched_city.store)
    parcels = rows_of(folder, manifest.table("DKSYX"))
    places = rows_of(folder, manifest.table("QZB"))
    assert manifest.table("QZB").unplaced_count == 0
    for place in places:
        mine = [p for p in parcels if p["XZQMC"] == place["XZQMC"]]
        assert float(place["DKS"]) == len(mine)
        area = sum(float(p["GRMJ"]) for p in mine if p["GRMJ"])
        assert float(place["GRMJ"]) == pytest.approx(area, abs=0.01 * len(mine))
        share = [(float(p["XNYZJB"]), float(p["SJRFH"])) for p in mine if p["XNYZJB"] and p["SJRFH"]]
        new_energy = sum(s * load for s, load in share) / sum(load for _, load in share)
        assert float(place["XNYZB"]) == pytest.approx(new_energy, abs=1e-5)
    (city,) = rows_of(folder, manifest.table("QSZB"))
    assert float(city["DKS"]) == len(parcels)


def test_split_by_district_is_the_whole(loaded: Store, export: Export) -> None:
    whole, told_whole = export(loaded, sources=("data_centre", "water_intake_zone"))
    split, told_split = export(loaded, sources=("data_centre", "water_intake_zone"), split=True)
    for table in told_whole.tables:
        parts = told_split.table(table.name)
        assert len(parts.parts) > 2
        one, other = (sorted(map(json.dumps, rows_of(f, t))) for f, t in ((whole, table), (split, parts)))
        assert one == other
        for part in parts.parts:
            assert part.district is not None
            assert {row["XZQDM"] or "110000" for row in gdal(split / part.file, part.layer)} == {
                part.district
            }


@pytest.mark.parametrize("options", [{}, {"format": "shp"}, {"format": "vct", "crs": "EPSG:4548"}], ids=str)
def test_import_gives_the_same_layers(loaded: Store, export: Export, options: Mapping[str, Any]) -> None:
    folder, _ = export(loaded, **options, sources=(*SOME, "township", "wastewater_plant"))
    for layer in (*SOME, "township", "wastewater_plant"):
        mapped = read_mapped(layer, folder, on_error="abort")
        before = loaded.read(layer)
        assert list(mapped.frame[LAYERS[layer].key]) == list(before[LAYERS[layer].key])
        for field in LAYERS[layer].fields:
            one, other = (
                f[field.name].astype(object).where(f[field.name].notna(), None)
                for f in (mapped.frame, before)
            )
            if field.type == "float":
                assert np.allclose(
                    one.astype(float), other.astype(float), atol=5.1e-7, rtol=0, equal_nan=True
                )
            elif options.get("format") == "vct" and field.type == "text":
                # A comma separates values there, and so does a line break.
                assert [t and t.replace(",", "，").split() for t in one] == [
                    t and t.replace(",", "，").split() for t in other
                ]
            else:
                assert one.tolist() == other.tolist(), field.name
        shapes, wanted = (shapely.normalize(f.geometry.to_numpy()) for f in (mapped.frame, before))
        there = ~shapely.is_missing(wanted)
        assert (there == ~shapely.is_missing(shapes)).all()
        assert shapely.equals_exact(shapes[there], wanted[there], 1.5e-4).all()


def test_the_manifest_tells_what_is_there(loaded: Store, export: Export) -> None:
    folder, manifest = export(loaded, sources=SOME)
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    assert Manifest.model_validate_json(text) == manifest
    there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert {f.path for f in manifest.files} == there - {MANIFEST}
    for file in manifest.files:
        body = (folder / file.path).read_bytes()
        assert (hashlib.sha256(body).hexdigest(), len(body)) == (file.sha256, file.size_bytes)
    assert manifest.profile.local
    assert manifest.rules is None
    (origin,) = manifest.table("XZQ").origins
    assert origin.source_sha256 == loaded.layer_versions()["district"].source_sha256


def order(**options: Any) -> Order:
    return Order(**({"profile": read_profile("territorial"), "format": "gdb", "crs": "EPSG:4490"} | options))


def test_only_what_may_be_read(matched_city: MatchedCity, tmp_path: Path) -> None:
    store = matched_city.store
    open_to_all = frozenset({"district", "township", "wastewater_plant"})
    made = write_package(store, tmp_path / "a", order(), open_to_all, partial(ruleset_of, store), "test 1")
    assert {t.source for t in made.tables} == open_to_all
    # Results without the sources: nothing of where connections lead.
    some = frozenset({"parcel", "results", "district"})
    made = write_package(store, tmp_path / "b", order(), some, partial(ruleset_of, store), "test 1")
    assert "match_connection" not in {t.source for t in made.tables}
    assert "parcel_suitability" in {t.source for t in made.tables}
    with pytest.raises(InputError, match="may not be read with these rights"):
        write_package(
            store, tmp_path / "c", order(sources=("data_centre",)), some, partial(ruleset_of, store), "test 1"
        )


def test_what_cannot_be_exported_is_told(loaded: Store, tmp_path: Path) -> None:
    export = partial(
        write_package,
        loaded,
        readable=frozenset(loaded.access()),
        ruleset_of=partial(ruleset_of, loaded),
        software="test 1",
    )
    for sources, words in (
        (("parcel_suitability",), "not scored; run `onemap score`"),
        (("match_parcel",), "the scenario 'base' has none"),
    ):
        with pytest.raises(InputError, match=words):
            export(tmp_path / "a", order(sources=sources))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        export(tmp_path / "full", order())
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        export(tmp_path / "file", order())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "full"]


class Stop(Exception):
    """Raised in the middle."""


@pytest.mark.parametrize("form", ["gdb", "shp", "vct", "geoparquet"])
@pytest.mark.parametrize("stage", ["reading", "writing"])
def test_what_is_broken_off_leaves_nothing(loaded: Store, tmp_path: Path, form: str, stage: str) -> None:
    def progress(done: int, total: int, label: str) -> None:
        if label == stage and done:
            raise Stop

    with pytest.raises(Stop):
        write_package(
            loaded, tmp_path / "a", order(format=form, sources=SOME), frozenset(loaded.access()),
            partial(ruleset_of, loaded), "test 1", progress,
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from gis.writing import new_folder
with new_folder(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_program_left_is_swept_by_the_next(loaded: Store, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [p.name.startswith(".a.part-") for p in tmp_path.iterdir()] == [True]
    write_package(
        loaded, tmp_path / "a", order(sources=("district",)), frozenset(loaded.access()),
        partial(ruleset_of, loaded), "test 1",
    )  # fmt: skip
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_every_source_can_be_asked_for() -> None:
    assert set(read_profile("territorial").tables) == set(SOURCES)


def test_map_api_and_package_agree_on_every_verdict(
    matched_city: MatchedCity, export: Export, tmp_path: Path
) -> None:
    store = matched_city.store
    folder, manifest = export(store)
    columns = {column.source: column for column in manifest.table("DKSYX").columns if column.source}
    rows = {row["DKBH"]: row for row in rows_of(folder, manifest.table("DKSYX"))}

    def agrees(parcel_id: str, name: str, value: Any) -> bool:
        return same_value(told(value, columns[name]), rows[parcel_id][columns[name].name], columns[name])

    client = TestClient(create_app(store, Settings(database_url=None, anonymous="planner")))
    for parcel_id in sorted(rows)[::300]:
        document = client.get(f"/api/parcels/{parcel_id}/suitability").json()
        assert agrees(parcel_id, "recommended", document["recommended"])
        assert agrees(parcel_id, "recommended_status", document["recommended_status"])
        variant = columns["geothermal_variant"]
        written = rows[parcel_id][variant.name]
        better = next((o for o in variant.domain if o.written == written), None)
        for option in document["technologies"]:
            if option["variant"] is None or (better and option["variant"] == better.stored):
                for part in ("status", "score", "capacity_kw"):
                    assert agrees(parcel_id, f"{option['technology']}_{part}", option[part]), (
                        parcel_id,
                        option,
                    )
    seen = set()
    tiles = {
        tile_of(lon, lat, 13) for lon in np.arange(116.0, 117.0, 0.1) for lat in np.arange(39.6, 40.3, 0.1)
    }
    for x, y in sorted(tiles):
        answer = client.get(f"/tiles/parcel_suitability/13/{x}/{y}.mvt")
        for one in features(answer.content, tmp_path).to_dict("records") if answer.status_code == 200 else ():
            seen.add(one["id"])
            assert agrees(one["id"], "recommended", one.get("recommended"))
            assert agrees(one["id"], "recommended_status", one.get("recommended_status"))
    assert len(seen) > 1000


def test_a_manifest_that_leads_out_of_its_folder_is_not_followed(
    loaded: Store, export: Export, tmp_path: Path
) -> None:
    folder, manifest = export(loaded, sources=("district",))
    (tmp_path / "package").mkdir()
    text = manifest.model_dump_json().replace(manifest.tables[0].parts[0].file, f"../{folder.name}/x.gdb")
    (tmp_path / "package" / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="leads out of the package"):
        read_mapped("district", tmp_path / "package")
