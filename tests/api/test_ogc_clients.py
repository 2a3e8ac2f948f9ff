"""Real clients on a served city: GDAL's OAPIF driver, OWSLib and QGIS, held against SQL."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus, urlencode
from urllib.request import urlopen

import pytest
import shapely
import sqlalchemy as sa
from fastapi import Request, Response
from owslib.ogcapi.features import Features

from api.main import create_app
from gis.settings import Settings
from gis.store import Store
from tests.serving import serve

BOX = (116.66, 39.88, 116.72, 39.93)
IN_BOX = (
    f"ST_Intersects(ST_Transform(geom, 4326), ST_MakeEnvelope({BOX[0]}, {BOX[1]}, {BOX[2]}, {BOX[3]}, 4326))"
)


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """The queries of all requests to `address`, as they come."""
    return []


@pytest.fixture(scope="module")
def address(city: Store, settings: Settings, asked: list[str]) -> Iterator[str]:
    """The address of /ogc on a real server."""
    app = create_app(city, settings)

    @app.middleware("http")
    async def note(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
        asked.append(unquote_plus(request.url.query))
        return await follow(request)

    with serve(app) as base:
        yield f"{base}/ogc"


def expected(city: Store, condition: str, table: str = "layer.parcel") -> set[str]:
    """Return the ids of the parcels that fulfil a condition in SQL."""
    with city.engine.connect() as connection:
        found = set(connection.scalars(sa.text(f"SELECT parcel_id FROM {table} WHERE {condition}")))
    assert len(found) > 10
    return found


def ogr(source: str, into: Path, *options: str) -> list[dict[str, Any]]:
    """Return the features that ogr2ogr downloads."""
    out = into / "out.geojsonl"
    environment = os.environ | {"no_proxy": "127.0.0.1", "GDAL_HTTP_TIMEOUT": "60"}
    command = ["ogr2ogr", "-f", "GeoJSONSeq", str(out), source, *options]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "ERROR" not in ran.stderr, ran.stderr
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]


def qgis(
    address: str,
    into: Path,
    provider: str = "OAPIF",
    **asked: tuple[str, Sequence[float] | None, str | None],
) -> dict[str, Any]:
    """Return what QGIS reads of collections: of each its CRS, ids, and boxes of some features."""
    environment = os.environ | {
        "QT_QPA_PLATFORM": "offscreen", "HOME": str(into), "XDG_RUNTIME_DIR": str(into),
        "no_proxy": "127.0.0.1",
    }  # fmt: skip
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        environment.pop(name, None)
    into.chmod(0o700)
    command = ["/usr/bin/python3", str(Path(__file__).with_name("qgis_reader.py")), provider, address]
    ran = subprocess.run(
        [*command, json.dumps(asked)], capture_output=True, text=True, env=environment, cwd=into, check=False
    )
    assert "No module named 'qgis'" not in ran.stderr, "QGIS is missing: apt-get install python3-qgis"
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_qgis_reads_collections_boxes_and_filters(
    address: str, asked: list[str], city: Store, tmp_path: Path
) -> None:
    asked.clear()
    where = "recommended = 'reclaimed_water' AND recommended_score > 60"
    found = qgis(
        address,
        tmp_path,
        whole=("green_space", None, None),
        box=("parcel", BOX, None),
        filtered=("parcel_suitability", None, where),
    )
    assert found["whole"]["ids"] == sorted(city.read("green_space")["green_space_id"])
    assert set(found["filtered"]["ids"]) == expected(city, where, "result.parcel_suitability")
    ids = set(found["box"]["ids"])
    assert expected(city, IN_BOX) == ids
    # Longitude comes first, as the default CRS has it.
    assert found["box"]["crs"] in ("OGC:CRS84", "EPSG:4326")
    stored = city.read("parcel", ids=sorted(ids)).set_index("parcel_id").to_crs("OGC:CRS84").geometry
    for id_, box in found["box"]["boxes"].items():
        assert box == pytest.approx(stored[id_].bounds, abs=1e-9)
    # The box is asked of the server, and pages are large.
    assert any("bbox=" in query for query in asked)
    assert any("limit=1000" in query for query in asked)


def test_gdal_downloads_a_box_page_by_page(
    address: str, asked: list[str], city: Store, tmp_path: Path
) -> None:
    asked.clear()
    found = ogr(f"OAPIF:{address}", tmp_path, "parcel", "-oo", "PAGE_SIZE=50", "-spat", *map(str, BOX))
    ids = [feature["properties"]["parcel_id"] for feature in found]
    assert len(ids) == len(set(ids)) > 100
    assert set(ids) == expected(city, IN_BOX)
    assert sum("after=" in query for query in asked) == (len(ids) - 1) // 50
    stored = city.read("parcel", ids=ids).set_index("parcel_id").to_crs("OGC:CRS84").geometry
    for feature in found[:50]:
        shape = shapely.geometry.shape(feature["geometry"])
        # GDAL writes seven decimals.
        assert shape.hausdorff_distance(stored[feature["properties"]["parcel_id"]]) < 2e-7


def test_gdal_filters(address: str, city: Store, tmp_path: Path) -> None:
    where = "recommended = 'reclaimed_water' AND recommended_score > 60"
    # The driver knows drafts of CQL only: it asks for all in the box and filters by itself.
    both = "result.parcel_suitability JOIN layer.parcel USING (parcel_id)"
    options = ("parcel_suitability", "-oo", "PAGE_SIZE=1000", "-where", where, "-spat", *map(str, BOX))
    found = ogr(f"OAPIF:{address}", tmp_path, *options)
    ids = expected(city, f"{where} AND {IN_BOX}", both)
    assert {f["properties"]["parcel_id"] for f in found} == ids
    asked = urlencode({"filter": where, "limit": 10_000, "f": "json"})
    (tmp_path / "url").mkdir()
    found = ogr(f"{address}/collections/parcel_suitability/items?{asked}", tmp_path / "url")
    assert {f["properties"]["parcel_id"] for f in found} == expected(city, where, both)


def test_gdal_reads_every_collection(address: str, city: Store, tmp_path: Path) -> None:
    ran = subprocess.run(["ogrinfo", "-ro", f"OAPIF:{address}"], capture_output=True, text=True, check=True)
    with urlopen(f"{address}/collections") as answer:
        ids = [c["id"] for c in json.load(answer)["collections"]]
    assert all(id_ in ran.stdout for id_ in ids)
    for layer in ("reclaimed_water_pipeline", "data_centre", "district"):
        (tmp_path / layer).mkdir()
        assert len(ogr(f"OAPIF:{address}", tmp_path / layer, layer)) == len(city.read(layer))


def test_owslib_reads_pages_boxes_and_filters(address: str, city: Store) -> None:
    client = Features(address)
    assert {"parcel", "parcel_suitability"} <= set(client.feature_collections())
    assert "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text" in client.conformance()["conformsTo"]
    first = client.collection_items("parcel", limit=20)
    assert first["numberReturned"] == 20
    one = first["features"][0]
    assert client.collection_item("parcel", one["id"])["properties"] == one["properties"]
    assert client.collection_queryables("parcel")["properties"]["floor_area_ratio"]["type"] == "number"
    inside = client.collection_items("parcel", bbox=list(BOX), limit=10_000)
    assert {f["id"] for f in inside["features"]} == expected(city, IN_BOX)
    where = "building_status = 'new' AND floor_area_ratio BETWEEN 1 AND 2"
    found = client.collection_items("parcel", filter=where, limit=10_000)
    assert {f["id"] for f in found["features"]} == expected(city, where)


def test_an_escaped_id_is_read_once(address: str) -> None:
    with urlopen(f"{address}/collections/parcel/items?limit=1") as answer:
        id_ = json.load(answer)["features"][0]["id"]
    with urlopen(f"{address}/collections/parcel/items/{id_.replace('-', '%2D')}") as answer:
        assert json.load(answer)["id"] == id_
