"""Maps of results need no network and say what the tables say; pictures count all parcels."""

from __future__ import annotations

import json
import re
from pathlib import Path

import matplotlib as mpl
import pytest
from playwright.sync_api import sync_playwright

import gis
from gis.errors import InputError
from gis.titles import NO_TECHNOLOGY, TECHNOLOGY_COLOURS
from gis.vocabulary import TECHNOLOGY_TITLES
from gis.webmap import parcel_map


def test_a_map_is_drawn_without_any_network(result: gis.Result, tmp_path: Path):
    named = result.parcels.assign(parcel_id=["</script><b>x</b>", *result.parcels["parcel_id"][1:]])
    evil = gis.score(named, result.around, result.ruleset)
    path = tmp_path / "map.html"
    evil.map("en").save(str(path))
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=", path.read_text(encoding="utf-8"))
    counts = result.verdicts["recommended"].value_counts(dropna=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        asked, wrong = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(path.as_uri())
        rows = page.locator(".parcel-legend .row").all_inner_texts()
        page.evaluate(
            "() => { const map = Object.values(window).find(m => m instanceof L.Map);"
            "for (const l of Object.values(map._layers))"
            "{ if (l.getTooltip && l.getTooltip()) { l.openTooltip(); return; } } }"
        )
        tip = page.locator(".parcel-tip").inner_text()
        assert page.locator(".parcel-tip b").count() == 0
        browser.close()
    assert asked == [path.as_uri()]
    assert wrong == []
    told = {text.splitlines()[0]: int(text.splitlines()[-1]) for text in rows}
    assert told == {
        TECHNOLOGY_TITLES[t][1] if isinstance(t, str) else "None recommended": n for t, n in counts.items()
    }
    assert "Parcel\t</script><b>x</b>" in tip


def test_too_many_or_no_parcels_are_not_drawn(result: gis.Result, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(InputError, match="no parcel to draw"):
        gis.compare(result, result).map()
    monkeypatch.setattr(parcel_map, "MOST_PARCELS", 10)
    with pytest.raises(InputError, match=r"300 parcels make a map .* such as a district"):
        result.map()


def test_maps_of_changes_and_matches_have_every_parcel(result: gis.Result, bundle: gis.Resources):
    told = gis.compare(result, result.what_if(gis.WhatIf("x", {"minimum_share_frac": 0.6})))
    few = result.parcels.iloc[:60]
    matched = gis.match(few, bundle, result.ruleset)
    for made, count in ((told.map(), len(told.parcels)), (matched.map(few), 60)):
        (drawn,) = [c.data for c in made._children.values() if hasattr(c, "data")]
        features = json.loads(drawn)["parcels"]["features"]
        assert len(features) == count > 0
        assert all(f["geometry"]["coordinates"] for f in features)


def test_a_picture_counts_and_colours_all_parcels(result: gis.Result):
    counts = result.verdicts["recommended"].value_counts(dropna=False)
    axes = result.plot(lang="en")
    legend = axes.get_legend()
    assert legend is not None
    told = {}
    for patch, text in zip(legend.get_patches(), legend.get_texts(), strict=True):
        told[mpl.colors.to_hex(patch.get_facecolor())] = int(text.get_text().split("(")[-1].strip(")"))
    assert told == {TECHNOLOGY_COLOURS.get(t, NO_TECHNOLOGY): n for t, n in counts.items()}
    assert result.plot(axes) is axes
