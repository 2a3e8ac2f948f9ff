"""How long models and rules take: `python -m tests.benchmarks.bench_models [--size N] [--documents N]`.

Facts of a made-up city are given; demand, all heat models, all rules and the
portfolio run over them on all cores. First a sample of the parcels is judged one
by one and must agree to the last bit. Then documents of single parcels are
written, one after the other. Prints figures; judges nothing but equality.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the service runs

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gis.facts.columns import Attributes, Words, named
from gis.rules import RuleSet, load_ruleset
from gis.scoring import suitability_document
from gis.scoring.demand import demand_facts
from gis.scoring.engine import Rows
from gis.scoring.evaluate import evaluate
from gis.scoring.inputs import FIELD_COLUMNS, Inputs
from gis.vocabulary import FACTS, OPTIONS, VERDICTS

Facts = dict[str, Any]


class City:
    """Random facts: one seed, one city."""

    def __init__(self, size: int, seed: int = 20261121) -> None:
        self.size, self.random = size, np.random.default_rng(seed)

    def number(self, low: float, high: float, n: int, unknown: float = 0.02) -> np.ndarray:
        """Return uniform numbers of which a share is not known."""
        values = self.random.uniform(low, high, n)
        values[self.random.random(n) < unknown] = np.nan
        return values

    def word(self, words: list[str | None], n: int) -> np.ndarray:
        """Return words drawn with equal chance."""
        return np.array(words, dtype=object)[self.random.integers(0, len(words), n)]

    def words(self, words: list[str | None], n: int) -> Words:
        """Return words drawn with equal chance, by codes."""
        codes = np.array([-1 if w is None else i for i, w in enumerate(words)])
        return Words(codes[self.random.integers(0, len(words), n)], named(words))

    def parcels(self) -> pd.DataFrame:
        """Return the attributes that demand is made from."""
        n = self.size
        return pd.DataFrame(
            {
                "land_use_code": self.word(["0701", "0802", "0901", "0806", "1207", "1001", None], n),
                "building_standard": self.word(["saving", "high", "none", None], n),
                "floor_area_ratio": self.number(0.3, 4.0, n),
            }
        )

    def place(self) -> Facts:
        """Return the facts of the parcels that come from the map."""
        n, number = self.size, self.number
        return {
            "area_m2": number(2e3, 2e5, n, 0.0),
            "district": self.words(["通州区", "延庆区", "海淀区"], n),
            "township": self.words(["西集镇", "漷县镇", None], n),
            "planning_area": self.words(["plain_new_town", "central_city", "ecological", None], n),
            "land_use_code": self.words(["0701"], n),
            "building_status": self.words(["new", "existing", "renovation", None], n),
            "geothermal_pilot_area": self.words(["xiji", None], n),
            "geothermal_focus_area": self.words(["caiyu", None], n),
            "data_centre_area": self.words([None], n),
            "building_density_frac": number(0.1, 0.9, n),
            "shallow_geothermal_zone_id": self.words(["Z1", "Z2"], n),
            "shallow_suitability": self.words(["suitable", "moderate", "unsuitable"], n),
            "ground_conductivity_w_per_m_k": number(1.0, 2.4, n),
            "ground_heat_capacity_mj_per_m3_k": number(2.0, 2.8, n),
            "ground_temperature_degc": number(12.0, 16.0, n),
            "drilling_exclusion_frac": number(0.0, 0.3, n),
            "green_space_area_m2": number(0.0, 5e4, n),
            "intake_document_no": self.words([None], n),
            **{f"intake_{z}_frac": number(0.0, 0.02, n) for z in ("prohibited", "restricted", "reserve")},
            "heat_network_distance_m": number(0.0, 5e3, n),
        }

    def sources(self, prefix: str, per_parcel: float, extra: Facts) -> Rows:
        """Return candidate rows, `per_parcel` of them for a parcel on average and at least one."""
        n = self.size
        parcel = np.sort(np.r_[np.arange(n), self.random.integers(0, n, int(n * (per_parcel - 1)))])
        m = len(parcel)
        distance = self.number(0.0, 6e3, m)
        facts = {
            f"{prefix}_source_layer": self.words(["a", "b"], m),
            f"{prefix}_source_id": self.words(["s1", "s2", "s3"], m),
            f"{prefix}_source_name": self.words(["甲", "乙"], m),
            f"{prefix}_distance_m": distance,
            f"{prefix}_reach_m": np.full(m, 3e3),
            f"{prefix}_committed_kw": self.number(0.0, 5e3, m, 0.5),
            **{name: make(m) for name, make in extra.items()},
        }
        return Rows(parcel, facts, distance)

    def rows(self) -> dict[str, Rows]:
        """Return the candidate rows of every option."""
        number, words, n = self.number, self.words, self.size
        reclaimed: Facts = {
            "reclaimed_medium": lambda m: words(["reclaimed_water", "sewage", None], m),
            "reclaimed_flow_m3_per_d": lambda m: number(2e3, 5e5, m),
            "reclaimed_temperature_degc": lambda m: number(3.0, 16.0, m, 0.3),
        }
        waste: Facts = {
            "waste_heat_kind": lambda m: words(["data_centre", "gas_chp", None], m),
            "waste_heat_it_power_kw": lambda m: number(1e3, 4e4, m, 0.5),
            "waste_heat_recoverable_kw": lambda m: number(1e3, 8e4, m, 0.5),
        }
        plants: Facts = {
            "biomass_kind": lambda m: words(["waste_to_energy", "biomass"], m),
            "biomass_recoverable_kw": lambda m: number(1e3, 8e4, m),
        }
        distance = number(0.0, 2e4, n)
        field: Facts = {name: number(10.0, 100.0, n, 0.2) for name in FIELD_COLUMNS}
        field |= {
            "geothermal_field_id": words(["F1", "F2"], n),
            "geothermal_field_name": words(["甲", "乙"], n),
            "geothermal_field_overlap_frac": np.where(distance < 8e3, 1.0, 0.0),
            "geothermal_field_distance_m": distance,
            "geothermal_field_area_m2": number(1e7, 3e8, n),
            "geothermal_yield_m3_per_d": number(600.0, 4e3, n),
            "geothermal_committed_kw": number(0.0, 1e3, n),
        }
        found = {o.id: Rows(None, {}) for o in OPTIONS}
        return found | {
            "reclaimed_water": self.sources("reclaimed", 1.5, reclaimed),
            "waste_heat": self.sources("waste_heat", 1.2, waste),
            "biomass": self.sources("biomass", 1.0, plants),
            "geothermal_hydrothermal": Rows(np.arange(n), field, distance),
        }


def one(inputs: Inputs, at: int) -> Inputs:
    """Return the inputs of a single parcel."""
    rows = {}
    for option, all_rows in inputs.rows.items():
        if all_rows.parcel is None:
            rows[option] = all_rows
            continue
        own = all_rows.parcel == at
        facts = {name: values[own] for name, values in all_rows.facts.items()}
        assert all_rows.distance_m is not None
        rows[option] = Rows(np.zeros(int(own.sum()), dtype=np.int64), facts, all_rows.distance_m[own])
    return Inputs({name: values[at : at + 1] for name, values in inputs.facts.items()}, rows)


def value(column: Any, at: int) -> Any:
    """Return one value of a column of numbers, or of texts by codes."""
    return column.names[column.codes[at]] if isinstance(column, Words) else column[at]


def same(a: Any, b: Any) -> bool:
    """Return whether two values are equal, missing ones included."""
    return bool(a is b or a == b or (a != a and b != b))


def check(inputs: Inputs, found: tuple[Mapping[str, Any], Mapping[str, Any]], rules: RuleSet, n: int) -> None:
    """Judge a sample of parcels alone; every column must be what it was in company."""
    for at in np.random.default_rng(7).integers(0, len(inputs.facts["area_m2"]), n):
        alone = evaluate(one(inputs, int(at)), rules)
        for columns, declared, many in zip(alone, (FACTS, VERDICTS), found, strict=True):
            for column in declared:
                pair = value(columns[column.name], 0), value(many[column.name], at)
                assert same(*pair), f"parcel {at} {column.name}: {pair}"


def documents(found: tuple[Mapping[str, Any], Mapping[str, Any]], rules: RuleSet, n: int) -> list[float]:
    """Return the seconds that each of `n` documents took."""
    seconds = []
    for at in np.random.default_rng(8).integers(0, len(found[0]["area_m2"]), n):
        rows = [
            {c.name: value(columns[c.name], at) for c in declared}
            for columns, declared in zip(found, (FACTS, VERDICTS), strict=True)
        ]
        start = time.perf_counter()
        suitability_document({"parcel_id": str(at)} | rows[0], rows[1], rules, {"parcel": 1})
        seconds.append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--documents", type=int, default=1_000)
    arguments = parser.parse_args()
    rules, city = load_ruleset("beijing"), City(arguments.size)
    parcels, place, rows = Attributes.of(city.parcels()), city.place(), city.rows()
    for turn in range(3):
        found = None  # the results of the turn before go first, as a run has no others
        start = time.perf_counter()
        inputs = Inputs(place | demand_facts(parcels, place, rules), rows)
        demand_s = time.perf_counter() - start
        found = evaluate(inputs, rules)
        total_s = time.perf_counter() - start
        if turn == 0:
            check(inputs, found, rules, 200)
            print("200 parcels judged alone: equal", flush=True)
        print(f"{arguments.size:,} parcels: {total_s:.2f} s, of which demand {demand_s:.2f} s", flush=True)
    p50, p95 = np.percentile(np.asarray(documents(found, rules, arguments.documents)) * 1e3, [50, 95])
    print(f"{arguments.documents:,} documents: {p50:.1f} ms median, {p95:.1f} ms p95")


if __name__ == "__main__":
    main()
