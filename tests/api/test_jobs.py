"""Jobs by HTTP: imports, scores and exports asked for, followed, fetched and refused."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import httpx
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from api.jobs import caller as asks
from api.main import create_app
from api.multipart import MAX_FIELDS_BYTES, read_form
from api.problems import MediaTypeError, TooLargeError
from api.schemas_job import JobInfo, Jobs
from gis.access import ANYBODY, Caller
from gis.errors import BodyError
from gis.export.model import MANIFEST, Manifest
from gis.settings import Settings
from gis.store import open_store
from tests.api.shapes import random_features
from tests.conftest import at
from tests.working import until, working

LIMIT = 60_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def hamlet(new_database: Callable[..., sa.URL], folder: Path) -> Iterator[TestClient]:
    """A client on an empty store with a worker."""
    limited = Settings(anonymous="editor", data_dir=folder, max_upload_bytes=LIMIT)
    with (
        open_store(at(new_database("hamlet"))) as store,
        working(store, limited),
        TestClient(create_app(store, limited), raise_server_exceptions=False) as client,
    ):
        yield client


def sent(features: int = 6, seed: int = 5) -> bytes:
    return json.dumps(
        {"type": "FeatureCollection", "features": random_features(features, seed=seed)}
    ).encode()


def upload(
    client: TestClient, content: bytes, name: str = "parcels.geojson", **fields: Any
) -> httpx.Response:
    return client.post("/api/imports", data={"layer": "parcel"} | fields, files={"file": (name, content)})


def ended(client: TestClient, answer: httpx.Response) -> dict[str, Any]:
    """Return the job of an answer when it has ended."""
    assert answer.status_code == 202, answer.text
    JobInfo.model_validate(answer.json())
    path = answer.headers["location"]
    assert path == f"/api/jobs/{answer.json()['job_id']}"
    until(lambda: client.get(path).json()["state"] not in ("waiting", "running"), "the job does not end")
    job: dict[str, Any] = client.get(path).json()
    JobInfo.model_validate(job)
    return job


def uploads(folder: Path) -> list[Path]:
    return list((folder / "jobs" / "uploads").iterdir())


@pytest.fixture(scope="module")
def imported(hamlet: TestClient) -> TestClient:
    job = ended(hamlet, upload(hamlet, sent(), mode="replace", on_error="abort"))
    assert (job["state"], job["error"]) == ("done", None)
    assert (job["result"]["rows_accepted"], job["result"]["version"]) == (6, 1)
    assert job["request"]["name"] == "parcels.geojson"
    return hamlet


def test_an_upload_is_imported_and_scored(imported: TestClient, folder: Path) -> None:
    versions = imported.app.state.store.layer_versions()  # type: ignore[attr-defined]
    assert (versions["parcel"].feature_count, versions["parcel"].source_name) == (6, "parcels.geojson")
    until(lambda: uploads(folder) == [], "the upload stays")
    job = ended(imported, imported.post("/api/scores", json={"as_of": "2026-06-01"}))
    assert (job["state"], job["result"]["scored_count"], job["result"]["as_of"]) == ("done", 6, "2026-06-01")
    again = ended(imported, imported.post("/api/scores", json={"as_of": "2026-06-01", "everything": True}))
    assert again["result"]["why"] == ["asked for"]
    Jobs.model_validate(imported.get("/api/jobs").json())
    newest = imported.get("/api/jobs", params={"limit": 2}).json()["jobs"]
    assert [row["job_id"] for row in newest] == [again["job_id"], job["job_id"]]


def test_an_export_is_fetched_by_its_caller_alone(imported: TestClient, folder: Path, tmp_path: Path) -> None:
    body = {"collection": "parcel", "format": "gpkg", "crs": "EPSG:4548"}
    job = ended(imported, imported.post("/api/exports", json=body))
    assert job["result"]["feature_count"] == 6
    assert "readable" not in job["request"]
    path = f"/api/exports/{job['job_id']}/file"
    answer = imported.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/geopackage+sqlite3"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["content-disposition"].startswith('attachment; filename="parcel-2')
    (tmp_path / "out.gpkg").write_bytes(answer.content)
    found = gpd.read_file(tmp_path / "out.gpkg", engine="pyogrio")
    assert (len(found), found.crs.to_epsg()) == (6, 4548)
    imported.app.dependency_overrides[asks] = lambda: Caller("another", "restricted", ANYBODY.rights, True)  # type: ignore[attr-defined]
    try:
        others = [imported.get(path), imported.get(f"/api/jobs/{job['job_id']}")]
        others.append(imported.delete(f"/api/jobs/{job['job_id']}"))
        assert [answer.status_code for answer in others] == [404, 404, 404]
        assert imported.get("/api/jobs").json() == {"jobs": []}
    finally:
        imported.app.dependency_overrides.clear()  # type: ignore[attr-defined]
    (folder / "jobs" / "exports" / f"{job['job_id']}.gpkg").unlink()
    gone = imported.get(path)
    assert (gone.status_code, "removed after a day" in gone.json()["detail"]) == (404, True)


def test_a_package_is_made_and_fetched(imported: TestClient, folder: Path, tmp_path: Path) -> None:
    body = {"format": "gpkg", "crs": "EPSG:4548", "layers": ["parcel"]}
    job = ended(imported, imported.post("/api/packages", json=body))
    assert job["state"] == "done", job
    assert (job["result"]["table_count"], job["result"]["feature_count"]) == (1, 6)
    path = f"/api/packages/{job['job_id']}/file"
    answer = imported.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path)
    manifest = Manifest.model_validate_json((tmp_path / MANIFEST).read_bytes())
    (part,) = manifest.table("DK").parts
    found = gpd.read_file(tmp_path / part.file, layer=part.layer, engine="pyogrio")
    assert (len(found), found.crs.to_epsg()) == (6, 4548)
    assert imported.get(f"/api/exports/{job['job_id']}/file").status_code == 404
    # Nothing else is left of it.
    assert [p.name for p in (folder / "jobs" / "exports").iterdir() if job["job_id"] in p.name] == [
        f"{job['job_id']}.zip"
    ]


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"layers": ["nothing"]}, 422, "'nothing' is neither layer nor result"),
        ({"layers": []}, 422, "layers"),
        ({"format": "dwg"}, 422, "format"),
        ({"crs": "EPSG:3857"}, 422, "crs"),
        ({"encoding": "GB18030"}, 422, "Only Shapefiles"),
        ({"scenario": "../x"}, 422, "scenario"),
        ({"profile": "/etc/passwd"}, 422, "profile"),
    ],
)
def test_packages_that_are_refused(
    imported: TestClient, body: dict[str, Any], status: int, told: str
) -> None:
    answer = imported.post("/api/packages", json=body)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text


def test_a_file_that_is_wrong_fails_with_the_words_of_the_import(imported: TestClient, folder: Path) -> None:
    for content, name, told in (
        (b"{", "broken.geojson", "broken.geojson: "),
        (b"MZ", "virus.exe", "virus.exe: the ending '.exe' is not one of"),
        (b"a,b\n1,2\n", "nowhere.csv", "nowhere.csv: "),
    ):
        job = ended(imported, upload(imported, content, name))
        assert job["state"] == "failed"
        assert job["error"].startswith(told)
        assert job["job_id"] not in job["error"]
    assert imported.app.state.store.layer_versions()["parcel"].version == 1  # type: ignore[attr-defined]
    until(lambda: uploads(folder) == [], "the upload stays")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../../etc/passwd.geojson", "passwd.geojson"),
        ("..\\..\\boot.geojson", "boot.geojson"),
        ("/tmp/x.geojson/../../y.geojson", "y.geojson"),
        ("a\tb.geojson", "a%09b.geojson"),
        ("地块.geojson", "地块.geojson"),
        (".geojson/..", ".."),
        ("x" * 300 + ".geojson", "x" * 112 + ".geojson"),
    ],
)
def test_a_name_leads_nowhere(imported: TestClient, folder: Path, name: str, label: str) -> None:
    before = {p for p in folder.parent.rglob("*") if p.is_file()}
    answer = upload(imported, b"{", name)
    assert answer.json()["request"]["name"] == label
    job = ended(imported, answer)
    assert job["state"] == "failed"
    assert job["error"].startswith(label)
    until(lambda: {p for p in folder.parent.rglob("*") if p.is_file()} == before, "a file stays")


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"layer": "parcels"}, 404, "no layer 'parcels'"),
        ({"layer": ""}, 422, "into which layer"),
        ({"mode": "merge"}, 422, "mode is one of replace, append, upsert"),
        ({"on_error": "ignore"}, 422, "on_error is one of"),
        ({"column": "name"}, 422, "field=source column"),
        ({"colour": "red"}, 422, "no field 'colour'"),
        ({"source_crs": "x" * 201}, 422, "longer than 200"),
        ({"source_crs": "x" * 70_000}, 413, "larger than"),
    ],
)
def test_forms_that_are_refused_leave_no_file(
    hamlet: TestClient, folder: Path, fields: dict[str, str], status: int, told: str
) -> None:
    answer = upload(hamlet, b"{}", **fields)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text
    assert uploads(folder) == []


def test_bodies_that_are_no_uploads_are_refused(hamlet: TestClient, folder: Path) -> None:
    large = upload(hamlet, b" " * (LIMIT + 1))
    assert (large.status_code, f"larger than {LIMIT} bytes" in large.json()["detail"]) == (413, True)
    plain = hamlet.post("/api/imports", json={"layer": "parcel"})
    assert (plain.status_code, "multipart/form-data" in plain.json()["detail"]) == (415, True)
    empty = hamlet.post("/api/imports", data={"layer": "parcel"}, files={"other": b"x"})
    assert (empty.status_code, "has no file" in empty.json()["detail"]) == (422, True)
    assert uploads(folder) == []


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({"collection": "nothing", "format": "csv"}, 404, "no collection 'nothing'"),
        ({"collection": "township", "format": "csv"}, 404, "no collection 'township'"),
        ({"collection": "parcel", "format": "dwg"}, 422, "format"),
        ({"collection": "parcel", "format": "csv", "crs": "EPSG:3857"}, 422, "EPSG:3857"),
        ({"collection": "parcel", "format": "geojson", "crs": "EPSG:4548"}, 400, "longitude and latitude"),
        ({"collection": "parcel", "format": "csv", "bbox": [1, 2, 3]}, 422, "bbox"),
        ({"collection": "parcel", "format": "csv", "filter": "1; DROP TABLE"}, 400, "filter"),
        ({"collection": "parcel", "format": "csv", "path": "/etc"}, 422, "path"),
    ],
)
def test_exports_that_are_refused(imported: TestClient, body: dict[str, Any], status: int, told: str) -> None:
    answer = imported.post("/api/exports", json=body)
    assert (answer.status_code, told in answer.json()["detail"]) == (status, True), answer.text


def test_ids_lead_nowhere(imported: TestClient) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for path, status in (
        (f"/api/exports/{unknown}/file", 404),
        (f"/api/jobs/{unknown}", 404),
        ("/api/exports/..%2F..%2Fsettings/file", 404),
        ("/api/exports/passwd/file", 422),
        ("/api/jobs/1", 422),
    ):
        assert imported.get(path).status_code == status, path
    score = ended(imported, imported.post("/api/scores", json={}))
    assert imported.get(f"/api/exports/{score['job_id']}/file").status_code == 404


def cut(content: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        places = [0, *sorted({c % (len(content) + 1) for c in cuts}), len(content)]
        for start, stop in itertools.pairwise(places):
            yield content[start:stop]

    return pieces()


def taken(content_type: str, content: bytes, cuts: list[int], limit: int = 10**9) -> tuple[Any, bytes]:
    file = bytearray()

    async def write(piece: bytes) -> None:
        file.extend(piece)

    return asyncio.run(read_form(content_type, cut(content, cuts), write, limit)), bytes(file)


@settings(max_examples=40)
@given(
    st.binary(max_size=300) | st.lists(st.sampled_from([b"\r\n", b"--", b"-", b"edge", b"\r"])).map(b"".join),
    st.lists(
        st.tuples(st.sampled_from("ab"), st.text(st.characters(codec="utf-8"), max_size=20)), max_size=3
    ),
    st.lists(st.integers(0, 2000), max_size=8),
)
def test_a_form_is_read_as_it_was_written_however_it_is_cut(
    content: bytes, fields: list[tuple[str, str]], cuts: list[int]
) -> None:
    head = b'--edge1\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    parts = b"".join(head % (name.encode(), value.encode()) for name, value in fields)
    file = b'--edge1\r\nContent-Disposition: form-data; name="file"; filename="x.csv"\r\n\r\n%s\r\n' % content
    body = parts + file + b"--edge1--\r\n"
    found, written = taken("multipart/form-data; boundary=edge1", body, cuts)
    assert found == (fields, "x.csv")
    assert written == content
    with pytest.raises(BodyError, match="in the middle"):
        taken("multipart/form-data; boundary=edge1", body[:-6], cuts)


def test_a_form_has_limits() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * (MAX_FIELDS_BYTES + 1)
    with pytest.raises(TooLargeError, match="beside its file"):
        taken("multipart/form-data; boundary=b", part, [])
    for wrong in ("", "text/plain", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 71):
        with pytest.raises(MediaTypeError):
            taken(wrong, b"", [])
