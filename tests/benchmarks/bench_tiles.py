"""How long tiles take and how large they are: `python -m tests.benchmarks.bench_tiles DATA_DIR`.

Over a scored and matched store that `tests.benchmarks.city` made, served by a program of its own on the
same machine. Six connections fetch viewports of 6 x 4 tiles anywhere in the city, every viewport of every
layer: once cold, with the kept tiles dropped, and once warm. Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import sqlalchemy as sa

from gis.settings import Settings
from gis.store import open_store
from gis.webmap.match_tiles import MATCH_LAYERS
from gis.webmap.tiles import RESULT_LAYER
from layers import LAYERS
from tests.benchmarks.service import served

CONNECTIONS = 6
WIDE, HIGH = 6, 4
ZOOMS = range(8, 17)
GROUPS = {"results": (RESULT_LAYER, *MATCH_LAYERS), "layers": tuple(LAYERS)}
KEPT = "meta.tile"
"""The table of rendered tiles."""
BOX = "SELECT ST_Extent(ST_Transform(geom, 4326)) FROM layer.parcel"

Tile = tuple[str, int, int, int]


class Answer(NamedTuple):
    """One tile as it came."""

    tile: Tile
    seconds: float
    sent: int
    raw: bytes


def viewports(box: Sequence[float], zoom: int, count: int, random: np.random.Generator) -> list[list[Tile]]:
    """Return the places of `count` viewports whose middles lie anywhere in a box of degrees."""
    side = 2**zoom
    found = []
    for lon, lat in zip(
        random.uniform(box[0], box[2], count), random.uniform(box[1], box[3], count), strict=True
    ):
        x = int((lon + 180) / 360 * side) - WIDE // 2
        y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * side) - HIGH // 2
        found.append([("", zoom, x + i, y + j) for i in range(WIDE) for j in range(HIGH)])
    return found


class Client:
    """Connections that stay open and share out the tiles of a viewport as a browser does."""

    def __init__(self, port: int, path: str = "/tiles/{}/{}/{}/{}.mvt") -> None:
        self._path = path
        self._pool = ThreadPoolExecutor(CONNECTIONS)
        self._free = [http.client.HTTPConnection("127.0.0.1", port) for _ in range(CONNECTIONS)]

    def fetch(self, tiles: Sequence[Tile]) -> list[Answer]:
        """Fetch tiles, six at a time."""
        return list(self._pool.map(self._one, tiles))

    def _one(self, tile: Tile) -> Answer:
        connection = self._free.pop()
        start = time.perf_counter()
        connection.request("GET", self._path.format(*tile), headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        body = response.read()
        seconds = time.perf_counter() - start
        self._free.append(connection)
        if response.status not in (200, 204):
            raise SystemExit(f"{tile}: {response.status} {body[:300]!r}")
        packed = response.headers.get("Content-Encoding") == "gzip"
        return Answer(tile, seconds, len(body), gzip.decompress(body) if packed else body)


def busy_s(roots: Sequence[int]) -> float:
    """Return the processor seconds of some processes, and of all that descend from them and live."""
    own = [psutil.Process(pid) for pid in roots]
    total = 0.0
    for process in {*own, *(below for one in own for below in one.children(recursive=True))}:
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def told(label: str, answers: Sequence[Answer], busy: float) -> None:
    """Print the figures of a pass."""
    p50, p95, top = np.percentile([a.seconds * 1e3 for a in answers], [50, 95, 100])
    largest = max(answers, key=lambda a: a.sent)
    raw = max(answers, key=lambda a: len(a.raw))
    print(
        f"{label:<22}{p50:8.1f}{p95:8.1f}{top:9.1f} ms {busy / len(answers) * 1e3:7.1f} CPU ms a tile"
        f"{largest.sent / 1e3:8.0f} kB sent ({largest.tile[0]})"
        f" {len(raw.raw) / 1e3:6.0f} kB raw ({raw.tile[0]})",
        flush=True,
    )


def main() -> None:
    """Serve, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--viewports", type=int, default=3, help="of each layer at each zoom")
    parser.add_argument("--zooms", type=int, nargs="+", default=list(ZOOMS))
    parser.add_argument("--layers", nargs="+", help="only these")
    options = parser.parse_args()
    random = np.random.default_rng(20261122)
    with (
        open_store(Settings(database_url=None, data_dir=options.data_dir)) as store,
        served(options.data_dir, options.workers) as service,
    ):
        with store.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            box = [float(s) for s in str(connection.scalar(sa.text(BOX)))[4:-1].replace(",", " ").split()]
            database = int(connection.scalar(sa.text("SELECT pg_backend_pid()")) or 0)
        roots = (
            service.process.pid,
            int(Path(f"/proc/{database}/stat").read_text().rpartition(")")[2].split()[1]),
        )
        client = Client(service.port)
        print(f"{'':<22}{'p50':>8}{'p95':>8}{'max':>9}")
        for zoom in options.zooms:
            places = viewports(box, zoom, options.viewports, random)
            for group, names in GROUPS.items():
                asked = [n for n in names if options.layers is None or n in options.layers]
                views = [[(name, *tile[1:]) for tile in view] for name in asked for view in places]
                if not views:
                    continue
                with store.engine.begin() as connection:
                    connection.execute(sa.text(f"TRUNCATE {KEPT}"))
                for state in ("cold", "warm"):
                    before = busy_s(roots)
                    answers = [answer for view in views for answer in client.fetch(view)]
                    told(f"z{zoom} {group} {state}", answers, busy_s(roots) - before)


if __name__ == "__main__":
    main()
