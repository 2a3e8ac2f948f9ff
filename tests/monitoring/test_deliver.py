"""Deliveries against a plain dictionary: what is taken, corrected, refused, and that nothing comes twice."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from gis.errors import BusyError, InputError, NotFoundError, UsageError
from gis.monitoring import reading
from gis.monitoring.deliver import deliver_file, deliver_rows
from gis.monitoring.pieces import CODES
from gis.store import Store, measured
from gis.store.deliveries import refusals
from gis.store.series import month_pairs, month_totals, read_series
from tests.monitoring.conftest import contents, values_of

STEP = {"PT15M": dt.timedelta(minutes=15), "PT1H": dt.timedelta(hours=1), "P1D": dt.timedelta(days=1)}
LOW_HIGH = {"heat_kwh": (0.0, 1500.0), "electricity_kwh": (0.0, 300.0)}


def wide(folder: Path, frame: pd.DataFrame, form: str) -> Path:
    """Write a table in some form and return the file."""
    path = folder / f"values.{form}"
    if form == "csv":
        frame.to_csv(path, index=False)
    elif form == "parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_excel(path, index=False)
    return path


def hourly(ids: list[str], first: str, hours: int, seed: int = 1) -> pd.DataFrame:
    """Return plausible hourly values with gaps."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "heat_project_id": np.repeat(ids, hours),
            "time": np.tile(pd.date_range(first, periods=hours, freq="h"), len(ids)),
        }
    )
    frame["heat_kwh"] = np.round(rng.uniform(10, 150, len(frame)), 1)
    frame["electricity_kwh"] = np.round(frame["heat_kwh"] / rng.uniform(2.5, 4.5, len(frame)), 2)
    frame["return_degc"] = np.round(rng.uniform(30, 45, len(frame)), 1)
    for name in ("heat_kwh", "electricity_kwh", "return_degc"):
        frame.loc[rng.random(len(frame)) < 0.05, name] = np.nan
    return frame


def told(frame: pd.DataFrame, period: str = "PT1H") -> dict[tuple[str, str, str, str], float]:
    """Return the values of a table as the database's view names them."""
    rows = frame.melt(["heat_project_id", "time"]).dropna()
    at = rows["time"].dt.strftime("%Y-%m-%d %H:%M:%S")
    keys = zip(rows["heat_project_id"], rows["variable"], [period] * len(rows), at, strict=True)
    return dict(zip(keys, rows["value"], strict=True))


@pytest.mark.parametrize("form", ["csv", "parquet", "xlsx"])
def test_what_is_in_a_file_is_in_the_store(meters: Store, tmp_path: Path, form: str):
    # Over the end of February of a leap year, and of a year.
    frame = pd.concat(
        [hourly(["HP-1", "HP-4"], "2024-02-27 05:00", 200), hourly(["HP-3"], "2023-12-31 20:00", 9, seed=2)]
    )
    done = deliver_file(meters, "heat_project", wide(tmp_path, frame, form))
    expected = told(frame)
    assert values_of(meters) == expected
    assert done.period == "PT1H"
    assert done.counts == {
        "rows": len(frame), "new": len(expected), "same": 0, "corrected": 0, "repeated": 0,
        "empty": 3 * len(frame) - len(expected), "refused": 0,
    }  # fmt: skip


