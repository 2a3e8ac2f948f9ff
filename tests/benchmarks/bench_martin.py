"""Tiles beside martin, in one run: `python -m tests.benchmarks.bench_martin DATA_DIR --martin FILE`.

martin (a tile server in Rust: `cargo install martin --no-default-features --features postgres`) draws the
layers straight from their tables, as it does out of the box. Six connections fetch viewports of 6 x 4 tiles
from both, first cold and then warm; from zoom 14 on both must show the same features, tile by tile. Below
that martin shows shapes that are too small to see, and ours shows what covers most.

CPU is that of the web processes, without the database.
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pyogrio
import sqlalchemy as sa

from gis.settings import Settings
from gis.store import Store, open_store
from layers import LAYERS
from tests.benchmarks.bench_tiles import BOX, KEPT, Answer, Client, busy_s, told, viewports
from tests.benchmarks.service import served

SHOWN = ("parcel", "green_space", "reclaimed_water_pipeline")
ZOOMS = range(8, 17)
SAME_FROM_ZOOM = 14
KINDS = {"polygon": "MULTIPOLYGON", "line": "MULTILINESTRING", "point": "POINT"}
START_S = 60.0


def settings(store: Store, port: int) -> str:
    """Return the settings of martin: the tables of layers, two workers, as many connections as ours."""
    url = store.engine.url
    host = quote(str(url.query["host"]), safe="")
    tables = {
        layer: {
            "schema": "layer",
            "table": layer,
            "srid": 4548,
            "geometry_column": "geom",
            "geometry_type": KINDS[LAYERS[layer].geometry],
            "properties": {LAYERS[layer].key: "text"},
        }
        for layer in SHOWN
    }
    postgres = {
        "connection_string": f"postgresql://{url.username}@{host}/{url.database}",
        "pool_size": 6,
        "auto_publish": False,
        "tables": tables,
    }
    # JSON is YAML.
    return json.dumps({"listen_addresses": f"127.0.0.1:{port}", "worker_processes": 2, "postgres": postgres})


@contextmanager
def martin(binary: Path, store: Store) -> Iterator[tuple[int, int]]:
    """Serve the store by martin; give port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "martin.yaml"
        config.write_text(settings(store, port))
        with subprocess.Popen([str(binary), "--config", str(config)], stdout=subprocess.DEVNULL) as process:
            try:
                _wait(port)
                yield port, process.pid
            finally:
                process.terminate()


def _wait(port: int) -> None:
    limit = time.monotonic() + START_S
    while time.monotonic() < limit:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit("error: martin did not start.")


def shown(answer: Answer, folder: Path) -> set[str]:
    """Return the keys of the features of a tile."""
    if not answer.raw:
        return set()
    (folder / "tile.mvt").write_bytes(answer.raw)
    frame = pyogrio.read_dataframe(folder / "tile.mvt", fid_as_index=False)
    # Ours calls every key id.
    return set(frame["id"] if "id" in frame else frame[LAYERS[answer.tile[0]].key])


def check(ours: list[Answer], theirs: list[Answer]) -> None:
    """Hold that both show the same features, except at the rim of a tile."""
    missing = extra = features = 0
    with tempfile.TemporaryDirectory() as folder:
        for one, other in zip(ours, theirs, strict=True):
            assert one.tile == other.tile
            own, peer = shown(one, Path(folder)), shown(other, Path(folder))
            missing, extra = missing + len(peer - own), extra + len(own - peer)
            features += len(peer)
    print(f"    of {features:,} features in their tiles ours lack {missing:,} and have {extra:,} more")


def main() -> None:
    """Serve both, ask both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--martin", type=Path, required=True, help="the program")
    parser.add_argument("--viewports", type=int, default=3, help="of each layer at each zoom")
    options = parser.parse_args()
    random = np.random.default_rng(20261122)
    with (
        open_store(Settings(database_url=None, data_dir=options.data_dir)) as store,
        served(options.data_dir, 2) as service,
        martin(options.martin, store) as (port, pid),
    ):
        with store.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            box = [float(s) for s in str(connection.scalar(sa.text(BOX)))[4:-1].replace(",", " ").split()]
            connection.execute(sa.text(f"TRUNCATE {KEPT}"))
        peers = {
            "ours": ((service.port,), [service.process.pid]),
            "martin": ((port, "/{}/{}/{}/{}"), [pid]),
        }
        print(f"{'':<22}{'p50':>8}{'p95':>8}{'max':>9}")
        for zoom in ZOOMS:
            places = viewports(box, zoom, options.viewports, random)
            views = [[(name, *tile[1:]) for tile in view] for name in SHOWN for view in places]
            found = {}
            for state in ("cold", "warm"):
                for name, (place, pids) in peers.items():
                    # Anew: the other may have taken longer than a connection stays open.
                    client, before = Client(*place), busy_s(pids)
                    found[name] = [answer for view in views for answer in client.fetch(view)]
                    told(f"z{zoom} {name} {state}", found[name], busy_s(pids) - before)
            if zoom >= SAME_FROM_ZOOM:
                check(found["ours"], found["martin"])


if __name__ == "__main__":
    main()
