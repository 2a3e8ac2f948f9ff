"""The page of data health: what it shows of a check, in both languages, on both sizes and on paper."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, expect

from gis.health import LayerCheck, check_store
from gis.periods import BEIJING_TIME
from gis.store import Store
from layers import LAYERS, RASTERS
from tests.browser.conftest import PHONE, WIDE, Visit
from tests.browser.test_axe import clean

CHECKED = "heat_project"


@pytest.fixture(scope="module")
def check(matched: Store) -> LayerCheck:
    """The check of one layer of the sample; the others were never checked."""
    [made] = check_store(matched, [CHECKED])
    return made


@pytest.fixture(scope="module", params=[(WIDE, "zh"), (PHONE, "en")], ids=["wide-zh", "phone-en"])
def visit(
    request: pytest.FixtureRequest, browser: Browser, address: str, check: LayerCheck
) -> Iterator[Visit]:
    """The page in one size and language."""
    (width, height), lang = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, bypass_csp=True, timezone_id="America/New_York"
    )
    page = context.new_page()
    made = Visit(page, address)
    made.watch()
    page.goto(f"{address}/data{'?lang=en' if lang == 'en' else ''}")
    page.locator("#data-table table").wait_for()
    yield made
    page.context.close()
    made.check()


def test_what_was_checked_and_what_was_not(visit: Visit, check: LayerCheck) -> None:
    page = visit.page
    lang = "en" if page.url.endswith("en") else "zh"
    assert page.locator("tbody tr[data-layer]").count() == len(LAYERS) + len(RASTERS)
    row = page.locator(f"tr[data-layer={CHECKED}]")
    expect(row).to_contain_text(check.sources[0].source or "")
    expect(row.locator(".worst")).to_have_text(getattr(check.findings[0].told, lang))
    # Beijing's time, wherever the browser is.
    hour = check.checked_at.astimezone(BEIJING_TIME).strftime("%H:%M")
    expect(row.locator("small", has_text=re.compile("检查|check"))).to_contain_text(hour)
    never = {"zh": "未检查", "en": "never checked"}[lang]
    expect(page.locator("tr[data-layer=parcel] td").last).to_have_text(never)
    page.locator(f"[data-details={CHECKED}] summary").click()
    told = page.locator(f"[data-details={CHECKED}] .finding b").all_text_contents()
    assert [t.replace("\u00a0", " ") for t in told] == [getattr(f.told, lang) for f in check.findings]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(AXE_SCRIPT)
    clean(page)


def test_the_other_language_the_map_and_paper(visit: Visit) -> None:
    page = visit.page
    before = page.title()
    page.locator("#language-switch").click()
    expect(page.locator("#data-map")).to_have_attribute(
        "href", "/" if "lang" not in page.url else "/?lang=en"
    )
    assert page.title() != before
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