def test_every_form_of_the_same_values_is_the_same(meters: Store, tmp_path: Path):
    frame = hourly(["HP-1", "HP-2"], "2024-11-15", 60)
    deliver_file(meters, "heat_project", wide(tmp_path, frame, "csv"))
    before = contents(meters)
    # In other units, in Chinese, by another zone, from the last to the first, a row a value.
    other = frame.iloc[::-1].reset_index(drop=True)
    utc = (other["time"] - pd.Timedelta(hours=8)).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    named = pd.DataFrame({"项目编号": other["heat_project_id"], "时间": utc})
    named["供热量（MWh）"] = other["heat_kwh"] / 1000
    named["耗电量（kWh）"] = other["electricity_kwh"]
    named["回水温度（K）"] = other["return_degc"] + 273.15
    (tmp_path / "gb.csv").write_bytes(named.to_csv(index=False).encode("gb18030"))
    done = deliver_file(meters, "heat_project", tmp_path / "gb.csv")
    assert done.counts["refused"] == 0
    assert values_of(meters) == pytest.approx(told(frame), rel=1e-12)
    rows = frame.melt(["heat_project_id", "time"]).assign(unit="")
    rows["unit"] = rows["variable"].map({"heat_kwh": "kWh", "electricity_kwh": "kwh", "return_degc": "℃"})
    shuffled = rows.sample(frac=1.0, random_state=3)
    deliver_file(meters, "heat_project", wide(tmp_path, shuffled, "parquet"))
    after = contents(meters)
    assert values_of(meters) == told(frame)
    assert after["heat_project_pair"] == before["heat_project_pair"]


def test_the_same_again_does_nothing(meters: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reading, "BATCH_ROWS", 50)
    frame = hourly(["HP-1", "HP-2"], "2024-11-15", 60)
    frame.loc[5, "heat_kwh"] = -1.0
    frame = pd.concat([frame, frame.iloc[[7]]])
    path = wide(tmp_path, frame, "parquet")
    first = deliver_file(meters, "heat_project", path)
    assert (first.repeated, first.quarantine) == (False, {"range": 1})
    before = contents(meters)
    assert {name for name, rows in before.items() if not rows} == {"data_centre_block", "replaced"}
    for _ in range(2):
        again = deliver_file(meters, "heat_project", path)
        assert again.repeated
        assert (again.counts, again.quarantine) == (first.counts, first.quarantine)
        assert contents(meters) == before


