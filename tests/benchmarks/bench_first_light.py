"""How long the main path takes: `python -m tests.benchmarks.bench_first_light [--size 12000] [--calls 300]`.

Makes a city with the sample's generator, imports, scores and stores it in a new
embedded store, then asks for single parcels over HTTP on the loopback. Prints
figures; judges nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from gis.crs import to_api
from gis.ingest import import_file
from gis.rules import load_ruleset
from gis.runs import SAMPLE_DIR, Runs, load_sample
from gis.settings import Settings
from gis.store import open_store
from tests.benchmarks.service import served


def timed(label: str, start: float) -> float:
    """Print the seconds since `start` and return now."""
    print(f"{label:<44}{time.perf_counter() - start:8.2f} s", flush=True)
    return time.perf_counter()


def city(folder: Path, size: int) -> Path:
    """Return a folder with a city of `size` parcels."""
    if size == json.loads((SAMPLE_DIR / "manifest.json").read_text())["size"]:
        return SAMPLE_DIR
    command = [sys.executable, str(SAMPLE_DIR / "build.py"), "--size", str(size), "--out", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder


def percentiles(label: str, seconds: list[float]) -> None:
    """Print median and 95th percentile in milliseconds."""
    p50, p95 = np.percentile(np.asarray(seconds) * 1e3, [50, 95])
    print(f"{label:<44}{p50:8.1f} ms median {p95:8.1f} ms p95 of {len(seconds)}", flush=True)


def timed_call(
    client: http.client.HTTPConnection, seconds: list[float], method: str, path: str, body: str | None = None
) -> dict[str, Any]:
    """Return the JSON of one call and note how long its answer took."""
    start = time.perf_counter()
    client.request(method, path, body, {"Content-Type": "application/geo+json"})
    answer = client.getresponse().read()
    seconds.append(time.perf_counter() - start)
    found: dict[str, Any] = json.loads(answer)
    return found


def single_calls(address: str, parcels: gpd.GeoDataFrame) -> None:
    """Time GET of stored parcels and POST of their polygons, one after the other."""
    shapes = to_api(parcels.geometry.to_numpy())
    get, post = [], []
    # A client that does next to nothing: what is timed is the service.
    with closing(http.client.HTTPConnection(address.removeprefix("http://"))) as client:
        for (_, parcel), shape in zip(parcels.iterrows(), shapes, strict=True):
            fields = json.loads(parcel.drop("geometry").dropna().to_json(default_handler=str))
            body = {"type": "Feature", "geometry": shapely.geometry.mapping(shape), "properties": fields}
            stored = timed_call(client, get, "GET", f"/api/parcels/{parcel['parcel_id']}/suitability")
            drawn = timed_call(client, post, "POST", "/api/suitability", json.dumps(body))
            assert drawn["technologies"] == stored["technologies"], parcel["parcel_id"]
    percentiles("GET suitability of a stored parcel", get[5:])
    percentiles("POST suitability of a polygon", post[5:])


def main() -> None:
    """Run the benchmark."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--size", type=int, default=12_000)
    arguments.add_argument("--calls", type=int, default=300)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="onemap-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        source = city(folder / "city", chosen.size)
        start = time.perf_counter()
        with open_store(Settings(database_url=None, data_dir=folder / "data")) as store:
            start = timed("store made", start)
            load_sample(store, folder=source)
            start = timed(f"all layers imported, {chosen.size} parcels", start)
            import_file(store, "parcel", source / "parcel.parquet", on_error="abort")
            middle = timed("parcels imported again", start)
            Runs(store).score(load_ruleset())
            timed("scored and stored", middle)
            timed(f"{chosen.size} parcels imported, scored and stored", start)
            parcels = store.read("parcel").sample(chosen.calls, random_state=1)
        with served(folder / "data", 2) as service:
            single_calls(service.address, parcels)


if __name__ == "__main__":
    main()
