"""What changed between two runs: counts and causes in the left panel, the parcels on the map."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, expect

from api.main import create_app
from gis.dated import Difference, difference
from gis.rules import load_ruleset
from gis.runs import Runs
from gis.settings import Settings
from gis.store import open_store
from tests.browser.conftest import PHONE, WIDE, Visit
from tests.browser.test_axe import clean
from tests.conftest import NewDatabase, at
from tests.runs.edits import thinned
from tests.serving import serve as serve_app
from tests.store.frames import LOAD
from tests.working import working

SHAPES = "document.querySelectorAll('.leaflet-onemap-changes-pane path').length"


@pytest.fixture(scope="module")
def town(
    new_database: NewDatabase, sample: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Difference]]:
    """A part of the sample behind a server: half of its mains went between its two runs."""
    settings = Settings(anonymous="editor", tianditu_key=None, data_dir=tmp_path_factory.mktemp("town"))
    with open_store(at(new_database("changes", sample))) as store:
        thinned(store, 400)
        runs, ruleset = Runs(store), load_ruleset()
        first = runs.score(ruleset)
        mains = store.read("reclaimed_water_pipeline")
        store.write_layer(
            "reclaimed_water_pipeline", mains.iloc[::2].reset_index(drop=True), mode="replace", **LOAD
        )
        last = runs.score(ruleset)
        found = difference(store, int(first.run_id or 0), int(last.run_id or 0))
        assert len(found.comparison.parcels) > 5
        with working(store, settings), serve_app(create_app(store, settings)) as base:
            yield base, found


@pytest.mark.parametrize(("size", "lang"), [(WIDE, "zh"), (PHONE, "en")], ids=["wide-zh", "phone-en"])
def test_the_page_tells_what_a_comparison_finds(
    browser: Browser, town: tuple[str, Difference], size: tuple[int, int], lang: str
) -> None:
    base, found = town
    summary = found.summary()
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, bypass_csp=True, has_touch=size == PHONE
    )
    visit = Visit(context.new_page(), base)
    visit.watch()
    page = visit.page
    page.goto(f"{base}/?lang={lang}")
    visit.settle()
    if size == PHONE:
        page.locator("#layers-toggle").tap()
    page.locator("#changes summary").click()
    expect(page.locator("#changes-before")).to_have_value(f"run {found.before.run_id}")
    expect(page.locator("#changes-after")).to_have_value(f"run {found.after.run_id}")
    page.locator("#changes-start").click()
    lead = page.locator("#changes-lead")
    for name in ("changed_count", "compared_count", "other_technology_count"):
        expect(lead).to_contain_text(str(summary[name]))
    assert page.evaluate(SHAPES) == summary["changed_count"]
    title = {"zh": "再生水管线", "en": "Reclaimed-water"}[lang]
    cause = page.locator("#changes-told table").first.locator("button")
    expect(cause).to_have_count(1)
    expect(cause).to_contain_text(title)
    page.evaluate(AXE_SCRIPT)
    clean(page)
    # A move shows its own parcels alone, and all again.
    if summary["moves"]:
        move = page.locator("#changes-told table").nth(1).locator("button").first
        move.click()
        expect(move).to_have_attribute("aria-pressed", "true")
        assert page.evaluate(SHAPES) == summary["moves"][0]["parcel_count"]
        move.click()
        assert page.evaluate(SHAPES) == summary["changed_count"]
    page.locator("#changes-list button").first.click()
    popup = page.locator(".leaflet-popup-content")
    expect(popup).to_contain_text(title)
    assert popup.locator("h3").inner_text() in found.comparison.parcels.index
    if size == PHONE:
        page.locator("#layers-toggle").tap()
    page.locator("#changes-told > button").last.click()
    assert page.evaluate(SHAPES) == 0
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    context.close()
    visit.check()
