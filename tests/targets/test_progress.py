"""Heated area by year against cases computed by hand, and against a count of single projects."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis.errors import NotFoundError
from gis.rules import load_ruleset
from gis.rules.loader import parse_ruleset
from gis.targets import Progress, city_areas, in_force, progress_of, tally_of
from gis.targets.progress import FIRST_TARGET, LAST_TARGET
from gis.vocabulary import TECHNOLOGIES
from tests.targets.conftest import outlines, projects

RULES = load_ruleset()
AIR = "air_source"
WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)


def told(rows: list[dict[str, Any]], as_of: date) -> Progress:
    return progress_of(tally_of(projects(*rows), None), RULES, as_of, 1, WRITTEN)


def by_year(progress: Progress) -> dict[int, Any]:
    return {year.year: year for year in progress.years}


# A project of each kind; areas are powers of two, so that a sum tells what is in it.
CASE: list[dict[str, Any]] = [
    {"status": "running", "commissioned_on": date(2022, 12, 31), "heated_area_m2": 1.0, "technology": AIR},
    {"status": "running", "commissioned_on": date(2023, 1, 1), "heated_area_m2": 2.0,
     "technology": "geothermal"},
    {"status": "running", "heated_area_m2": 4.0, "technology": "geothermal"},
    {"status": "ended", "commissioned_on": date(2022, 5, 1), "ended_on": date(2024, 12, 31),
     "heated_area_m2": 8.0, "technology": "waste_heat"},
    {"status": "ended", "ended_on": date(2024, 6, 1), "heated_area_m2": 16.0, "technology": "waste_heat"},
    {"status": "construction", "expected_on": date(2027, 10, 1), "heated_area_m2": 32.0,
     "technology": "geothermal"},
    {"status": "approved", "expected_on": date(2026, 5, 31), "heated_area_m2": 64.0, "technology": "biomass"},
    {"status": "approved", "heated_area_m2": 128.0, "technology": "biomass"},
    {"status": "idea", "expected_on": date(2028, 1, 1), "heated_area_m2": 256.0, "technology": "biomass"},
    {"status": "running", "commissioned_on": date(2023, 7, 1), "ended_on": date(2029, 3, 1),
     "technology": "reclaimed_water"},
    {"status": "running", "commissioned_on": date(2024, 7, 1), "ended_on": date(2029, 3, 1),
     "heated_area_m2": 512.0, "technology": "reclaimed_water"},
    {"heated_area_m2": 1024.0, "technology": "geothermal"},
    {"status": "construction", "expected_on": date(2031, 1, 1), "heated_area_m2": 2048.0,
     "technology": AIR},
]  # fmt: skip


def test_years_targets_and_what_has_no_day() -> None:
    progress = told(CASE, date(2026, 6, 1))
    years = by_year(progress)
    assert list(years) == list(range(2022, LAST_TARGET + 1))
    expected = {2022: 9, 2023: 11, 2024: 515, 2025: 515, 2026: 519, 2027: 551, 2028: 551, 2029: 39, 2030: 39}
    assert {year: one.areas.heated_area_m2 for year, one in years.items()} == expected
    assert {year: one.areas.unknown_area_count for year, one in years.items()} == {
        year: int(2023 <= year < 2029) for year in expected
    }
    areas = [one.areas for one in progress.years]
    assert {one.heated_area_m2 - one.without_air_area_m2 for one in areas} == {1}
    assert [one.basis for one in progress.years] == ["past"] * 4 + ["present"] + ["forecast"] * 4
    assert (progress.running_undated.heated_area_m2, progress.ended_undated.heated_area_m2) == (4, 16)
    assert progress.status_unknown.heated_area_m2 == 1024
    pipeline, ideas = progress.pipeline, progress.ideas
    assert [(one.year, one.areas.heated_area_m2) for one in pipeline.years] == [(2027, 32), (2031, 2048)]
    assert (pipeline.overdue.heated_area_m2, pipeline.undated.heated_area_m2) == (64, 128)
    assert [(one.year, one.areas.heated_area_m2) for one in ideas.years] == [(2028, 256)]
    first, last = progress.targets
    assert (first.year, first.basis, first.reached.heated_area_m2) == (2025, "past", 515)
    assert (first.area_m2, first.needed_area_m2, first.gap_m2) == (1.45e8, 1.45e8, 1.45e8 - 515)
    assert first.undated.heated_area_m2 == 4 + 16
    assert (last.year, last.basis, last.area_m2) == (2030, "forecast", None)
    assert last.needed_area_m2 == pytest.approx(0.15 * 1.45e9)
    assert last.gap_without_air_m2 == pytest.approx(0.15 * 1.45e9 - 38)
    assert last.undated.heated_area_m2 == 64 + 128


def test_a_target_of_this_year_counts_what_is_to_come_until_its_end() -> None:
    rows = [
        {"status": "running", "commissioned_on": date(2025, 2, 1), "heated_area_m2": 1.0},
        {"status": "construction", "expected_on": date(2025, 12, 31), "heated_area_m2": 2.0},
        {"status": "construction", "expected_on": date(2026, 1, 1), "heated_area_m2": 4.0},
    ]
    progress = told(rows, date(2025, 6, 1))
    assert progress.targets[0].basis == "forecast"
    assert progress.targets[0].reached.heated_area_m2 == 3.0
    assert by_year(progress)[2025].areas.heated_area_m2 == 1.0


def test_the_figure_of_the_city_in_force_in_each_year() -> None:
    figures = city_areas(RULES)
    assert [one.heated_area_m2 for one in figures] == [7.3143e8, 7.5e8, 1e9, 1.45e9]
    assert {one.kind for one in figures} == {"assumption"}
    held = {
        2011: None,
        2012: 7.3143e8,
        2015: 7.5e8,
        2022: 1e9,
        2024: 1e9,
        2025: 1.45e9,
    }
    for year, m2 in held.items():
        found = in_force(figures, date(year, 12, 31))
        assert (found and found.heated_area_m2) == m2
    rows = [{"status": "running", "commissioned_on": date(2010, 3, 1), "heated_area_m2": 1e6}]
    years = by_year(told(rows, date(2026, 1, 1)))
    assert (years[2010].share_frac, years[2010].areas.heated_area_m2) == (None, 1e6)
    assert years[2012].share_frac == 1e6 / 7.3143e8
    assert years[2026].share_frac == 1e6 / 1.45e9


def test_the_area_is_split_by_capacity_where_several_are_given() -> None:
    rows = [
        {"status": "running", "technology": "geothermal", "heated_area_m2": 100.0, "geothermal_kw": 300.0,
         "air_source_kw": 100.0, "biomass_kw": 0.0},
        {"status": "running", "technology": "geothermal", "heated_area_m2": 8.0, "air_source_kw": 50.0},
        {"status": "running", "heated_area_m2": 3.0, "biomass_kw": 50.0},
        {"status": "running", "heated_area_m2": 5.0},
    ]  # fmt: skip
    areas = by_year(told(rows, date(2026, 1, 1)))[2026].areas
    found = {part.technology: (part.heated_area_m2, part.project_count) for part in areas.technologies}
    assert found == {"geothermal": (83.0, 2), AIR: (25.0, 0), "biomass": (3.0, 1), None: (5.0, 1)}
    assert (areas.heated_area_m2, areas.without_air_area_m2) == (116.0, 91.0)


def test_air_source_counts_as_the_rules_say() -> None:
    portfolio = str(RULES.content["portfolio.yaml"])
    at = portfolio.index("air_source_counted_frac:")
    halved = portfolio[:at] + portfolio[at:].replace("value: 1}", "value: 0.5}", 1)
    texts = {name: str(text).encode() for name, text in RULES.content.items()}
    ruleset = parse_ruleset(texts | {"portfolio.yaml": halved.encode()}, date(2026, 1, 1))
    rows = [{"status": "running", "technology": t, "heated_area_m2": 2e6} for t in (AIR, "biomass")]
    progress = progress_of(tally_of(projects(*rows), None), ruleset, date(2026, 1, 1), 1, WRITTEN)
    now = by_year(progress)[2026]
    assert (now.areas.heated_area_m2, now.areas.counted_area_m2) == (4e6, 3e6)
    assert (now.share_frac, now.share_without_air_frac) == (3e6 / 1.45e9, 2e6 / 1.45e9)
    assert progress.targets[1].gap_m2 == pytest.approx(0.15 * 1.45e9 - 3e6)


def test_where_no_area_is_known_it_is_not_zero() -> None:
    progress = told([{"status": "running", "technology": AIR}], date(2026, 1, 1))
    now = by_year(progress)[2026]
    assert (now.areas.heated_area_m2, now.areas.project_count, now.share_frac) == (None, 1, None)
    assert progress.targets[1].gap_m2 is None
    assert by_year(progress)[2025].areas.heated_area_m2 == 0.0


def test_a_project_without_a_district_lies_in_the_outline_that_holds_it() -> None:
    rows = [
        {"status": "running", "heated_area_m2": 1.0, "at": (5.0, 5.0)},
        {"status": "running", "heated_area_m2": 2.0, "at": (10.0, 5.0)},  # on the line between both
        {"status": "running", "heated_area_m2": 4.0, "district": "B", "at": (5.0, 5.0)},
        {"status": "running", "heated_area_m2": 8.0},
    ]
    districts = outlines(B=(10, 0, 20, 10), A=(0, 0, 10, 10))
    tally = tally_of(projects(*rows), districts)
    assert list(tally.district) == ["A", "A", "B", None]
    rows_now = [
        r for r in progress_of(tally, RULES, date(2026, 1, 1), 1, WRITTEN).rows if r.basis == "running"
    ]
    assert [(r.district, r.heated_area_m2) for r in rows_now] == [("A", 3.0), ("B", 4.0), (None, 8.0)]


DAY = st.none() | st.dates(date(1990, 1, 1), date(2035, 12, 31))
PROJECT = st.fixed_dictionaries(
    {
        "status": st.sampled_from([None, "idea", "approved", "construction", "running", "ended"]),
        "technology": st.sampled_from([None, *TECHNOLOGIES]),
        "district": st.sampled_from([None, "A", "B"]),
        "heated_area_m2": st.just(float("nan")) | st.floats(0, 1e7),
        "commissioned_on": DAY,
        "ended_on": DAY,
        "expected_on": DAY,
        **{f"{name}_kw": st.just(float("nan")) | st.floats(0, 1e4) for name in TECHNOLOGIES[:3]},
    }
)


def counted(row: dict[str, Any], year: int, as_of: date) -> bool:
    """Say of a single project whether it is in a year, in words of the policy's table."""
    last, began, ended = date(year, 12, 31), row["commissioned_on"], row["ended_on"]
    if year == as_of.year:
        return bool(row["status"] == "running")
    if year < as_of.year:
        if row["status"] == "ended" and ended is None:
            return False
        there = row["status"] in ("running", "ended") and began is not None and began <= last
        return bool(there and (ended is None or ended > last))
    if row["status"] == "running":
        return ended is None or ended > last
    expected = row["expected_on"]
    return (
        row["status"] in ("approved", "construction") and expected is not None and as_of <= expected <= last
    )


