"""The charts of matching, the comparison of scenarios, a run from the page, and the dialog by keyboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, expect

from gis.store import Store
from gis.vocabulary import TECHNOLOGY_TITLES
from gis.webmap.page import TECHNOLOGY_COLOURS
from tests.browser.seen import Seen, cells, mw

CHINESE = re.compile("[\u4e00-\u9fff]")


def drawn(body: Locator, name: str) -> Locator:
    """Return a chart once it is drawn."""
    svg = body.locator(f"[data-chart={name}] svg")
    expect(svg).to_be_visible()
    return svg


def figures(body: Locator, name: str) -> list[list[str]]:
    """Unfold the table behind a chart by keyboard and return its rows."""
    behind = body.locator(f"figure:has([data-chart={name}]) > details")
    behind.locator(":scope > summary").focus()
    behind.page.keyboard.press("Enter")
    expect(behind.locator("table")).to_be_visible()
    return cells(behind.locator("table"))


def number(shown: str) -> float:
    """Return the number that a cell shows; a dash is none."""
    return float(shown.replace(",", ""))


def test_charts_are_fetched_when_the_dialog_opens(seen: Seen) -> None:
    page = seen.page
    page.reload()
    seen.visit.settle()
    assert not [url for url in seen.visit.requests if "echarts" in url]
    with page.expect_request(lambda request: "/assets/vendor/echarts/" in request.url):
        seen.dialog("overview")


def test_the_flow_of_heat_adds_up(seen: Seen) -> None:
    body = seen.dialog("charts")
    told = seen.ask("/api/matches/base")["summary"]
    svg = drawn(body, "sankey")
    fills = {
        f.lower()
        for f in svg.locator("path").evaluate_all("all => all.map((p) => p.getAttribute('fill') || '')")
    }
    served = [t["technology"] for t in told["technologies"] if t["allocated_kw"] > 0]
    assert {TECHNOLOGY_COLOURS[t] for t in served} <= fills
    rows = figures(body, "sankey")
    by_title = {
        TECHNOLOGY_TITLES[t["technology"]][seen.lang == "en"]: t["allocated_kw"] for t in told["technologies"]
    }
    for title, kw in by_title.items():
        assert sum(number(row[2]) for row in rows if row[1] == title) == pytest.approx(kw / 1000, abs=0.3)
    # The one from a main is what its ledger says, not what is left of the technology.
    mains = next(r for r in told["sources"] if r["source_layer"] == "reclaimed_water_pipeline")
    title = seen.word("再生水管线", "Reclaimed-water mains")
    assert [row[2] for row in rows if row[0] == title] == [mw(mains["allocated_kw"])]
    expect(svg).to_contain_text(title)


def test_districts_are_stacked_by_technology(seen: Seen) -> None:
    body = seen.dialog("charts")
    drawn(body, "districts")
    told = sorted(seen.ask("/api/matches/base")["summary"]["districts"], key=lambda d: -d["heat_load_kw"])
    rows = figures(body, "districts")
    assert len(rows) == len(told)
    for row, district in zip(rows, told, strict=True):
        if seen.lang == "zh":
            assert row[0] == district["district"]
        else:
            assert not CHINESE.search(row[0])
        shown = [t["allocated_kw"] for t in district["technologies"]]
        assert row[1:-1] == [mw(kw) for kw in shown]
        assert row[-1] == mw(district["unmet_kw"])


def test_the_supply_curve_counts_shared_water_once(seen: Seen) -> None:
    body = seen.dialog("charts")
    drawn(body, "curve")
    ledger = seen.ask("/api/matches/base/sources")["sources"]
    water = [s for s in ledger if s["technology"] == "reclaimed_water" and s["mean_length_m"] is not None]
    rows = figures(body, "curve")
    lengths = [number(row[1]) for row in rows]
    assert len(rows) == len(water)
    assert lengths == sorted(lengths)
    allocated = sum(s["allocated_kw"] for s in water)
    assert rows[-1][2] == mw(allocated)
    # What is free of a plant and its mains together is no more than the plant has left.
    free_kw = {(s["source_layer"], s["source_id"]): s["free_kw"] for s in ledger}
    plants: dict[Any, float] = {}
    for s in water:
        plant = (s["shared_layer"], s["shared_id"])
        own = plant if free_kw.get(plant) is not None else (s["source_layer"], s["source_id"])
        plants[own] = min(plants.get(own, 0.0) + s["free_kw"], free_kw[own])
    assert number(rows[-1][3]) == pytest.approx((allocated + sum(plants.values())) / 1000, abs=0.1)
    assert sum(plants.values()) < sum(s["free_kw"] for s in water) - 100.0
    body.locator("#curve-technology").select_option("geothermal")
    expect(body.locator("figure").last).to_contain_text(TECHNOLOGY_TITLES["geothermal"][seen.lang == "en"])
    drawn(body, "curve")


def test_two_scenarios_are_compared(seen: Seen, matched: Store) -> None:
    body = seen.dialog("compare")
    for place, name in enumerate(("base", "dry-winter")):
        body.locator(".fields select").nth(place).select_option(name)
        expect(body).not_to_have_attribute("aria-busy", "true")
    old, now = (seen.ask(f"/api/matches/{name}")["summary"] for name in ("base", "dry-winter"))
    assumed = body.locator(".assumed-of li").last
    expect(assumed).to_contain_text(
        seen.word("再生水（污水）源热泵能力为现状的 50%", "Reclaimed water at 50%")
    )
    rows = cells(body.locator("table").first)
    for row, was, is_ in zip(rows, old["technologies"], now["technologies"], strict=False):
        assert row[1:3] == [mw(was["allocated_kw"]), mw(is_["allocated_kw"])]
        change = (is_["allocated_kw"] - was["allocated_kw"]) / 1000
        assert number(row[3].replace("+", "")) == pytest.approx(change, abs=0.051)
        assert row[3].startswith("+") == (change >= 0.05)
    before, after = (
        matched.match_part("parcels", name).set_index("parcel_id")["matched"].fillna("")
        for name in ("base", "dry-winter")
    )
    changed = int((before != after).sum())
    assert changed > 0
    expect(body.locator("#match-changed")).to_contain_text(f"{changed:,}")
    assert sum(number(row[2]) for row in cells(body.locator("table").nth(1))) == changed
    drawn(body, "changes")
    rows = figures(body, "changes")
    water = {d["district"]: d["technologies"][1]["allocated_kw"] for d in now["districts"]}
    lost = sum(water[d["district"]] - d["technologies"][1]["allocated_kw"] for d in old["districts"])
    heads = body.locator("figure:has([data-chart=changes]) th[scope=col]").all_inner_texts()
    place = heads.index(TECHNOLOGY_TITLES["reclaimed_water"][seen.lang == "en"])
    assert sum(number(r[place].replace("+", "")) for r in rows) == pytest.approx(lost / 1000, abs=1.0)


def test_the_map_goes_from_one_scenario_to_the_other(seen: Seen) -> None:
    page, body = seen.page, seen.dialog("compare")
    for place, name in enumerate(("base", "dry-winter")):
        body.locator(".fields select").nth(place).select_option(name)
        expect(body).not_to_have_attribute("aria-busy", "true")
    body.locator("#match-to-map").click()
    expect(page.locator("#match-dialog")).to_be_hidden()
    toggle = page.locator("#match-toggle")
    expect(toggle.locator("[aria-pressed=true]")).to_contain_text("base")
    box = toggle.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]
    with page.expect_request_finished(
        lambda request: "/match_parcel/" in request.url and "scenario=dry-winter" in request.url
    ):
        toggle.get_by_role("button", name="dry-winter").click()
    expect(toggle.locator("[aria-pressed=true]")).to_have_text("dry-winter")
    assert page.evaluate("OneMap.match.scenario()") == "dry-winter"
    toggle.get_by_role("button", name=seen.word("关闭", "Close")).click()
    expect(toggle).to_be_hidden()
    seen.matching(False)


def test_a_run_is_started_and_shown(seen: Seen) -> None:
    page, body = seen.page, seen.dialog("run")
    name = f"half-heat-{seen.lang}"
    body.locator("#run-name").fill("No such name")
    body.locator("#match-start").click()
    expect(body.locator("[role=alert]")).to_contain_text(seen.word("小写字母", "letter or digit"))
    body.locator("#run-name").fill(name)
    body.locator("#run-waste_heat").fill("-1")
    body.locator("#match-start").click()
    expect(body.locator("[role=alert]")).to_contain_text(seen.word("百分数", "percentages"))
    body.locator("#run-waste_heat").fill("50")
    body.locator("#run-reach").fill("80")
    with page.expect_request(lambda request: request.method == "POST") as sent:
        body.locator("#match-start").click()
    assert sent.value.post_data_json == {
        "scenario": name, "order": "priority", "reach_frac": 0.8, "capacity_frac": {"waste_heat": 0.5},
    }  # fmt: skip
    expect(body.locator("#match-job .done")).to_contain_text(name, timeout=60_000)
    expect(body.locator("#match-start")).to_be_enabled()
    run = next(r for r in seen.ask("/api/matches")["runs"] if r["scenario"] == name)
    assert run["settings"] == {"order": "priority", "reach_frac": 0.8, "capacity_frac": {"waste_heat": 0.5}}
    body = seen.dialog("overview")
    expect(page.locator("#match-head select")).to_have_value(name)
    expect(page.locator("#match-head")).to_contain_text(seen.word("接入距离为规则的 80%", "reach at 80%"))
    told = seen.ask(f"/api/matches/{name}")["summary"]["technologies"]
    assert [row[1] for row in cells(body.locator("table").first)][: len(told)] == [
        mw(row["allocated_kw"]) for row in told
    ]


def test_progress_and_failure_are_told_in_words(seen: Seen) -> None:
    page = seen.page
    answer = seen.ask("/api/matches")
    states = [
        {"state": "waiting", "job_id": "0-1", "step": None, "done_frac": None, "error": None},
        {"state": "running", "step": "most of tier 1", "done_frac": 0.4, "error": None},
        {"state": "failed", "step": None, "done_frac": None, "error": "the solver gave up"},
        {"state": "cancelled", "step": None, "done_frac": None, "error": None},
    ]
    told = {"at": 0}

    def answers(route: Route) -> None:
        job = {"scenario": "trial", "job_id": None, **states[told["at"]]}
        route.fulfill(json={"runs": answer["runs"], "job": job})

    def cancelled(route: Route) -> None:
        assert route.request.method == "DELETE"
        told["at"] = 3
        route.fulfill(json={})

    page.route("**/api/matches", answers)
    page.route("**/api/jobs/0-1", cancelled)
    body = seen.dialog("run")
    expect(body.locator("#match-job")).to_contain_text(seen.word("排队等候中", "waiting for its turn"))
    expect(body.locator("#match-start")).to_be_disabled()
    body.locator("#match-job").get_by_role("button", name=seen.word("取消", "Cancel")).click()
    expect(body.locator("#match-job")).to_have_text(seen.word("已取消。", "Cancelled."))
    expect(body.locator("#match-start")).to_be_enabled()
    told["at"] = 1
    body = seen.dialog("run")
    expect(body.locator("#match-job")).to_contain_text(
        seen.word("第 2 顺位技术", "technology 2 in the order")
    )
    expect(body.locator("progress")).to_have_attribute("value", "0.4")
    expect(body.locator("#match-start")).to_be_disabled()
    told["at"] = 2
    expect(body.locator("[role=alert]")).to_contain_text("the solver gave up")
    expect(body.locator("#match-start")).to_be_enabled()
    page.unroute("**/api/matches")
    page.unroute("**/api/jobs/0-1")
    page.evaluate("OneMap.match.refresh()")


def test_the_dialog_goes_by_keyboard(seen: Seen) -> None:
    page = seen.page
    seen.switches()
    page.locator("#match-open").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#match-dialog")).to_be_visible()
    tabs = ["overview", "ledger", "charts", "compare", "sites", "run"]
    page.locator("#match-tab-overview").click()
    for tab in [*tabs[1:], tabs[0]]:
        page.keyboard.press("ArrowRight")
        expect(page.locator(f"#match-tab-{tab}")).to_be_focused()
        expect(page.locator(f"#match-tab-{tab}")).to_have_attribute("aria-selected", "true")
    # From the tabs to the scenario, from there to the body, and never out of the dialog.
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "document.activeElement === document.body || !!document.activeElement.closest('#match-dialog')"
        )
    page.keyboard.press("Escape")
    expect(page.locator("#match-dialog")).to_be_hidden()
    expect(page.locator("#match-open")).to_be_focused()


def test_every_tab_fits_and_speaks_one_language(seen: Seen) -> None:
    page = seen.page
    for tab in ("overview", "ledger", "charts", "compare", "sites", "run"):
        body = seen.dialog(tab)
        assert body.evaluate("body => body.scrollWidth - body.clientWidth") <= 0
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        own = body.locator(":is(h3, figcaption, thead th, summary, label, .note, .lead, option, td.words)")
        words = own.all_inner_texts()
        assert words
        if seen.lang == "en":
            assert [w for w in words if CHINESE.search(w)] == []
        assert [w for w in words if re.search(r"undefined|null|NaN|\{\w+\}", w)] == []
    # In the other language what is open is said anew.
    page.evaluate(f"OneMap.setLanguage('{'zh' if seen.lang == 'en' else 'en'}')")
    expect(page.locator("#match-body label").first).to_contain_text(
        "Name" if seen.lang == "zh" else "方案名称"
    )
    page.evaluate(f"OneMap.setLanguage('{seen.lang}')")
