"""Signing in on the map: what anybody sees of a city that is not synthetic, and what a key opens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from api.main import create_app
from gis.settings import Settings
from gis.store import Store, keys, open_store
from tests.browser.conftest import PHONE, WIDE, Visit, open_map
from tests.conftest import NewDatabase, at
from tests.serving import serve

MAINS = "reclaimed_water_pipeline"


@pytest.fixture(scope="module")
def surveyed(scored: Store, new_database: NewDatabase) -> Iterator[Store]:
    """The scored sample as if it had been surveyed."""
    scored.engine.dispose()  # a database that is in use cannot be copied
    with open_store(at(new_database("surveyed", "scored"))) as store:
        with store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE meta.layer_version SET synthetic = false"))
            store.fit_access(connection)
        yield store


@pytest.fixture(scope="module")
def guarded(surveyed: Store, application: object) -> Iterator[str]:
    """The address where it is served as by default."""
    with serve(create_app(surveyed, Settings())) as base:
        yield base


@pytest.mark.parametrize(("size", "lang"), [(WIDE, "zh"), (PHONE, "en")])
def test_a_key_opens_the_map(
    browser: Browser, guarded: str, surveyed: Store, size: tuple[int, int], lang: str
) -> None:
    visit = open_map(browser, guarded, size, lang)
    page = visit.page
    words = {"zh": ("登录后可见", "登录", "退出"), "en": ("sign in to see", "Sign in", "Sign out")}[lang]
    if size == PHONE:
        page.locator("#layers-toggle").click()
    mains = page.locator(f"[data-layer={MAINS}]")
    expect(mains.locator(".missing")).to_have_text(words[0])
    expect(mains.locator("input[type=checkbox]")).to_be_disabled()
    expect(page.locator("#match-entry")).to_be_hidden()
    expect(page.locator("[data-tool=swipe]")).to_have_count(0)
    asked = [url for url in visit.requests if MAINS in url or "suitability" in url or "matches" in url]
    assert asked == []
    visit.check()

    page.locator("#sign-open").click()
    page.locator("#sign-form button").click()
    expect(page.locator("#sign-error")).not_to_be_empty()
    page.locator("#sign-form input").fill("om_wrong")
    page.locator("#sign-form button").click()
    expect(page.locator("#sign-error")).to_have_text(re.compile("revoked|撤销"))
    assert [p for p in visit.problems if "401" not in p] == []
    visit.problems.clear()

    page.locator("#sign-form input").fill(keys.make(surveyed.engine, "李工", "planner", 1))
    with page.expect_navigation():
        page.locator("#sign-form button").click()
    visit.settle()
    expect(page.locator("#sign-open")).to_have_text(words[2])
    if size == PHONE:
        page.locator("#layers-toggle").click()
    expect(mains.locator("input[type=checkbox]")).to_be_enabled()
    expect(page.locator("#match-entry")).to_be_visible()
    expect(page.locator("[data-tool=swipe]")).to_have_count(1)
    assert visit.drawn() > 0
    visit.check()

    with page.expect_navigation():
        page.locator("#sign-open").click()
    visit.settle()
    expect(page.locator("#sign-open")).to_have_text(words[1])
    visit.check()

    # Whether there is such a run is not told to who may not see results.
    page.goto(f"{guarded}/?lang={lang}&scenario=base&compare=match:base,match:other,50")
    expect(page.locator("#map-hint")).to_contain_text("scenario=base、compare=match:base,match:other,50")
    visit.settle()
    visit.check()
    page.context.close()


def test_starting_a_run_needs_a_key(visit: Callable[..., Visit], scored: Store) -> None:
    """On the open sample anybody may look at everything, and start nothing."""
    with serve(create_app(scored, Settings())) as base:
        page = visit(base=base).page
        page.locator("#match-open").click()
        page.get_by_role("tab").last.click()
        expect(page.locator("#match-body .needs-key")).to_be_visible()
        expect(page.locator("#match-start, #site-start")).to_have_count(0)
