"""How quick the map page is: `python -m tests.benchmarks.bench_page DATA_DIR`.

Serves a scored store as users do and opens the page in Debian's Chromium, headless, at 1400x900 and 390x844.
Times are taken inside the page. First view: from the start of the navigation to the frame after the last
tile. Panel: from the click on a parcel to the frame after its ranking is there. Filter: from the click on a
facet to the frame after the last tile of the view. Panning: frames a second while the map is dragged to and
fro, and within what nineteen frames of twenty came. Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, sync_playwright

from gis.settings import Settings
from gis.store import open_store
from tests.benchmarks.bench_tiles import BOX
from tests.benchmarks.service import served
from tests.browser.conftest import CHROMIUM_FLAGS, PHONE, WIDE

SIZES = {"1400x900": WIDE, "390x844": PHONE}
ZOOMS = (9, 12, 14, 16)
TURNS = 7
PAN_S = 3.0
QUIET_MS = 600
CHOSEN = (("technology", "geothermal"), ("technology", "reclaimed_water"), ("status", "conditional"))

# Runs before the scripts of the page; remembers when tiles were drawn, the panel filled, and frames shown.
WATCH = """
window.bench = { last: 0, start: 0, shown: 0, frames: [] };
const note = (name) => { bench[name] = performance.now(); };
bench.frame = (name) => requestAnimationFrame(() => setTimeout(note, 0, name));
const begin = (event) => Object.assign(bench, { start: event.timeStamp, last: 0, shown: 0 });
addEventListener("click", begin, true);
addEventListener("change", begin, true);
document.addEventListener("load", (event) => {
  if (!String(event.target.src).includes("/leaflet.js")) return;
  const ready = L.GridLayer.prototype._tileReady;
  L.GridLayer.prototype._tileReady = function (...found) { ready.apply(this, found); bench.frame("last"); };
}, true);
new MutationObserver(() => {
  if (!bench.shown && document.querySelector("#parcel-panel:not([hidden]) .option")) bench.frame("shown");
}).observe(document, { subtree: true, childList: true, attributes: true });
const tick = (time) => { bench.frames.push(time); requestAnimationFrame(tick); };
requestAnimationFrame(tick);
"""
STATE = "[performance.getEntriesByType('resource').length, bench.last]"
PLACE = """([lat, lon]) => {
  const point = OneMap.map.latLngToContainerPoint([lat, lon]);
  const box = OneMap.map.getContainer().getBoundingClientRect();
  return [box.x + point.x, box.y + point.y];
}"""


def quiet(page: Page) -> None:
    """Wait until nothing has been asked for or drawn for some time."""
    before = None
    while (now := page.evaluate(STATE)) != before:
        before = now
        page.wait_for_timeout(QUIET_MS)


def opened(browser: Browser, address: str, size: tuple[int, int]) -> Page:
    """Open the page in a fresh profile and wait until it is drawn."""
    phone: dict[str, Any] = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    shape: Any = {"width": size[0], "height": size[1]}
    page = browser.new_context(viewport=shape, **(phone if size == PHONE else {})).new_page()
    page.add_init_script(WATCH)
    page.add_init_script("performance.setResourceTimingBufferSize(20000)")
    page.goto(address)
    quiet(page)
    return page


def go(page: Page, lon: float, lat: float, zoom: int) -> None:
    """Show a place, whole."""
    page.evaluate(
        "([lat, lon, zoom]) => OneMap.map.setView([lat, lon], zoom, { animate: false })", [lat, lon, zoom]
    )
    quiet(page)


def told(label: str, milliseconds: list[float]) -> None:
    """Print median and largest."""
    print(f"{label:<40}{np.median(milliseconds):8.0f} ms median {max(milliseconds):8.0f} ms slowest of "
          f"{len(milliseconds)}", flush=True)  # fmt: skip


def first_view(browser: Browser, address: str, size: tuple[int, int]) -> float:
    """Return how long the page took to draw its first view."""
    page = opened(browser, address, size)
    found: float = page.evaluate("bench.last")
    page.context.close()
    return found


def panel(page: Page, lon: float, lat: float) -> float | None:
    """Return how long a click on a place took to fill the panel, None where there is no parcel."""
    go(page, lon, lat, 16)
    x, y = page.evaluate(PLACE, [lat, lon])
    page.mouse.click(x, y)
    page.wait_for_timeout(QUIET_MS)
    start, shown = page.evaluate("[bench.start, bench.shown]")
    page.keyboard.press("Escape")
    page.wait_for_timeout(QUIET_MS / 4)
    return shown - start if shown else None


def filtered(page: Page, facet: str, word: str) -> float:
    """Return how long a click on a facet took to draw the view anew."""
    page.evaluate(
        "([facet, word]) => document.getElementById(`filter-${facet}-${word}`).click()", [facet, word]
    )
    quiet(page)
    found: float = page.evaluate("bench.last - bench.start")
    return found


def panned(page: Page, size: tuple[int, int]) -> tuple[float, float]:
    """Drag the map to and fro; return frames a second, and the 95th percentile of a frame in milliseconds."""
    x, y = size[0] / 2, size[1] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.evaluate("bench.frames.length = 0")
    reach = 0.35 * min(size)
    for step in range(int(PAN_S * 60)):
        angle = step / 30
        page.mouse.move(x + reach * np.sin(angle), y + reach * np.sin(0.7 * angle))
        page.wait_for_timeout(1000 / 60)
    frames = np.diff(np.array(page.evaluate("bench.frames")))
    page.mouse.up()
    return 1e3 / float(frames.mean()), float(np.percentile(frames, 95))


def measured(browser: Browser, address: str, name: str, turns: int, box: list[float]) -> None:
    """Measure the page at one size."""
    size, random = SIZES[name], np.random.default_rng(20261122)
    told(f"{name} first view", [first_view(browser, address, size) for _ in range(turns)])
    page = opened(browser, address, size)
    lon, lat = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    east, north = 0.3 * (box[2] - box[0]), 0.3 * (box[3] - box[1])
    # Some fall on streets.
    places = [(lon + east * u, lat + north * v) for u, v in random.uniform(-1, 1, (3 * turns, 2)).tolist()]
    told(f"{name} panel", [t for t in (panel(page, *place) for place in places) if t is not None])
    for zoom in ZOOMS:
        go(page, lon, lat, zoom)
        rate, longest = panned(page, size)
        print(
            f"{f'{name} panning at zoom {zoom}':<40}{rate:8.1f} frames/s, 95 % within {longest:.0f} ms",
            flush=True,
        )
    page.evaluate("document.querySelector('#filter > details').open = true")
    page.wait_for_selector("#filter-technology-geothermal", state="attached")
    for zoom in ZOOMS:
        go(page, lon, lat, zoom)
        told(f"{name} filter at zoom {zoom}", [filtered(page, *one) for one in (*CHOSEN, *CHOSEN)])
    page.context.close()


def main() -> None:
    """Serve, open, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--turns", type=int, default=TURNS)
    options = parser.parse_args()
    with (
        open_store(Settings(database_url=None, data_dir=options.data_dir)) as store,
        store.engine.begin() as connection,
    ):
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        box = [float(s) for s in str(connection.scalar(sa.text(BOX)))[4:-1].replace(",", " ").split()]
    with (
        served(options.data_dir, 2) as service,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS) as browser,
    ):
        for name in SIZES:
            measured(browser, service.address, name, options.turns, box)


if __name__ == "__main__":
    main()
