"""Break OneMap on purpose and look at what is left: `python -m tests.faults.run [--kills 200] [--seed 1]`.

Programs are killed (kill -9), stopped (Ctrl-C) and cut off from the database at random moments of all
commands that write; servers are killed, disks are full, clocks are set back, and two programs work at once.
Afterwards the store has to be as before or as after, whole, and the same command again has to give what it
gives undisturbed. `--only import,score` breaks these kinds of commands alone. A full disk is one in memory,
which only root may mount.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from gis.settings import Settings
from gis.store import open_store
from tests.faults.bench import Bench, Outcome, disconnect, interrupt, kill
from tests.faults.cases import Case, all_cases, reading_cases
from tests.faults.city import City, made_city
from tests.faults.homes import Homes
from tests.faults.together import PAIRS, Together, clock_set_back

KINDS = ("import", "score", "match", "export", "migrate", "potential")
OTHERS = ("read", "disk", "clock", "together")
HEADS = (
    "fault",
    "faults",
    "hit before end",
    "old state",
    "new state",
    "rows lost",
    "inconsistent",
    "reruns failed",
)
FREE_KB = (50, 300, 1_000, 3_000)


def _cycles(
    bench: Bench, homes: Homes, city: City, kills: int, seed: int, kinds: set[str]
) -> Iterator[Callable[[], Outcome]]:
    """Yield all that is to be done, each when it is its turn."""
    cases = [case for case in all_cases(city) if case.kind in kinds]
    random = Random(seed)

    def some(count: int, of: list[Case] = cases) -> list[Case]:
        """Return cases, every one as often as the others."""
        return (
            [case for _ in range(count // len(of) + 1) for case in random.sample(of, len(of))][:count]
            if of
            else []
        )

    for case in some(kills):
        yield lambda case=case: bench.cycle("kill -9", case, kill)  # type: ignore[misc]
    for case in some(kills // 8):
        yield lambda case=case: bench.cycle("Ctrl-C", case, interrupt)  # type: ignore[misc]
    for case in some(kills // 8):
        yield lambda case=case: bench.cycle("connections dropped", case, disconnect)  # type: ignore[misc]
    own = [
        case
        for case in cases
        if case.name in ("import replace", "score all", "match", "migrate", "export vct")
    ]
    for case in some(kills // 20, own):
        yield lambda case=case: homes.cycle("Ctrl-C", case, interrupt)  # type: ignore[misc]
        yield lambda case=case: homes.cycle("server killed", case, homes.kill_server)  # type: ignore[misc]
    for case in reading_cases(city) if "read" in kinds else ():
        yield lambda case=case: homes.cycle("Ctrl-C", case, interrupt)  # type: ignore[misc]
    if "disk" in kinds:
        for case in [
            case for case in all_cases(city) if case.name in ("import replace", "score all", "export gpkg")
        ]:
            for free_kb in FREE_KB:
                yield lambda case=case, free_kb=free_kb: homes.full(case, free_kb)  # type: ignore[misc]
    if "clock" in kinds:
        for case in [
            case for case in all_cases(city) if case.name in ("import replace", "import raster", "score part")
        ]:
            yield lambda case=case: clock_set_back(bench, case)  # type: ignore[misc]
    if "together" in kinds:
        together = Together(bench, all_cases(city))
        for pair in PAIRS * 2:
            yield lambda pair=pair: together.pair(*pair)  # type: ignore[misc]


def _table(outcomes: list[Outcome], cases: dict[str, str]) -> list[str]:
    """Return a line for every kind of fault, and one for all."""
    rows: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        kind = cases.get(one.case.partition(",")[0], "") if one.kind == "kill -9" else ""
        rows[f"{one.kind} {kind}".strip()].append(one)
    rows["all"] = outcomes
    lines = [" | ".join(HEADS)]
    for name, found in rows.items():
        reruns = sum(one.rerun.startswith("rerun") for one in found)
        bad = sum(any(not w.startswith("rerun") for w in one.wrong) for one in found)
        sides = [sum(one.side == side for one in found) for side in ("old", "new")]
        counts = (
            len(found),
            sum(one.hit for one in found),
            *sides,
            sum(one.lost for one in found),
            bad,
            reruns,
        )
        lines.append(" | ".join([name, *map(str, counts)]))
    return lines


def run(kills: int, seed: int, kinds: set[str], folder: Path) -> list[str]:
    """Do all cycles, print what came of them, and return what was wrong."""
    data, outcomes = folder / "data", list[Outcome]()
    with open_store(Settings(database_url=None, data_dir=data)) as store:
        city = made_city(store.engine.url.set(database="postgres"), folder / "files")
    homes = Homes(city, data, folder / "homes", seed)
    begin_s = time.monotonic()
    try:
        with open_store(Settings(database_url=None, data_dir=data)):
            for cycle in _cycles(Bench(city, folder / "bench", seed), homes, city, kills, seed, kinds):
                outcomes.append(one := cycle())
                _tell(one, len(outcomes))
    finally:
        # Told however it ends, so that nothing of many minutes is lost.
        print(f"{len(outcomes)} faults in {time.monotonic() - begin_s:.0f} s")
        print(*_table(outcomes, {case.name: case.kind for case in all_cases(city)}), sep="\n")
        longest_s = max((one.quiet_s for one in outcomes), default=0.0)
        print(f"sessions of programs that were gone went on for {longest_s:.2f} s at most", flush=True)
    return [what for one in outcomes for what in one.wrong]


def _tell(one: Outcome, number: int) -> None:
    hit = "hit" if one.hit else "after its end"
    print(f"{number:>4} {one.kind}, {one.case}: {hit}, {one.side}, rerun {one.rerun or 'none'}", flush=True)
    for what in one.wrong:
        print(f"WRONG: {one.kind}, {one.case}: {what}", flush=True)


def main() -> None:
    """Read the options and break things."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", help=f"some of {','.join(KINDS + OTHERS)}")
    told = options.parse_args()
    kinds = set(told.only.split(",")) if told.only else {*KINDS, *OTHERS}
    if unknown := kinds - {*KINDS, *OTHERS}:
        options.error(f"--only {min(unknown)} is none of {', '.join(KINDS + OTHERS)}")
    with tempfile.TemporaryDirectory(prefix="onemap-faults-") as folder:
        Path(folder).chmod(0o755)
        sys.exit(bool(run(told.kills, told.seed, kinds, Path(folder))))


if __name__ == "__main__":
    main()