@settings(max_examples=40)
@given(rows=st.lists(PROJECT, max_size=8), as_of=st.dates(date(2024, 1, 1), date(2032, 12, 31)))
def test_sums_are_those_of_single_projects_and_of_parts(rows: list[dict[str, Any]], as_of: date) -> None:
    progress = told(rows, as_of)
    assert {FIRST_TARGET, LAST_TARGET, as_of.year} <= set(by_year(progress))
    for year, one in by_year(progress).items():
        mine = [row["heated_area_m2"] for row in rows if counted(row, year, as_of)]
        known = [m2 for m2 in mine if not np.isnan(m2)]
        areas = one.areas
        assert (areas.project_count, areas.unknown_area_count) == (len(mine), len(mine) - len(known))
        assert (areas.heated_area_m2 is None) == (bool(mine) and not known)
        assert (areas.heated_area_m2 or 0) == pytest.approx(sum(known))
        groups = [areas.technologies]
        if one.basis != "forecast":
            groups.append(tuple(r for r in progress.rows if (r.basis, r.year) == ("running", year)))
        for parts in groups:
            assert sum(part.heated_area_m2 or 0 for part in parts) == pytest.approx(sum(known))
            assert sum(part.project_count for part in parts) == len(mine)
            assert sum(part.unknown_area_count for part in parts) == len(mine) - len(known)
    pipeline = [row for row in rows if row["status"] in ("approved", "construction")]
    kinds = [
        *(one.areas for one in progress.pipeline.years),
        progress.pipeline.overdue,
        progress.pipeline.undated,
    ]
    assert sum(kind.project_count for kind in kinds) == len(pipeline)


def test_years_begin_with_the_first_project_that_ever_ran() -> None:
    gone = {"status": "ended", "commissioned_on": date(2008, 1, 1), "ended_on": date(2010, 6, 1)}
    years = by_year(told([{**gone, "heated_area_m2": 5.0}], date(2026, 1, 1)))
    assert next(iter(years)) == 2008
    assert [years[year].areas.heated_area_m2 for year in (2008, 2009, 2010, 2026)] == [5.0, 5.0, 0.0, 0.0]


def test_rules_without_targets_are_told() -> None:
    texts = {name: str(text) for name, text in RULES.content.items()}
    lines = texts["portfolio.yaml"].replace("target_2030_share_frac", "another_share_frac")
    ruleset = parse_ruleset(
        {name: text.encode() for name, text in (texts | {"portfolio.yaml": lines}).items()}, date(2026, 1, 1)
    )
    with pytest.raises(NotFoundError, match="has no parameter target_2030_share_frac"):
        progress_of(tally_of(projects(), None), ruleset, date(2026, 1, 1), 1, WRITTEN)
