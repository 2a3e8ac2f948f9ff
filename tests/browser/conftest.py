"""The sample city behind a real server, and headless Chromium in front of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, Request, Response, expect, sync_playwright

from api.main import create_app
from gis.citywide import Scenario, match_store
from gis.settings import Settings
from gis.store import Store
from gis.webmap import vendor
from tests.browser.places import Spot
from tests.browser.seen import Seen
from tests.conftest import MatchedCity
from tests.serving import serve as serve_app
from tests.working import working

# Playwright's own list, which a second one replaces, and the list under the address bar: it is a page too,
# and every window of a fresh profile makes it anew although nobody sees it.
CHROMIUM_WITHOUT = [
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxPopup",
]
CHROMIUM_FLAGS = [
    f"--disable-features={','.join(CHROMIUM_WITHOUT)}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# A machine that is busy with other things may need longer than the usual 5 s.
expect.set_options(timeout=20_000)
WIDE = (1400, 900)
PHONE = (390, 844)


@pytest.fixture(scope="session")
def map_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings without a key of any outside service, and with a folder of their own for files."""
    return Settings(anonymous="editor", tianditu_key=None, data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def serve() -> Callable[[FastAPI], AbstractContextManager[str]]:
    """A function that serves an application while its `with` block lasts."""
    return serve_app


@pytest.fixture(scope="session")
def matched(matched_city: MatchedCity) -> Store:
    """The scored sample city with matching runs, to which tests may add.

    `base`, `dry-winter` with half the reclaimed water, and `older`, of layers that are not the present ones.
    """
    store = matched_city.store
    halved = Scenario("dry-winter", capacity_frac={"reclaimed_water": 0.5})
    for scenario in (halved, Scenario("older", "cost")):
        match_store(store, matched_city.ruleset, scenario)
    with store.engine.begin() as connection:
        changed = """UPDATE meta.match SET layer_versions = '{"parcel": 1}' WHERE scenario = 'older'"""
        connection.execute(sa.text(changed))
    return store


@pytest.fixture(scope="session")
def application(matched: Store, map_settings: Settings) -> FastAPI:
    """The whole application on the sample city."""
    vendor.install()
    return create_app(matched, map_settings)


@pytest.fixture(scope="session")
def address(application: FastAPI, matched: Store, map_settings: Settings) -> Iterator[str]:
    """The address of the served sample city, whose jobs are done."""
    with working(matched, map_settings), serve_app(application) as base:
        yield base


@pytest.fixture(scope="session")
def map_client(application: FastAPI) -> Iterator[TestClient]:
    """A client on the same application without a socket."""
    with TestClient(application, raise_server_exceptions=False) as made:
        yield made


# Not for the whole session: an open Playwright keeps an event loop running in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    executable = shutil.which("chromium")
    assert executable, "chromium is missing: install the Debian package chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@dataclass
class Visit:
    """A page, and everything that happened on it."""

    page: Page
    base: str
    requests: list[str] = field(default_factory=list)
    tiles: list[tuple[str, int, int]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    under_way: set[Request] = field(default_factory=set)
    answers: dict[Request, Response] = field(default_factory=dict)

    def watch(self) -> None:
        """Record requests, tiles, console errors, uncaught exceptions and failed requests."""
        page = self.page
        page.on("request", self._asked)
        page.on("console", lambda m: self.problems.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda e: self.problems.append(f"uncaught: {e}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("requestfinished", self._finished)

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        self.under_way.add(request)

    def _answered(self, response: Response) -> None:
        self.answers[response.request] = response
        if response.status >= 400:
            self.problems.append(f"{response.status} {response.url}")

    def _failed(self, request: Request) -> None:
        self.under_way.discard(request)
        self.answers.pop(request, None)
        # Leaving a zoom level drops its tiles on the way: that is not a fault of the page.
        if request.failure != "net::ERR_ABORTED":
            self.problems.append(f"{request.failure} {request.url}")

    def _finished(self, request: Request) -> None:
        self.under_way.discard(request)
        # What is known without asking the browser again: a look has more than a hundred tiles.
        answer = self.answers.pop(request, None)
        if ".mvt" in request.url:
            assert answer is not None
            size = int(answer.headers.get("content-length", 0))
            self.tiles.append((request.url, answer.status, size))

    def drawn(self) -> int:
        """Return how many tiles with content arrived."""
        return sum(status == 200 and size > 0 for _, status, size in self.tiles)

    def settle(self) -> None:
        """Wait until no request has been under way for a quarter of a second.

        Playwright's `networkidle` is a state of the first load: later it returns at once.
        """
        limit, quiet = time.monotonic() + 60, 0
        while quiet < 5:
            assert time.monotonic() < limit, [r.url for r in self.under_way]
            self.page.wait_for_timeout(50)
            quiet = 0 if self.under_way else quiet + 1

    def go_to(self, lon: float, lat: float, zoom: int) -> None:
        """Move the map without animation and wait for its tiles."""
        self.page.evaluate(f"OneMap.map.setView([{lat}, {lon}], {zoom}, {{animate: false}})")
        self.settle()

    def open_panel(self, there: Spot) -> None:
        """Open the panel on a parcel, wherever the map is: moving there asks for some 180 tiles."""
        found = f"OneMap.getJson('/api/identify?lon={there.lon}&lat={there.lat}')"
        self.page.evaluate(f"{found}.then((found) => {{ OneMap.panel.show(found, found.parcels[0]); }})")
        expect(self.page.locator("#panel-body > dl.figures")).to_contain_text(there.parcel_id)

    def check(self) -> None:
        """Check that nothing has gone wrong or left the host since the last check."""
        problems, requests = self.problems[:], self.requests[:]
        self.problems.clear()
        self.requests.clear()
        assert problems == []
        assert [u for u in requests if not u.startswith((self.base + "/", "data:", "blob:"))] == []

    def press_map(self, lon: float, lat: float) -> None:
        """Click, or tap on a phone, at a longitude and latitude."""
        x, y = self.page.evaluate(
            f"""() => {{
              const p = OneMap.map.latLngToContainerPoint([{lat}, {lon}]);
              const box = OneMap.map.getContainer().getBoundingClientRect();
              return [box.x + p.x, box.y + p.y];
            }}"""
        )
        if self.page.evaluate("navigator.maxTouchPoints > 0"):
            self.page.touchscreen.tap(x, y)
        else:
            self.page.mouse.click(x, y)


def open_map(browser: Browser, base: str, size: tuple[int, int], lang: str = "zh") -> Visit:
    """Open the map in a fresh profile and wait for its tiles."""
    phone: dict[str, Any] = (
        {"has_touch": True, "is_mobile": True, "device_scale_factor": 2} if size == PHONE else {}
    )
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **phone)
    made = Visit(context.new_page(), base)
    made.watch()
    made.page.goto(base if lang == "zh" else f"{base}/?lang={lang}")
    made.settle()
    return made


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Callable[..., Visit]]:
    """Open the map in a fresh profile; at the end nothing may have gone wrong or left the host."""
    visits: list[Visit] = []

    def start(size: tuple[int, int] = WIDE, base: str = address) -> Visit:
        visits.append(open_map(browser, base, size))
        return visits[-1]

    yield start
    for made in visits:
        made.page.context.close()
        made.check()


@pytest.fixture(scope="module")
def opened(browser: Browser, address: str) -> Iterator[Visit]:
    """The map, opened once for all tests that only go to a place and read what is shown of it."""
    made = open_map(browser, address, WIDE)
    yield made
    made.page.context.close()


@pytest.fixture
def shown(opened: Visit) -> Iterator[Visit]:
    """The open map without a panel; at the end nothing may have gone wrong or left the host."""
    yield opened
    opened.page.keyboard.press("Escape")
    expect(opened.page.locator("#parcel-panel")).to_be_hidden()
    opened.check()


@pytest.fixture(
    scope="module",
    params=[(WIDE, "zh"), (PHONE, "en")],
    ids=["wide-zh", "phone-en"],
)
def opened_map(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Seen]:
    """The map in one size and language."""
    size, lang = request.param
    visit = open_map(browser, address, size, lang)
    yield Seen(visit, size == PHONE, lang)
    visit.page.context.close()


@pytest.fixture
def seen(opened_map: Seen) -> Iterator[Seen]:
    """The same without panels and with the run `base`; at the end nothing has gone wrong or left the host."""
    opened_map.page.evaluate("OneMap.match.choose('base')")
    yield opened_map
    page = opened_map.page
    page.evaluate("document.getElementById('match-dialog').close()")
    page.evaluate("OneMap.match.compare(null); OneMap.panel.close(); OneMap.controls.closeDrawer()")
    opened_map.visit.settle()
    opened_map.visit.check()
