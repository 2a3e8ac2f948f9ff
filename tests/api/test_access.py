"""Who may read and do what: keys, tokens, classes of layers, and that nothing leaks to those who may not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import psycopg
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi.testclient import TestClient

from api.main import create_app
from gis.access import CLASSES, RESULTS, ROLES
from gis.errors import InputError, NotFoundError
from gis.settings import Settings
from gis.store import Store, audit, keys, open_store
from layers import LAYERS, TOWNSHIP_SEPARATOR
from tests.conftest import NewDatabase, at

ISSUER, AUDIENCE = "https://login.example.gov.cn/realms/city", "onemap"
PIPELINE, PLANT = "reclaimed_water_pipeline", "wastewater_plant"


@pytest.fixture(scope="session")
def signing_key() -> rsa.RSAPrivateKey:
    """The key of a provider of tokens."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def real_city(scored: Store, new_database: NewDatabase) -> Iterator[Store]:
    """The scored sample as if it had been surveyed: nothing of it is told to be synthetic."""
    scored.engine.dispose()  # a database that is in use cannot be copied
    url = new_database("real_city", "scored")
    with open_store(at(url)) as store:
        with store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE meta.layer_version SET synthetic = false"))
            store.fit_access(connection)
        yield store


@pytest.fixture(scope="session")
def guarded(real_city: Store, signing_key: rsa.RSAPrivateKey, shared_dir: Path) -> Iterator[TestClient]:
    """A client on the city as it is served when nothing is set but the provider of tokens."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(signing_key.public_key()))
    jwks = shared_dir / "jwks.json"
    jwks.write_text(json.dumps({"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]}))
    settings = Settings(
        oidc_issuer=ISSUER, oidc_audience=AUDIENCE, oidc_jwks=str(jwks), oidc_roles_claim="realm_access.roles"
    )
    with TestClient(create_app(real_city, settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def key_of(real_city: Store) -> dict[str, str]:
    """A key of every role."""
    return {role: keys.make(real_city.engine, f"a {role}", role, None) for role in ROLES}


def columns(store: Store, layer: str, *names: str) -> set[str]:
    """Return the texts that columns of a layer hold."""
    with store.engine.connect() as connection:
        rows = connection.execute(sa.text(f"SELECT {', '.join(names)} FROM layer.{layer}"))
        return {value for row in rows for value in row if value}


def may_read(access: str) -> set[str]:
    """Return the layers of a class and of those before it."""
    reach = CLASSES.index(access)
    return {spec.id for spec in LAYERS.values() if CLASSES.index(spec.access) <= reach}


# What the database lets its readers do.


def test_readers_read_what_their_class_may_and_write_nothing(real_city: Store) -> None:
    relations = sa.text(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE n.nspname IN ('layer', 'result', 'meta', 'access', 'history', 'monitoring') "
        "AND c.relkind IN ('r', 'p', 'v')"
    )
    with real_city.engine.connect() as connection:
        names = set(connection.scalars(relations))
    told = {"meta.layer_version", "meta.run", "meta.ruleset"}
    results = {n for n in names if n.startswith("result.")} - {"result.parcel_tile"}
    results |= {"meta.match", "meta.siting"}
    for access in CLASSES:
        allowed = told | {f"layer.{layer}" for layer in may_read(access)}
        allowed |= {"result.parcel_tile"} if "parcel" in may_read(access) else set()
        allowed |= results if access == "restricted" else set()
        allowed |= {"layer.raster", "history.raster"}  # none is loaded
        allowed |= {f"history.{layer}" for layer in may_read(access)}
        allowed |= {"history.result"} if access == "restricted" else set()
        measured = {"heat_project": ("block", "value", "pair"), "data_centre": ("block", "value")}
        allowed |= {
            f"monitoring.{m}_{part}" for m in measured if m in may_read(access) for part in measured[m]
        }
        reader = real_city.reading_as(access).engine
        assert {n for n in names if _answers(reader, f"SELECT 1 FROM {n} LIMIT 1")} == allowed
    for statement in (
        "DELETE FROM layer.district",
        "UPDATE meta.run SET software = ''",
        "INSERT INTO meta.run DEFAULT VALUES",
        "TRUNCATE result.parcel_tile",
        "CREATE TABLE layer.mine (a int)",
        "CREATE TABLE public.mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)",
        "DROP TABLE layer.district",
        "ALTER ROLE onemap_open SUPERUSER",
        "SET ROLE onemap",
        "COPY layer.district TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/hostname')",
        "SELECT secret_sha256 FROM access.api_key",
    ):
        assert not _answers(real_city.reading_as("restricted").engine, statement), statement


def _answers(engine: sa.Engine, statement: str) -> bool:
    """Return whether a statement is carried out, even after the caution of reading only is put off."""
    with engine.connect() as connection:
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE")
        connection.exec_driver_sql("SET default_transaction_read_only = off")
        connection.commit()
        try:
            connection.exec_driver_sql(statement)
        except sa.exc.ProgrammingError as refused:
            if isinstance(refused.orig, psycopg.errors.InsufficientPrivilege):
                return False
            raise
        finally:
            connection.rollback()
    return True


def test_what_is_synthetic_throughout_is_open(scored: Store) -> None:
    access = scored.access()
    assert set(access.values()) == {"open"}
    reader = scored.reading_as("open").engine
    assert _answers(reader, "SELECT 1 FROM result.parcel_suitability LIMIT 1")
    reader.dispose()  # others copy this database, which nobody may use then


def test_a_layer_closes_with_the_load_that_is_not_synthetic(scored: Store, new_database: NewDatabase) -> None:
    scored.engine.dispose()
    with open_store(at(new_database("closing", "scored"))) as store:
        main = store.read(PIPELINE).iloc[[0]].assign(synthetic=False)
        told = {"source_name": "survey", "source_sha256": "0" * 64, "report": {}}
        assert store.access()[PIPELINE] == "open"
        store.write_layer(PIPELINE, main, mode="upsert", rejects=_no_rejects(), **told)
        assert store.access()[PIPELINE] == "restricted"
        assert store.access()[RESULTS] == "restricted"
        assert store.access()[PLANT] == "open"
        for table in (f"layer.{PIPELINE}", "result.parcel_suitability"):
            assert not _answers(store.reading_as("internal").engine, f"SELECT 1 FROM {table}")
        store.write_layer(PIPELINE, main.assign(synthetic=True), mode="upsert", rejects=_no_rejects(), **told)
        assert store.access()[PIPELINE] == "open"


def _no_rejects() -> Any:
    import pandas as pd

    return pd.DataFrame(columns=["row", "reason", "attributes", "wkt"])


# Nothing leaks.


def _places(store: Store) -> list[str]:
    parcel = sorted(columns(store, "parcel", "parcel_id"))[0]
    main = sorted(columns(store, PIPELINE, PIPELINE + "_id"))[0]
    zoom = "12/3372/1552"
    paths = [
        "/", "/api/layers", "/api/summary", "/api/summary?by=township", "/api/matches", "/api/matches/base",
        "/api/matches/base/sources", f"/api/matches/base/mains/{main}", f"/api/matches/base/parcels/{parcel}",
        "/api/sites", "/api/sites/base", "/api/sites/base/places", f"/api/parcels/{parcel}/suitability",
        f"/api/parcels/{parcel}/evidence",
        "/api/tiles/matches", f"/api/features/{PIPELINE}/{main}", "/ogc", "/ogc/collections", "/ogc/api",
        "/wfs?request=GetCapabilities", "/wfs?request=DescribeFeatureType",
        f"/api/search?q={main[:4]}", "/api/search?q=a&limit=100", "/api/search?q=1&limit=100",
        f"/ogc/collections/{PIPELINE}/items/{main}", "/readyz", "/healthz", "/openapi.json",
        f"/ogc/collections/parcel_suitability/items/{parcel}",
    ]  # fmt: skip
    with store.engine.connect() as connection:
        points = connection.execute(
            sa.text(
                "SELECT ST_X(p), ST_Y(p) FROM (SELECT ST_Transform(ST_PointOnSurface(geom), 4326) AS p "
                f"FROM layer.{PIPELINE} LIMIT 3) AS t"
            )
        ).all()
    for layer in LAYERS:
        at_point = [f"/api/identify?lon={x}&lat={y}&layers={layer}" for x, y in points]
        tile = [f"/tiles/{layer}/{zoom}.mvt"]
        items = [f"/ogc/collections/{layer}{rest}" for rest in ("", "/queryables", "/items?limit=1000")]
        wfs = [f"/wfs?request=GetFeature&typeNames={layer}&count=50"]
        paths += [*at_point, *tile, *items, *wfs]
    filtered = [
        "/api/parcels/summary", f"/tiles/parcel_suitability/{zoom}.mvt?status=suitable",
        f"/api/identify?lon={points[0][0]}&lat={points[0][1]}&status=suitable",
    ]  # fmt: skip
    return [*paths, *filtered, f"/tiles/parcel_suitability/{zoom}.mvt", f"/tiles/match_segment/{zoom}.mvt"]


HEAD = 8


def _told(secrets: set[bytes], content: bytes) -> list[bytes]:
    """Return the secrets in a content, in order; few are looked for whole: those whose first bytes it has."""
    heads = {content[i : i + HEAD] for i in range(len(content))}
    return sorted(s for s in secrets if (len(s) < HEAD or s[:HEAD] in heads) and s in content)


def test_secrets_are_found_wherever_they_stand() -> None:
    secrets = {b"secret main", b"short", b"secret plant"}
    for content in (b"secret main", b"..secret main", b"secret secret main.", b"a secret mainland"):
        assert _told(secrets, content) == [b"secret main"]
    assert _told(secrets, b"a short secret plant") == [b"secret plant", b"short"]
    assert _told(secrets, b"secret mai") == _told(secrets, b"") == []


@pytest.mark.parametrize("role", [None, "viewer"])
def test_nothing_leaks_of_layers_that_a_caller_may_not_read(
    guarded: TestClient, real_city: Store, key_of: dict[str, str], role: str | None
) -> None:
    headers = {} if role is None else {"X-API-Key": key_of[role]}
    readable = may_read("open" if role is None else ROLES[role].reads)
    secrets: set[str] = set()
    for spec in LAYERS.values():
        if spec.id not in readable:
            named = ["name"] if "name" in spec.field_names else []
            secrets |= columns(real_city, spec.id, spec.key, *named)
    # A place may bear the name of what stands in it, a project name its source and the parcels it serves.
    for layer in readable:
        told = columns(real_city, layer, *(f.name for f in LAYERS[layer].fields if f.type == "text"))
        secrets -= told | {part for text in told for part in text.split(TOWNSHIP_SEPARATOR)}
    told_to_all = guarded.get("/openapi.json").text  # its examples are of the sample city
    hidden = {s.encode() for s in secrets if s not in told_to_all}
    assert len(hidden) > 100
    refused = 0
    for path in _places(real_city):
        answer = guarded.get(path, headers=headers)
        assert answer.status_code < 500, path
        refused += answer.status_code in (401, 403)
        found = [s.decode() for s in _told(hidden, answer.content) if s.decode() not in path]
        assert not found, (path, found[:3])
    assert refused > 30 if role is None else refused > 15


def test_layers_without_right_are_not_listed(guarded: TestClient, key_of: dict[str, str]) -> None:
    for role, access in (("viewer", "internal"), ("planner", "restricted")):
        listed = guarded.get("/api/layers", headers={"X-API-Key": key_of[role]}).json()["layers"]
        assert {entry["id"] for entry in listed} == may_read(access)
    listed = guarded.get("/api/layers").json()["layers"]
    assert {entry["id"] for entry in listed} == may_read("open")


@pytest.mark.parametrize("version", ["1.1.0", "2.0.0"])
def test_wfs_lists_and_describes_what_may_be_read(
    guarded: TestClient, key_of: dict[str, str], version: str
) -> None:
    for role, access in ((None, "open"), ("viewer", "internal"), ("planner", "restricted")):
        headers = {} if role is None else {"X-API-Key": key_of[role]}
        for request, listed in (
            ("GetCapabilities", r"<wfs:Name>onemap:(\w+)<"),
            ("DescribeFeatureType", r'<xs:complexType name="(\w+)Type"'),
        ):
            asked = {"request": request, "version": version}
            found = set(re.findall(listed, guarded.get("/wfs", params=asked, headers=headers).text))
            assert found & set(LAYERS) <= may_read(access)
            assert "district" in found
            assert ("parcel_suitability" in found, PIPELINE in found) == (role == "planner",) * 2


def test_a_refusal_says_what_to_do(guarded: TestClient, key_of: dict[str, str]) -> None:
    path = f"/tiles/{PIPELINE}/12/3372/1552.mvt"
    anybody = guarded.get(path)
    assert (anybody.status_code, anybody.headers["www-authenticate"]) == (401, 'Bearer realm="OneMap"')
    assert anybody.json()["detail"] == (
        f"The layer {PIPELINE} is restricted: show a key in the header X-API-Key "
        "(`onemap key make` makes one), or sign in on the map."
    )
    viewer = guarded.get(path, headers={"X-API-Key": key_of["viewer"]})
    assert viewer.status_code == 403
    assert viewer.json()["detail"].startswith(f"The layer {PIPELINE} is restricted: the role of a viewer (")


def test_only_what_anybody_may_read_is_kept_by_proxies(guarded: TestClient, key_of: dict[str, str]) -> None:
    planner = {"X-API-Key": key_of["planner"]}
    assert "public" in guarded.get("/tiles/district/9/421/194.mvt").headers["cache-control"]
    own = guarded.get(f"/tiles/{PIPELINE}/9/421/194.mvt", headers=planner)
    assert own.status_code in (200, 204)
    assert "private" in own.headers["cache-control"]
    assert {"Authorization", "Cookie", "X-API-Key"} <= set(own.headers["vary"].split(", "))


# Who asks.


def test_a_key_opens_what_its_role_may(guarded: TestClient, key_of: dict[str, str]) -> None:
    for role, key in key_of.items():
        for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}):
            told = guarded.get("/api/session", headers=headers).json()
            assert told["known"]
            assert (told["reads"], told["rights"]) == (ROLES[role].reads, sorted(ROLES[role].rights))
    assert guarded.get("/api/session").json() == {
        "name": "anonymous", "known": False, "reads": "open", "rights": [],
    }  # fmt: skip


def test_a_key_that_does_not_hold_is_refused(guarded: TestClient, real_city: Store) -> None:
    key = keys.make(real_city.engine, "soon gone", "planner", 1)
    key_id = key.split("_")[1]
    assert keys.find(real_city.engine, key) is not None
    wrong = key[:-1] + ("x" if key[-1] != "x" else "y")
    for shown in (wrong, "om", "", "a.b.c", "om_" + "0" * 12 + "_" + "a" * 43, "x" * 9000):
        answer = guarded.get("/api/layers", headers={"X-API-Key": shown})
        assert answer.status_code == 401, shown[:60]
    with real_city.engine.begin() as connection:
        gone = "UPDATE access.api_key SET expires_at = now() - interval '1 s' WHERE key_id = :id"
        connection.execute(sa.text(gone), {"id": key_id})
    assert keys.find(real_city.engine, key) is None
    other = keys.make(real_city.engine, "revoked", "planner", None)
    keys.revoke(real_city.engine, other.split("_")[1])
    assert keys.find(real_city.engine, other) is None
    with pytest.raises(NotFoundError, match="that holds"):
        keys.revoke(real_city.engine, other.split("_")[1])


def test_secrets_are_kept_as_hashes_only(real_city: Store) -> None:
    key = keys.make(real_city.engine, "hashed", "viewer", None)
    secret = key.split("_", 2)[2]
    with real_city.engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT k::text FROM access.api_key k")).scalars().all()
        lines = connection.execute(sa.text("SELECT a::text FROM access.audit a")).scalars().all()
    assert not [row for row in (*rows, *lines) if secret in row]


@pytest.mark.parametrize(
    ("name", "role"), [("", "viewer"), ("a\nb", "viewer"), ("x" * 61, "viewer"), ("me", "king")]
)
def test_a_key_needs_a_name_and_a_role(real_city: Store, name: str, role: str) -> None:
    with pytest.raises(InputError):
        keys.make(real_city.engine, name, role, None)


def test_signing_in_on_a_browser(guarded: TestClient, key_of: dict[str, str]) -> None:
    browser = TestClient(guarded.app, raise_server_exceptions=False)
    for path in (
        "/api/summary",
        "/api/parcels/summary",
        "/tiles/parcel_suitability/8/210/96.mvt?status=suitable",
        "/api/identify?lon=116.4&lat=39.9&status=suitable",
    ):
        assert browser.get(path).status_code == 401
    assert browser.post("/api/session", json={"key": "om_x_y"}).status_code == 401
    signed = browser.post("/api/session", json={"key": key_of["planner"]})
    assert signed.json()["rights"] == ["export", "match"]
    cookie = signed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert browser.get("/api/summary").status_code == 200
    # A page of elsewhere cannot write with the cookie.
    foreign = browser.post("/api/matches", json={}, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 401
    assert browser.delete("/api/session").status_code == 204
    assert browser.get("/api/summary").status_code == 401
    browser.cookies.set("onemap_key", "om_gone")
    assert browser.get("/api/layers").status_code == 200


def _token(key: rsa.RSAPrivateKey, kid: str = "one", algorithm: str = "RS256", **claims: Any) -> str:
    now = int(time.time())
    told = {"iss": ISSUER, "aud": AUDIENCE, "sub": "li", "iat": now, "exp": now + 60}
    told |= {"realm_access": {"roles": ["offline_access", "planner"]}} | claims
    return jwt.encode({k: v for k, v in told.items() if v is not None}, key, algorithm, headers={"kid": kid})


def test_a_token_of_the_provider_is_taken(guarded: TestClient, signing_key: rsa.RSAPrivateKey) -> None:
    answer = guarded.get("/api/session", headers={"Authorization": f"Bearer {_token(signing_key)}"})
    assert answer.json() == {
        "name": "li", "known": True, "reads": "restricted", "rights": ["export", "match"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"nbf": int(time.time()) + 3600},
        {"aud": "another"},
        {"iss": "https://elsewhere.example"},
        {"sub": None},
        {"kid": "two"},
        {"realm_access": {"roles": ["king"]}},
        {"realm_access": {"roles": "planner"}},
        {"realm_access": None},
    ],
    ids=lambda claims: "-".join(claims),
)
def test_a_token_that_does_not_hold_is_refused(
    guarded: TestClient, signing_key: rsa.RSAPrivateKey, claims: dict[str, Any]
) -> None:
    token = _token(signing_key, **claims)
    assert guarded.get("/api/session", headers={"Authorization": f"Bearer {token}"}).status_code == 401


def _part(content: dict[str, str] | bytes) -> str:
    """Return a part of a token."""
    plain = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(plain).rstrip(b"=").decode()


def test_forged_tokens_are_refused(guarded: TestClient, signing_key: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = signing_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    good = _token(signing_key)
    _, body, signature = good.split(".")
    head = good.partition(".")[0]
    symmetric = _part({"alg": "HS256", "kid": "one", "typ": "JWT"})
    # The public key is known to all: taken for a shared secret, it would sign whatever one likes.
    mac = hmac.new(public, f"{symmetric}.{body}".encode(), hashlib.sha256).digest()
    forged = [_token(other), f"{symmetric}.{body}.{_part(mac)}", f"{_part({'alg': 'none'})}.{body}."]
    forged += [f"{head}.{body}.", f"{head}.{body[:-2]}.{signature}", f"..{signature}"]
    for token in forged:
        answer = guarded.get("/api/session", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


# What is written is told.


def test_rights_beyond_reading_are_asked_for(guarded: TestClient, key_of: dict[str, str]) -> None:
    for path in ("/api/matches", "/api/sites"):
        assert guarded.post(path, json={"order": 1}).status_code == 401
        for role, status in (("viewer", 403), ("planner", 422), ("editor", 422)):
            answer = guarded.post(path, json={"order": 1}, headers={"X-API-Key": key_of[role]})
            assert answer.status_code == status, (path, role)


def test_writes_are_told_in_the_log(empty_store: Store) -> None:
    import geopandas as gpd
    import shapely

    place = shapely.MultiPolygon([shapely.box(500_000, 4_400_000, 500_100, 4_400_100)])
    parcel = gpd.GeoDataFrame({"parcel_id": ["P-1"]}, geometry=[place], crs="EPSG:4548")
    told = {"source_name": "a.gpkg", "source_sha256": "0" * 64, "report": {}, "rejects": _no_rejects()}
    with audit.acting("li (abc)", "request-7"):
        empty_store.write_layer("parcel", parcel, mode="replace", **told)
    with pytest.raises(InputError):
        empty_store.write_layer("parcel", parcel, mode="append", **told)
    empty_store.write_layer("parcel", parcel, mode="upsert", **told)
    by_hand, by_caller = audit.last(empty_store.engine, 10)
    assert (by_caller.actor, by_caller.action, by_caller.target) == ("li (abc)", "import", "parcel")
    assert (by_caller.request_id, by_caller.detail["source_name"]) == ("request-7", "a.gpkg")
    assert by_hand.actor.startswith("cli:")
    assert by_hand.detail["mode"] == "upsert"
