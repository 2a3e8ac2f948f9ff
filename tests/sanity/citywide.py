"""The sample's citywide totals beside published ones: `python -m tests.sanity.citywide`.

Loads and scores the built-in sample in a store of its own and prints a table in
Markdown. The sample is synthetic, so a ratio of one is not expected; what is
expected, and why, stands in the last column and is held by the test beside this file.
"""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from gis.rules import load_ruleset
from gis.runs import Runs, load_sample
from gis.settings import Settings
from gis.store import Store, open_store

KWH_PER_M3_K = 4.187 / 3.6


@dataclass(frozen=True)
class Total:
    """One figure of the sample beside the published one; `low` to `high` is the ratio that is explained."""

    item: str
    ours: float
    low: float
    high: float
    why: str


def published() -> dict[str, dict[str, str]]:
    """Return the published figures by item."""
    path = Path(__file__).with_name("published_totals.csv")
    return {row["item"]: row for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}


def _table(store: Store, name: str) -> pd.DataFrame:
    with store.engine.connect() as connection:
        return pd.read_sql(sa.text(f"SELECT * FROM result.{name}"), connection).set_index("parcel_id")


def served_m2(facts: pd.DataFrame, verdicts: pd.DataFrame, option: str) -> float:
    """Return the heated area that an option could carry where it is suitable or conditional."""
    open_ = verdicts[f"{option}_status"].isin(["suitable", "conditional"])
    area = facts["heated_area_m2"] * verdicts[f"{option}_installed_share_frac"]
    return float(area[open_].sum())


def totals(store: Store) -> list[Total]:
    """Return the totals of a scored store of the sample."""
    facts, verdicts = _table(store, "parcel_fact"), _table(store, "parcel_suitability")
    plants, fields = store.read("wastewater_plant"), store.read("geothermal_field")
    heat_gj = facts["heat_demand_mwh_per_a"].sum() * 3.6
    heated_m2 = facts["heated_area_m2"].sum()
    capacity = float(plants["design_capacity_m3_per_d"].sum())
    boreholes = facts.loc[facts["borehole_count"] > 0, "borehole_heat_mwh_per_a"]
    return [
        Total(
            "reclaimed_capacity", capacity, 0.6, 1.1,
            "29 of 67 plants, the large ones; the small ones are not in the sample",
        ),
        Total(
            "reclaimed_heat",
            capacity * 0.8 * 365 * 5 * KWH_PER_M3_K / 1e9, 0.6, 1.7,
            "5 K from the flow of a whole year at 0.8 of the design capacity; published: from the water used",
        ),
        Total(
            "field_area", float(fields.area.sum() / 1e6), 0.95, 1.05,
            "outlines drawn to the published total",
        ),
        Total(
            "heated_area", float(heated_m2), 0.1, 1.0,
            "12,000 synthetic parcels, a part of the city's building land",
        ),
        Total(
            "heat_per_area", float(heat_gj / heated_m2), 1.0, 2.0,
            "design index times full-load hours; measured networks deliver 0.65 to 0.75 of that, since"
            " buildings seldom reach the design index (actual_peak_frac of the rule set is the switch)",
        ),
        Total(
            "shallow_area", served_m2(facts, verdicts, "shallow_ground_source"), 0.02, 0.6,
            "parcels of the sample only, and a 50-year balance with spacing and fluid limits;"
            " published: a static stock of the whole plain",
        ),
        Total(
            "borehole_heat", float(boreholes.median()), 0.1, 1.0,
            "heat alone at each parcel's own balance, 120 m deep at 5 m; published: heating and cooling"
            " together, a balanced design",
        ),
        Total(
            "data_centre_area", served_m2(facts, verdicts, "waste_heat"), 1.0, 1000.0,
            "potential before citywide matching: every parcel in reach counts the same source;"
            " published: a target",
        ),
    ]  # fmt: skip


def reclaimed_heat_twh() -> float:
    """Return the published heat of reclaimed water in TWh/a: 5 K from the volume used."""
    return float(published()["reclaimed_use"]["value"]) * 5 * KWH_PER_M3_K / 1e9


def target(item: str) -> tuple[float, str, str]:
    """Return a published figure with unit and source."""
    if item == "reclaimed_heat":
        return reclaimed_heat_twh(), "TWh/a", "5 K from " + published()["reclaimed_use"]["source"]
    row = published()[item]
    return float(row["value"]), row["unit"], row["source"]


def lines(found: list[Total]) -> list[str]:
    """Return the table."""
    out = [
        "| item | sample | published | unit | ratio | explanation | source |",
        "|---|---|---|---|---|---|---|",
    ]
    for total in found:
        value, unit, source = target(total.item)
        numbers = f"{total.ours:,.4g} | {value:,.4g} | {unit} | {total.ours / value:.2f}"
        out.append(f"| {total.item} | {numbers} | {total.why} | {source} |")
    return out


def main() -> None:
    """Score the sample and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with open_store(Settings(database_url=None, data_dir=Path(folder) / "data")) as store:
            load_sample(store)
            Runs(store).score(load_ruleset())
            print("\n".join(lines(totals(store))))
            counts = _table(store, "parcel_suitability")["recommended"].fillna("none").value_counts()
            print("\n" + ", ".join(f"{name} {count:,}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
