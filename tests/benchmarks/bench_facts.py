"""How long geometry takes, ours and others': `python -m tests.benchmarks.bench_facts [--parcels 300000]`.

One city, one machine, one run: every peer answers the same questions about the
same parcels, and its answer must be ours before its time counts. What is timed:

- ours: kernels over arrays in memory, all cores, best of several; PostGIS: a query
  into an unlogged table; DuckDB and SedonaDB: a query over tables in memory; shapely:
  all cores, and GeoPandas: one, over geometry objects in memory.
- Every query is warm: it ran on a part of the parcels before. Indexes of the layers
  are built before the clock starts ("index build" tells how long that took), except
  where a peer builds one in every query (DuckDB, SedonaDB).
- A query that would take more than a minute is timed on a part of the parcels, spread
  over the city; its time is scaled up and marked "~".
"""

from __future__ import annotations

import argparse
import importlib
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import shapely

from gis.compiled import CORES
from gis.settings import Settings
from gis.store import open_store
from tests.benchmarks.city import FORMS, City, make_city
from tests.benchmarks.peers.questions import FACTS, Fact, Peer, Rows

PEERS = {
    "ours": "kernels:Ours",
    "postgis": "postgis:PostGIS",
    "geopandas": "geopandas_idiom:GeoPandas",
    "shapely": "library:Library",
    "duckdb": "duckdb_sql:DuckDB",
    "sedona": "sedona:Sedona",
}
REPEATS = 5
LONG_S = 60.0
RELATIVE = 1e-6
# Northings of 4.4e6 m are known to 1e-9 m: nothing is known better than that along an outline.
ROUNDING_M = 4e-9
SLIVER_FRAC = 1e-9
TOUCH_M = 1e-6
# Chords of ST_Buffer(quad_segs = 64), of angle a, lose this share of the area under an arc: 1 - sin(a) / a.
ARC_LOSS = 1 - math.sin(math.pi / 128) / (math.pi / 128)


class DifferenceError(AssertionError):
    """A peer's answer is not ours."""


def fail(fact: Fact, names: tuple[str, str], parcel: int, values: tuple[object, object], wrong: int) -> None:
    """Stop with the first parcel where two answers differ."""
    told = ", ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
    raise DifferenceError(f"{fact.title}: {wrong} answers differ, the first for parcel {parcel}: {told}")


def check(city: City, fact: Fact, step: int, answers: dict[str, Rows]) -> None:
    """Make sure that two answers agree for every `step`-th parcel; DifferenceError where they do not."""
    compare = check_areas if fact.ask in ("overlap", "whole_area", "halo") else check_neighbours
    compare(city, fact, step, answers)


def check_areas(city: City, fact: Fact, step: int, answers: dict[str, Rows]) -> None:
    """Compare areas a parcel: to RELATIVE, above what rounding and (halo) the chords of arcs can do."""
    n = len(city.parcel)
    a, b = (np.bincount(rows.parcel, weights=rows.value, minlength=n)[::step] for rows in answers.values())
    parcels = city.parcel[::step]
    tolerance = RELATIVE * np.maximum(a, b)
    tolerance += ROUNDING_M * shapely.length(parcels) + SLIVER_FRAC * shapely.area(parcels)
    if fact.ask == "halo":
        full_turn = ARC_LOSS * math.pi * fact.reach_m**2
        # The outline of a part that turns in and out has arcs of more than one full turn.
        tolerance += 2 * full_turn * shapely.get_num_geometries(parcels)
    wrong = np.flatnonzero(~(np.abs(a - b) <= tolerance))
    if len(wrong):
        i = wrong[0]
        fail(fact, tuple(answers), i * step, (f"{a[i]} m2", f"{b[i]} m2"), len(wrong))


def check_neighbours(city: City, fact: Fact, step: int, answers: dict[str, Rows]) -> None:
    """Compare distances rank by rank, and features; another feature is right where it is as near."""
    names = tuple(answers)
    ranked = []
    for rows in answers.values():
        own = np.flatnonzero(rows.parcel % step == 0)
        order = own[np.lexsort((rows.feature[own], rows.value[own], rows.parcel[own]))]
        ranked.append(Rows(rows.parcel[order], rows.feature[order], rows.value[order]))
    a, b = ranked
    count = [np.bincount(rows.parcel, minlength=len(city.parcel)) for rows in ranked]
    wrong = np.flatnonzero(count[0] != count[1])
    if len(wrong):
        i = wrong[0]
        fail(fact, names, i, (f"{count[0][i]} features", f"{count[1][i]} features"), len(wrong))
    tolerance = RELATIVE * a.value + TOUCH_M
    wrong = np.flatnonzero(~(np.abs(a.value - b.value) <= tolerance))
    if len(wrong):
        i = wrong[0]
        fail(fact, names, a.parcel[i], (f"{a.value[i]} m", f"{b.value[i]} m"), len(wrong))
    other = np.flatnonzero(a.feature != b.feature)
    features = getattr(city, fact.layer)
    for rows in ranked:
        real = shapely.distance(city.parcel[rows.parcel[other]], features[rows.feature[other]])
        wrong = other[np.abs(real - rows.value[other]) > tolerance[other]]
        if len(wrong):
            i = wrong[0]
            fail(fact, names, a.parcel[i], (f"feature {a.feature[i]}", f"feature {b.feature[i]}"), len(wrong))