class Model:
    """What deliveries come to, worked out value by value."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str, str, str], float] = {}

    def deliver(self, rows: list[dict[str, Any]], period: str) -> Counter[str]:
        found: Counter[str] = Counter()
        given: dict[tuple[str, str, str, str], float] = {}
        for row in rows:
            at, value = row["time"], row["value"]
            if value is None:
                found["empty"] += 1
                continue
            reason = self._reason(row, at, value, period)
            key = (row["heat_project_id"], row["variable"], period, at.strftime("%Y-%m-%d %H:%M:%S"))
            if reason is None and key in given:
                reason = None if given[key] == value else "contradicts"
                if reason is None:
                    found["repeated"] += 1
                    continue
            if reason is not None:
                found[reason] += 1
                continue
            given[key] = value
            held = self.values.get(key)
            found["new" if held is None else "same" if held == value else "corrected"] += 1
            self.values[key] = value
        return found

    def _reason(self, row: dict[str, Any], at: dt.datetime, value: float, period: str) -> str | None:
        if row["variable"] not in (*LOW_HIGH, "outdoor_degc"):
            return "variable"
        if row["heat_project_id"] not in ("HP-1", "HP-2", "HP-3", "HP-4"):
            return "feature"
        if (at - at.replace(hour=0, minute=0)) % STEP[period]:
            return "off_step"
        hours = STEP[period] / dt.timedelta(hours=1)
        if row["variable"] == "outdoor_degc":
            return None if -40 <= value <= 50 else "range"
        if not 0 <= value <= 5e5 * hours:
            return "range"
        limit = {"HP-1": 1000.0, "HP-2": 200.0}.get(row["heat_project_id"])
        return "installed" if limit is not None and value > 1.5 * limit * hours else None


def delivery(random: Random, period: str) -> list[dict[str, Any]]:
    """Return rows, some of them wrong, late, twice or against each other."""
    first = dt.datetime(2024, random.choice((1, 2, 12)), random.choice((1, 27)))
    rows = []
    for _ in range(random.randint(1, 120)):
        off = dt.timedelta(minutes=random.choice((0, 0, 0, 0, 0, 0, 7)))
        rows.append(
            {
                "heat_project_id": random.choice(("HP-1", "HP-2", "HP-3", "HP-4", "HP-1", "HP-9")),
                "time": first + STEP[period] * random.randint(0, 60) + off,
                "variable": random.choice(
                    ("heat_kwh", "electricity_kwh", "outdoor_degc", "heat_kwh", "wind")
                ),
                "value": random.choice((None, -1.0, 1.0, 2.5, 2.5, 30.0, 1e4, 1e9)),
                "unit": "",
            }
        )
        rows[-1]["unit"] = "degC" if rows[-1]["variable"] == "outdoor_degc" else "kWh"
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_random_deliveries_come_to_what_a_dictionary_says(
    meters: Store, seed: int, monkeypatch: pytest.MonkeyPatch
):
    random, model = Random(seed), Model()
    for number in range(6):
        monkeypatch.setattr(reading, "BATCH_ROWS", random.choice((5, 23, 1000)))
        period = random.choice(list(STEP))
        rows = delivery(random, period)
        table = pa.Table.from_pylist(rows)
        done = deliver_rows(meters, "heat_project", table, f"delivery {number}", period)  # type: ignore[arg-type]
        expected = model.deliver(rows, period)
        refused = {code: expected[code] for code in CODES if expected[code]}
        assert {code: n for code, n in done.quarantine.items() if n} == refused
        for name in ("new", "same", "corrected", "repeated", "empty"):
            assert done.counts[name] == expected[name], name
        with meters.engine.connect() as connection:
            kept = refusals(connection, "heat_project", done.delivery_id, 10_000)
        assert Counter(one.reason for one in kept) == Counter(refused)
        for one in kept:
            sent = rows[one.row - 1]
            assert (one.feature_id, one.variable) == (sent["heat_project_id"], sent["variable"])
            assert float(one.value or "nan") == sent["value"]
        assert values_of(meters) == model.values
    _sums_are_those_of_the_values(meters, model)


def _sums_are_those_of_the_values(store: Store, model: Model) -> None:
    """Counts, sums and pairs beside the values are those that the values give."""
    frame = pd.DataFrame(
        [(*key, value) for key, value in model.values.items()],
        columns=["feature_id", "variable", "period", "time", "value"],
    )
    frame["month"] = frame["time"].str[:7]
    with store.engine.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT feature_id, variable, period, to_char(month, 'YYYY-MM') AS month, value_count, "
                "total, lowest, highest FROM monitoring.heat_project_block"
            )
        ).mappings()
        blocks = pd.DataFrame(rows)
        pairs = month_pairs(connection, dt.date(2023, 1, 1), dt.date(2025, 1, 1))
    key = ["feature_id", "variable", "period", "month"]
    expected = frame.groupby(key)["value"].agg(["count", "sum", "min", "max"]).sort_index()
    found = blocks.set_index(key).sort_index()
    assert found.index.equals(expected.index)
    np.testing.assert_allclose(found.to_numpy(float), expected.to_numpy(float), rtol=1e-12)
    _pairs_are_those_of_common_steps(frame, pairs)


def _pairs_are_those_of_common_steps(frame: pd.DataFrame, pairs: pd.DataFrame) -> None:
    both = frame.pivot_table(
        index=["feature_id", "month", "period", "time"], columns="variable", values="value"
    ).dropna(subset=["heat_kwh", "electricity_kwh"])
    hours = both.index.get_level_values("period").map({p: s / dt.timedelta(hours=1) for p, s in STEP.items()})
    sums = both.assign(h=hours).groupby(["feature_id", "month", "period"])[
        ["heat_kwh", "electricity_kwh", "h"]
    ]
    best: dict[tuple[str, str], tuple[float, ...]] = {}
    for (feature, month, period), row in sums.sum().iterrows():  # type: ignore[misc]
        rank = (-row["h"], STEP[period])
        if (feature, month) not in best or rank < best[feature, month][:2]:
            best[feature, month] = (*rank, row["heat_kwh"], row["electricity_kwh"], row["h"])
    found = {
        (row.feature_id, str(row.month)[:7]): (row.heat_kwh, row.electricity_kwh, row.paired_h)
        for row in pairs.itertuples()
    }
    assert found.keys() == best.keys()
    for one, values in found.items():
        assert values == pytest.approx(best[one][2:])


def test_months_known_throughout_are_paired_whatever_their_steps(meters: Store):
    days = pd.date_range("2024-02-01", "2024-02-29", freq="D")
    heat = pa.table({"id": ["HP-1"] * 29, "time": days, "heat (MWh)": [2.0] * 29})
    deliver_rows(meters, "heat_project", heat, "heat", "P1D")
    bill = pa.table({"id": ["HP-1"], "time": ["2024-02"], "electricity_kwh": [14_500.0]})
    deliver_rows(meters, "heat_project", bill, "bill", "P1M")
    with meters.engine.connect() as connection:
        found = month_pairs(connection, dt.date(2024, 1, 1), dt.date(2024, 12, 1))
        totals = month_totals(connection, "heat_project", dt.date(2024, 2, 1), dt.date(2024, 2, 1), ["HP-1"])
    assert found.iloc[0, 2:].tolist() == [58_000.0, 14_500.0, 29 * 24.0]
    assert totals["covered_h"].tolist() == totals["possible_h"].tolist() == [696.0, 696.0]
    # With a day missing nothing says what its electricity was.
    with meters.engine.begin() as connection:
        connection.execute(sa.text("TRUNCATE monitoring.heat_project_block, monitoring.heat_project_pair"))
    deliver_rows(meters, "heat_project", heat.slice(1), "heat but a day", "P1D")
    deliver_rows(meters, "heat_project", bill.append_column("more", pa.array([1])), "bill again", "P1M")
    with meters.engine.connect() as connection:
        assert month_pairs(connection, dt.date(2024, 1, 1), dt.date(2024, 12, 1)).empty


def test_series_are_read_step_by_step_with_their_gaps(meters: Store):
    frame = hourly(["HP-1"], "2024-11-20", 24 * 30)
    deliver_rows(meters, "heat_project", pa.Table.from_pandas(frame, preserve_index=False), "h", "PT1H")
    with meters.engine.connect() as connection:
        (series,) = read_series(
            connection, "heat_project", "HP-1", ["heat_kwh"], dt.date(2024, 10, 5), dt.date(2025, 1, 31)
        )
        assert read_series(
            connection, "heat_project", "HP-2", ["heat_kwh"], dt.date(2024, 10, 5), dt.date(2025, 1, 31)
        ) == []  # fmt: skip
    assert len(series.values) == (31 + 30 + 31 + 31) * 24
    expected = frame.set_index("time")["heat_kwh"].reindex(series.times().astype("datetime64[ns]"))
    np.testing.assert_array_equal(series.values, expected.to_numpy())
    some = series.between(np.datetime64("2024-11-21"), np.datetime64("2024-11-22"))
    np.testing.assert_array_equal(some.values, expected["2024-11-21":"2024-11-21"].to_numpy())


def test_what_was_corrected_is_kept(meters: Store):
    times = ["2024-12-31 22:00", "2024-12-31 23:00", "2025-01-01 00:00"]
    rows = pa.table({"id": ["HP-1"] * 3, "time": times, "heat_kwh": [1.0, 2.0, 3.0]})
    deliver_rows(meters, "heat_project", rows, "first", "PT1H")
    second = rows.set_column(2, "heat_kwh", pa.array([1.0, 20.0, 30.0]))
    done = deliver_rows(meters, "heat_project", second, "second", "PT1H")
    assert (done.counts["same"], done.counts["corrected"]) == (1, 2)
    with meters.engine.connect() as connection:
        kept = connection.execute(
            sa.text(
                "SELECT delivery_id, month::text, array_remove(\"values\", 'NaN') FROM monitoring.replaced "
                "ORDER BY month"
            )
        ).all()
    assert [tuple(row) for row in kept] == [(2, "2024-12-01", [2.0]), (2, "2025-01-01", [3.0])]
    # The first again is known, and does not undo what came after it.
    assert deliver_rows(meters, "heat_project", rows, "first", "PT1H").repeated
    assert sorted(values_of(meters).values()) == [1.0, 20.0, 30.0]


def test_a_wrong_unit_is_refused_with_all_its_values(meters: Store, tmp_path: Path):
    frame = hourly(["HP-1", "HP-2"], "2024-11-15", 48)
    in_wh = frame.assign(heat_kwh=frame["heat_kwh"] * 1000)
    done = deliver_file(meters, "heat_project", wide(tmp_path, in_wh, "csv"))
    assert done.quarantine == {"installed": int(frame["heat_kwh"].notna().sum())}
    assert {key[1] for key in values_of(meters)} == {"electricity_kwh", "return_degc"}
    named = frame.rename(columns={"heat_kwh": "heat (bushel)"})
    done = deliver_file(meters, "heat_project", wide(tmp_path, named, "parquet"))
    assert done.quarantine == {"unit": int(frame["heat_kwh"].notna().sum())}


def test_a_delivery_that_broke_off_is_taken_up(
    meters: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "BATCH_ROWS", 40)
    frame = hourly(["HP-1", "HP-2"], "2024-11-15", 60)
    frame.loc[3, "heat_kwh"] = -1.0
    path = wide(tmp_path, frame, "parquet")
    put, left = measured.put, 4

    def breaks(*given: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        put(*given)

    monkeypatch.setattr(measured, "put", breaks)
    with pytest.raises(KeyboardInterrupt):
        deliver_file(meters, "heat_project", path)
    part = values_of(meters)
    # Whole batches of 40 rows are there, and nothing of the one that broke off.
    whole = frame.drop(index=3).assign(heat_kwh=frame["heat_kwh"])
    expected = {k: v for k, v in told(frame).items() if v >= 0}
    assert 0 < len(part) < len(expected)
    assert part == {k: v for k, v in told(whole.iloc[:39]).items() if v >= 0} | {
        k: v for k, v in told(frame.iloc[[3]]).items() if v >= 0
    }
    monkeypatch.setattr(measured, "put", put)
    done = deliver_file(meters, "heat_project", path)
    assert not done.repeated
    assert values_of(meters) == expected
    assert done.quarantine == {"range": 1}
    assert len(contents(meters)["quarantine"]) == 1
    assert contents(meters)["replaced"] == []


def test_a_delivery_is_taken_by_one_program_at_a_time(meters: Store, monkeypatch: pytest.MonkeyPatch):
    rows = pa.table({"id": ["HP-1"], "time": ["2024-12-31 22:00"], "heat_kwh": [1.0]})
    put = measured.put

    def meanwhile(*given: Any) -> None:
        with pytest.raises(BusyError, match=r"^first is being imported by another program"):
            deliver_rows(meters, "heat_project", rows, "first", "PT1H")
        put(*given)

    monkeypatch.setattr(measured, "put", meanwhile)
    deliver_rows(meters, "heat_project", rows, "first", "PT1H")
    assert len(values_of(meters)) == 1


def test_values_of_the_future_are_refused(meters: Store):
    late = (dt.datetime.now() + dt.timedelta(days=9)).replace(minute=0, second=0, microsecond=0)
    rows = pa.table({"id": ["HP-1"], "time": [late], "heat_kwh": [1.0]})
    assert deliver_rows(meters, "heat_project", rows, "late", "PT1H").quarantine == {"future": 1}


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (-(2**62), "off_step"),
        (-62_135_683_200, "past"),
        (0, "past"),
        (946_598_400, "past"),
        (2**62, "off_step"),
    ],
)
def test_times_of_a_clock_that_is_wrong_are_refused(meters: Store, second: int, reason: str):
    # 1999-12-31 is the last day that is refused.
    at = pa.array([second, 946_684_800], pa.timestamp("s"))
    rows = pa.table({"id": ["HP-1"] * 2, "time": at, "heat_kwh": [1.0, 2.0]})
    done = deliver_rows(meters, "heat_project", rows, "unset", "P1D")
    assert (done.quarantine, done.counts["new"]) == ({reason: 1}, 1)
    with meters.engine.connect() as connection:
        refused = refusals(connection, "heat_project", done.delivery_id, 9)
    assert refused[0].time is not None


def test_a_data_centre_has_its_own_variables(meters: Store):
    rows = pa.table(
        {
            "data_centre_id": ["DC-1"] * 2,
            "time": ["2024-12-31 22:00", "2024-12-31 23:00"],
            "it_electricity (MWh)": [3.2, 32.0],
            "heat_kwh": [1.0, None],
        }
    )
    done = deliver_rows(meters, "data_centre", rows, "dc", "PT1H")
    assert done.quarantine == {"installed": 1, "variable": 1}
    found = values_of(meters, "data_centre")
    assert found == {("DC-1", "it_electricity_kwh", "PT1H", "2024-12-31 22:00:00"): 3200.0}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"id,time,heat_kwh,heat_kwh\n", "two columns have the same name"),
        ("a.csv", b"id,time,heat_kwh\nHP-1,2024-01-01,1,2\n", "cannot be read after row 0"),
        ("a.csv", b"id,time,heat_kwh\nHP-1,2024-01-01 00:00,1\n", "state it as one of PT15M, PT1H"),
        ("a.csv", b"id,time,heat_kwh\n", "state it as one of PT15M, PT1H"),
        ("a.csv", b"\xff\xfe\x00id", "neither UTF-8 nor GB18030"),
        ("a.parquet", b"PAR1 and no more", "is not a Parquet file"),
        ("a.xlsx", b"PK", "the file is damaged or truncated"),
        ("a.doc", b"", "come as CSV, XLSX or Parquet"),
        ("b.csv", None, "there is no such file"),
    ],
)
def test_files_that_cannot_be_used(
    meters: Store, tmp_path: Path, name: str, content: bytes | None, told: str
):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{name}: .*{told}"):
        deliver_file(meters, "heat_project", path)
    assert not any(contents(meters).values())


def test_other_layers_and_empty_ones_are_refused(empty_store: Store, meters: Store, tmp_path: Path):
    path = wide(tmp_path, hourly(["HP-1"], "2024-11-15", 5), "csv")
    with pytest.raises(
        UsageError, match="'parcel' is not measured; those that are: heat_project, data_centre"
    ):
        deliver_file(meters, "parcel", path)
    with pytest.raises(NotFoundError, match="heat_project is empty: import its features before"):
        deliver_file(empty_store, "heat_project", path)


def test_a_file_cut_off_keeps_what_was_before(meters: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    frame = hourly(["HP-1", "HP-2"], "2024-01-01", 8000)
    path = tmp_path / "cut.parquet"
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=2000)
    monkeypatch.setattr(reading, "BATCH_ROWS", 2000)
    damaged = bytearray(path.read_bytes())
    second = pq.ParquetFile(path).metadata.row_group(5).column(2).data_page_offset
    damaged[second : second + 400] = bytes(400)
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"^cut.parquet: the file is damaged after row \d+\.$"):
        deliver_file(meters, "heat_project", path)
    held = values_of(meters)
    assert 0 < len(held) < len(told(frame))
    assert held.items() <= told(frame).items()


def test_dates_of_a_workbook(meters: Store, tmp_path: Path):
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["项目编号", "月份", "供热量（GJ）"])
    for month in range(1, 5):
        sheet.append(["HP-3", dt.datetime(2024, month, 1), 36.0 * month])
    book.save(tmp_path / "bills.xlsx")
    assert deliver_file(meters, "heat_project", tmp_path / "bills.xlsx").period == "P1M"
    found = {key[3][:7]: value for key, value in values_of(meters).items()}
    assert found == pytest.approx({f"2024-0{m}": 10_000.0 * m for m in range(1, 5)})
