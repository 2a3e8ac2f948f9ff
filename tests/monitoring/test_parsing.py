"""Numbers, times and columns as meters and people write them."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis.errors import InputError
from gis.monitoring.columns import roles_of, unit_of, variable_of
from gis.monitoring.parsing import numbers, times, words
from gis.monitoring.variables import VARIABLES

NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "value", "empty", "read"),
    [
        ("12.5", 12.5, False, True),
        (" 1e3 ", 1000.0, False, True),
        ("1,234.5", 1234.5, False, True),
        ("１２", 12.0, False, True),
        ("-0.5", -0.5, False, True),
        (None, NAN, True, True),
        ("", NAN, True, True),
        ("--", NAN, True, True),
        ("nan", NAN, True, True),
        ("1e999", NAN, False, False),
        ("inf", NAN, False, False),
        ("#REF!", NAN, False, False),
        ("12 kWh", NAN, False, False),
        ("0x10", NAN, False, False),
    ],
)
def test_numbers(text: str | None, value: float, empty: bool, read: bool):
    for beside in (["7"], ["no number"], []):
        found = numbers(pa.array([text, *beside], pa.string()))
        np.testing.assert_equal(
            (found.values[0], bool(found.empty[0]), bool(found.read[0])), (value, empty, read)
        )


def test_numbers_of_typed_columns():
    found = numbers(pa.array([1, None, 3], pa.int32()))
    assert found.values[[0, 2]].tolist() == [1.0, 3.0]
    assert found.empty.tolist() == [False, True, False]
    found = numbers(pa.array([1.5, NAN, float("inf"), None]))
    assert found.empty.tolist() == [False, True, False, True]
    assert found.read.tolist() == [True, True, False, True]
    assert not numbers(pa.array([True, False])).read.any()
    assert numbers(pa.array(["1", "1", None]).dictionary_encode()).values[:2].tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("2024-11-15 08:00", "2024-11-15T08:00:00"),
        ("2024-11-15T08:00:00", "2024-11-15T08:00:00"),
        ("2024/11/5 8:00", "2024-11-05T08:00:00"),
        ("2024年11月5日 8时", "2024-11-05T08:00:00"),
        ("2024年11月5日8时30分", "2024-11-05T08:30:00"),
        ("2024-11-15", "2024-11-15T00:00:00"),
        ("20241115", "2024-11-15T00:00:00"),
        ("2024-11", "2024-11-01T00:00:00"),
        ("2024年11月", "2024-11-01T00:00:00"),
        ("2024-11-15T00:00:00Z", "2024-11-15T08:00:00"),
        ("2024-11-15 08:00:00+08:00", "2024-11-15T08:00:00"),
        ("2024-11-15 02:00-0500", "2024-11-15T15:00:00"),
        ("2024-02-30", None),
        ("2024-11-15 25:00", None),
        ("2024", None),
        ("15.11.2024", None),
        ("morgen", None),
        (None, None),
    ],
)
def test_times(text: str | None, told: str | None):
    for beside in (["2020-01-01 00:00"], ["?"], []):
        found = times(pa.array([text, *beside], pa.string()))
        assert bool(found.read[0]) == (told is not None)
        if told is not None:
            assert np.datetime64(int(found.seconds[0]), "s") == np.datetime64(told)


@given(
    st.lists(
        st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2060, 1, 1)).map(
            lambda t: t.replace(microsecond=0)
        ),
        min_size=1,
    )
)
def test_all_forms_of_a_time_say_the_same(moments: list[dt.datetime]):
    there = ZoneInfo("UTC")
    in_utc = [t.replace(tzinfo=dt.timezone(dt.timedelta(hours=8))).astimezone(there) for t in moments]
    expected = np.array(moments, dtype="datetime64[s]").astype(np.int64)
    for column in (
        pa.array([t.isoformat(" ") for t in moments]),
        pa.array([t.strftime("%Y/%m/%d %H:%M:%S") for t in moments]),
        pa.array([t.isoformat() for t in in_utc]),
        pa.array(moments, pa.timestamp("s")),
        pa.array(moments, pa.timestamp("ns")),
        pa.array(in_utc, pa.timestamp("us", tz="UTC")),
    ):
        found = times(column)
        assert found.read.all()
        assert found.seconds.tolist() == expected.tolist()


def test_a_part_of_a_second_begins_no_step():
    ms = pa.array([3_599_500, 3_600_000, 3_600_500, 3_600_001], pa.timestamp("ms"))
    assert [second % 3600 == 0 for second in times(ms).seconds] == [False, True, False, False]
    # What a spreadsheet makes of an hour as a fraction of a day lies this close to it.
    ns = pa.array([3_599_999_999_700, 3_600_000_000_300], pa.timestamp("ns"))
    assert times(ns).seconds.tolist() == [3600, 3600]


def test_words():
    found = words(pa.array(["b", None, " b ", "", "a"]))
    named = [found.texts[place] if place >= 0 else None for place in found.places]
    assert named == ["b", None, "b", None, "a"]


def test_every_variable_is_known_by_its_names_and_takes_its_own_unit():
    for variable in VARIABLES.values():
        for name in (variable.name, variable.title.zh, variable.title.en, *variable.aliases):
            assert variable_of(name) is variable, name
        assert unit_of(variable, variable.unit) == (1.0, 0.0)
        assert unit_of(variable, "furlong") is None
    assert unit_of(VARIABLES["heat_kwh"], "GJ") == pytest.approx((277.7777777777778, 0.0))
    assert unit_of(VARIABLES["supply_degc"], "K") == (1.0, -273.15)


def test_columns_by_their_names():
    found = roles_of("heat_project", ["项目编号", "时间", "供热量（GJ）", "耗电量_MWh", "备注"], "f")
    assert (found.key, found.time, found.unused) == ("项目编号", "时间", ("备注",))
    assert [(w.variable.name, w.unit) for w in found.wide] == [("heat_kwh", "GJ"), ("electricity_kwh", "MWh")]
    found = roles_of("data_centre", ["data_centre_id", "time", "variable", "value", "unit", "who"], "f")
    assert found.wide == ()
    assert dict(found.long) == {"variable": "variable", "value": "value", "unit": "unit"}
    assert found.unused == ("who",)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["time", "heat_kwh"], "no column holds the heat project id"),
        (["heat_project_id", "heat_kwh"], "no column holds the time"),
        (["heat_project_id", "time"], "no column holds a variable"),
        (["heat_project_id", "time", "heat"], "'heat' does not state its unit"),
        (["heat_project_id", "time", "value"], "none that names the variable"),
        (["heat_project_id", "time", "date", "heat_kwh"], "'time' and 'date' hold the same"),
        (["heat_project_id", "time", "heat_kwh", "供热量(MWh)"], "both hold heat_kwh"),
    ],
)
def test_columns_that_cannot_be_used(names: list[str], told: str):
    with pytest.raises(InputError, match=f"^meters.csv: .*{told}"):
        roles_of("heat_project", names, "meters.csv")