@dataclass
class Column:
    """The times of one peer by fact; `scaled` names those that were measured on a part of the parcels."""

    title: str
    build_s: float
    seconds: dict[str, float] = field(default_factory=dict)
    scaled: set[str] = field(default_factory=set)


def timed(run: Callable[[], Callable[[], Rows] | None]) -> tuple[float, Callable[[], Rows] | None]:
    """Return the seconds a query took, and what fetches its answer."""
    start = time.perf_counter()
    fetch = run()
    return time.perf_counter() - start, fetch


def ask(city: City, peer: Peer, names: list[str], step: int, known: dict[str, tuple[str, Rows]]) -> Column:
    """Ask a peer everything; answers are compared with those `known`, or become known."""
    column = Column(peer.title, peer.build_s)
    for name in names:
        fact = FACTS[name]
        first = name not in known
        taken = 1 if first else step
        seconds, fetch = timed(lambda f=fact, s=taken: peer.run(f, s))
        if fetch is None:
            continue
        if first:
            seconds = min(timed(lambda f=fact: peer.run(f, 1))[0] for _ in range(REPEATS))
            known[name] = (peer.title, fetch())
        else:
            taken = 1 if seconds * step <= LONG_S else step
            seconds, fetch = timed(lambda f=fact, s=taken: peer.run(f, s))
            reference, rows = known[name]
            check(city, fact, taken, {reference: rows, peer.title: fetch()})
        column.seconds[name] = seconds * taken
        if taken > 1:
            column.scaled.add(name)
        told = f"{column.seconds[name]:.3f} s{' (scaled)' if taken > 1 else ''}"
        print(f"  {peer.title}: {fact.title}: {told}{'' if first else ', equal'}", flush=True)
    return column


def table(columns: list[Column], names: list[str]) -> str:
    """Return the table: seconds, and how many times the first column's."""
    base = columns[0]

    def cell(column: Column, seconds: float | None, mark: bool, of: float | None) -> str:
        if seconds is None:
            return "-"
        ratio = "" if column is base or not of else f" {seconds / of:5.1f}x"
        return f"{'~' if mark else ''}{seconds:.3f}{ratio}"

    rows = [["seconds", *(c.title for c in columns)]]
    for name in names:
        of = base.seconds.get(name)
        cells = [cell(c, c.seconds.get(name), name in c.scaled, of) for c in columns]
        rows.append([FACTS[name].title, *cells])
    shared = [n for n in names if all(n in c.seconds for c in columns)]
    totals = [sum(c.seconds[n] for n in shared) for c in columns]
    marks = [bool(c.scaled & set(shared)) for c in columns]
    total = [cell(c, t, m, totals[0]) for c, t, m in zip(columns, totals, marks, strict=True)]
    rows.append(["all that all can answer", *total])
    rows.append(["index build (not in the above)", *(f"{c.build_s:.3f}" for c in columns)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        title, *cells = (text.rjust(width) for text, width in zip(row, widths, strict=True))
        lines.append("  ".join([title.strip().ljust(widths[0]), *cells]))
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of a new PostGIS database that goes with the program."""
    with tempfile.TemporaryDirectory(prefix="onemap-bench-") as name:
        Path(name).chmod(0o755)
        with open_store(Settings(database_url=None, data_dir=Path(name) / "data")) as store:
            yield store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def compare(city: City, peers: list[str], names: list[str], part: int, url: str | None) -> list[Column]:
    """Ask all peers in turn; the first one's answers are the measure of the others'."""
    step = max(1, len(city.parcel) // part)
    known: dict[str, tuple[str, Rows]] = {}
    columns = []
    for peer_name in peers:
        module, kind = PEERS[peer_name].split(":")
        make = getattr(importlib.import_module(f"tests.benchmarks.peers.{module}"), kind)
        with ExitStack() as stack:
            more = [url or stack.enter_context(database())] if peer_name == "postgis" else []
            peer: Peer = make(city, *more)
            stack.callback(peer.close)
            columns.append(ask(city, peer, names, step, known))
    return columns


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parcels", type=int, default=300_000)
    parser.add_argument("--city", choices=list(FORMS), default="even")
    parser.add_argument("--only", nargs="+", choices=list(FACTS), default=list(FACTS), help="these facts")
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument(
        "--peer-parcels", type=int, default=30_000, help="the part that slow peers are timed on"
    )
    options = parser.parse_args()
    start = time.perf_counter()
    city = make_city(options.parcels, options.city)
    sizes = ", ".join(
        f"{len(shapes):,} {name} x {shapely.get_num_coordinates(shapes).mean():.0f} vertices"
        for name, shapes in vars(city).items()
        if name not in ("east", "north")
    )
    print(f"{options.city} city in {time.perf_counter() - start:.1f} s: {sizes}; {CORES} cores", flush=True)
    columns = compare(city, options.peers, options.only, options.peer_parcels, None)
    print(f"\n{table(columns, options.only)}")


if __name__ == "__main__":
    main()
