"""Arrow batches out of a real PostGIS."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
import shapely
import sqlalchemy as sa

from gis.errors import StoreError
from gis.store import Store
from gis.store.arrow import Reader, snapshot_reader

TABLE = sa.Table(
    "arrow_probe",
    sa.MetaData(),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("amount", sa.Double),
    sa.Column("short_amount", sa.REAL),
    sa.Column("tiny", sa.SmallInteger),
    sa.Column("count", sa.Integer),
    sa.Column("large", sa.BigInteger),
    sa.Column("fine", sa.Boolean),
    sa.Column("packed", sa.LargeBinary),
    sa.Column("label", sa.Text),
    sa.Column("codes", sa.ARRAY(sa.Text)),
)


@pytest.fixture
def probe(store: Store) -> Iterator[sa.Engine]:
    """An empty table with a column of every type."""
    TABLE.metadata.create_all(store.engine)
    yield store.engine
    TABLE.metadata.drop_all(store.engine)


def _moment(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _read(engine: sa.Engine, query: str) -> list[pa.RecordBatch]:
    with engine.begin() as connection:
        _moment(connection)
        with snapshot_reader(connection, "Reading failed") as read:
            return list(read(query))


def _rows(count: int, seed: int) -> dict[str, list[object]]:
    rng = np.random.default_rng(seed)
    texts = ["", "地块", "a,b", 'quote " and \\ and {}', "x" * 300]

    def some(values: list[object]) -> list[object]:
        return [None if gone else v for v, gone in zip(values, rng.random(count) < 0.3, strict=True)]

    lists: list[object] = [
        [None if rng.random() < 0.1 else texts[k] for k in rng.integers(0, 5, rng.integers(0, 4))]
        for _ in range(count)
    ]
    return {
        "key": [f"K-{i:06d}" for i in range(count)],
        "amount": some((rng.normal(size=count) * 10.0 ** rng.integers(-300, 300, count)).tolist()),
        "short_amount": some((rng.integers(-1000, 1000, count) / 8).tolist()),
        "tiny": some(rng.integers(-(2**15), 2**15, count).tolist()),
        "count": some(rng.integers(-(2**31), 2**31, count).tolist()),
        "large": some(rng.integers(-(2**63), 2**63, count, dtype=np.int64).tolist()),
        "fine": some((rng.random(count) < 0.5).tolist()),
        "packed": some([rng.bytes(int(n)) for n in rng.integers(0, 40, count)]),
        "label": some([texts[k] for k in rng.integers(0, 5, count)]),
        "codes": some(lists),
    }


TYPES = {
    "key": pa.string(),
    "amount": pa.float64(),
    "short_amount": pa.float32(),
    "tiny": pa.int16(),
    "count": pa.int32(),
    "large": pa.int64(),
    "fine": pa.bool_(),
    "packed": pa.binary(),
    "label": pa.string(),
    "codes": pa.list_(pa.string()),
}


def _fill(connection: sa.Connection, rows: dict[str, list[object]]) -> None:
    """Insert rows by SQL."""
    values = zip(*rows.values(), strict=True)
    connection.execute(TABLE.insert(), [dict(zip(rows, row, strict=True)) for row in values])


def test_columns_and_geometries_are_read_as_arrow(probe: sa.Engine) -> None:
    rows = _rows(3_000, 5)
    with probe.begin() as connection:
        _fill(connection, rows)
    names = ", ".join(f'"{name}"' for name in TYPES)
    query = f"SELECT {names}, ST_AsBinary(ST_MakePoint(1, 2)) AS shape, DATE '2026-11-15' AS day "
    got = pa.Table.from_batches(_read(probe, query + "FROM arrow_probe ORDER BY key"))
    for name, values in rows.items():
        assert got[name].type == TYPES[name]
        assert got[name].to_pylist() == values, name
    assert shapely.from_wkb(got["shape"][0].as_py()) == shapely.Point(1, 2)
    assert got.schema.field("day").type == pa.date32()


def test_all_queries_see_the_callers_moment(probe: sa.Engine) -> None:
    def count(read: Reader) -> int:
        return sum(b.num_rows for b in read("SELECT key FROM arrow_probe"))

    with probe.begin() as reading:
        _moment(reading)
        reading.exec_driver_sql("SELECT 1")
        with snapshot_reader(reading, "Reading failed") as read:
            assert count(read) == 0
            with probe.begin() as writing:
                _fill(writing, _rows(7, 6))
            assert count(read) == 0
            assert reading.scalar(sa.text("SELECT count(*) FROM arrow_probe")) == 0
    assert pa.Table.from_batches(_read(probe, "SELECT key FROM arrow_probe")).num_rows == 7


def test_batches_come_as_they_are_read(probe: sa.Engine) -> None:
    """A query left half read holds nothing up, and no batch holds all the rows."""
    endless = "SELECT generate_series(1, 2000000000) AS i, repeat('x', 1000) AS text"
    with probe.begin() as connection:
        _moment(connection)
        with snapshot_reader(connection, "Reading failed") as read:
            batches = read(endless)
            first = next(batches)
            assert 1_000 < first.num_rows < 50_000
            assert first.column("i")[0].as_py() == 1
            batches.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT 1 / (i - 50000) FROM generate_series(1, 90000) i", "division by zero"),
        ("DELETE FROM arrow_probe RETURNING key", "cannot execute DELETE in a read-only transaction"),
    ],
)
def test_errors_are_one_sentence(probe: sa.Engine, query: str, told: str) -> None:
    message = f"^Reading failed: the database refused it \\({told}\\).$"
    with pytest.raises(StoreError, match=message) as caught:
        _read(probe, query)
    assert "\n" not in str(caught.value)


def test_a_server_that_is_gone_is_told(probe: sa.Engine) -> None:
    gone = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(StoreError, match="Reading failed: the database does not answer"):
        _read(probe, gone)
