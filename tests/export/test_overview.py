"""The overview map: what is drawn where and how, what its legend counts, and that it is the same again."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from matplotlib.figure import Figure
from PIL import Image, ImageColor

from gis.export import overview
from gis.export.model import Manifest, Part
from layers import LAYERS
from tests.export.manifests import PROFILE, manifest, packed

Shapes = Mapping[str, Any]
SQUARE = shapely.box(440000, 4410000, 460000, 4430000)
HOLE = shapely.box(445000, 4415000, 455000, 4425000)


def counted(source: str, count: int, **changes: Any) -> Any:
    """Return a table of so many rows."""
    return packed(source, parts=(Part(file="a.gdb", layer="x", feature_count=count),), **changes)


def shapes(*found: Any) -> Any:
    return np.array(found, dtype=object)


@pytest.fixture
def drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that draws a map and returns its picture, its texts and its axes."""
    figures: list[Figure] = []

    class Kept(Figure):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            figures.append(self)

    monkeypatch.setattr(overview, "Figure", Kept)

    def draw(one: Manifest, what: Shapes) -> tuple[bytes, list[str], Any]:
        overview.write_overview(tmp_path / "map.jpg", one, what)
        figure = figures.pop()
        texts = [t.get_text() for t in figure.texts + [t for ax in figure.axes for t in ax.texts]]
        return (tmp_path / "map.jpg").read_bytes(), texts, figure.axes[0]

    return draw


def pixel(body: bytes, ax: Any, x: float, y: float) -> np.ndarray:
    """Return the mean colour of 5 x 5 pixels about a place in EPSG:4548."""
    image = np.asarray(Image.open(BytesIO(body)).convert("RGB"), dtype=float)
    column, row = ax.transData.transform((x, y))
    row = image.shape[0] - row
    return image[round(row) - 2 : round(row) + 3, round(column) - 2 : round(column) + 3].mean(axis=(0, 1))


def blended(layer: str) -> np.ndarray:
    """Return the colour of an area of a layer on white paper."""
    style = LAYERS[layer].style
    return 255 - style.fill_opacity * (255 - np.array(ImageColor.getrgb(style.colour), dtype=float))


def test_areas_lines_and_points_are_where_they_are_and_as_the_layers_have_them(drawn: Any) -> None:
    tiny = shapely.box(465000.0, 4411000.0, 465003.0, 4411003.0)
    what = {
        "DK": shapes(SQUARE.difference(HOLE), tiny),
        "ZSSGX": shapes(shapely.LineString([(438000, 4408500), (462000, 4408500)])),
        "SJZX": shapes(shapely.Point(450000, 4420200)),
    }
    one = manifest(counted("parcel", 2), counted("reclaimed_water_pipeline", 1), counted("data_centre", 1))
    assert {t.name for t in one.tables} == what.keys()
    body, _, ax = drawn(one, what)
    picture = Image.open(BytesIO(body))
    assert (picture.format, picture.size, picture.info["dpi"]) == ("JPEG", (4961, 3508), (300, 300))
    off = 300.0  # away from the lines of the grid, which lie under all
    assert np.abs(pixel(body, ax, 442000 + off, 4412000 + off) - blended("parcel")).max() < 6
    assert np.abs(pixel(body, ax, 447000 + off, 4417000 + off) - 255).max() < 3, "a hole stays open"
    assert np.abs(pixel(body, ax, 437000 + off, 4432000 + off) - 255).max() < 3
    for layer, x, y in (("data_centre", 450000, 4420200), ("reclaimed_water_pipeline", 450300, 4408500)):
        colour = np.array(ImageColor.getrgb(LAYERS[layer].style.colour))
        assert np.abs(pixel(body, ax, x, y) - colour).max() < 25, layer
    assert pixel(body, ax, 465001.5, 4411001.5).min() < 245, "less than a pixel is not nothing"
    assert drawn(one, what)[0] == body


def test_the_sheet_counts_what_the_manifest_does_and_tells_what_is_local_or_synthetic(drawn: Any) -> None:
    tables = counted("parcel", 12345, synthetic=True), counted("water_intake_zone", 3)
    one = manifest(*tables, crs="EPSG:4490", software="OneMap $x^$")
    what = {"DK": shapes(SQUARE), one.tables[1].name: shapes(HOLE, None, shapely.Polygon())}
    _, texts, ax = drawn(one, what)
    seen = "".join(texts).replace("\n", "")
    assert "北京市新能源供热资源一张图" in texts
    assert "地块（合成）" in texts
    assert "12,345（无图形 12,344）" in texts
    assert "3（无图形 2）" in texts
    assert "含合成数据，不得作为任何依据" in texts
    assert PROFILE.notice.zh in seen
    assert "OneMap $x^$" in seen
    assert "EPSG:4548" in seen
    assert "EPSG:4490" in seen
    assert "2026-11-22 10:30" in seen
    scale = int(seen.split("比例尺：1:")[1].split("（")[0].replace(",", ""))
    (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
    box = ax.get_window_extent()
    assert (east - west) / (box.width / 300 * 0.0254) == pytest.approx(scale, rel=1e-9)
    assert (north - south) / (box.height / 300 * 0.0254) == pytest.approx(scale, rel=1e-9)
    assert west < 440000
    assert east > 460000
    assert south < 4410000
    assert north > 4430000


def test_a_package_of_nothing_to_draw_says_so_and_marks_nothing_as_synthetic(drawn: Any) -> None:
    local = PROFILE.described().model_copy(update={"local": False})
    _, texts, _ = drawn(manifest(counted("parcel", 0), profile=local), {"DK": shapes()})
    seen = "".join(texts)
    assert "没有可绘制的图形" in texts
    assert "合成" not in seen
    assert "本地缺省" not in seen
    assert "比例尺" not in seen


def test_outlines_hold_every_vertex_of_every_ring_once_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(overview, "_VERTICES_AT_ONCE", 40)
    rng = np.random.default_rng(5)
    xy = rng.uniform(0, 1000, (60, 2))
    polygons = shapely.difference(
        shapely.buffer(shapely.points(xy), 9), shapely.buffer(shapely.points(xy), 4)
    )
    outlines = list(overview._outlines(polygons, True))
    assert len(outlines) > 30
    rings = [ring for outline in outlines for ring in outline.to_polygons()]
    assert len(rings) == 120
    area = sum(shapely.LinearRing(r).is_ccw * 2 - 1 for r in rings)
    assert area == 0, "as many holes as shells, the other way round"
    told = sum((1 if shapely.LinearRing(r).is_ccw else -1) * shapely.Polygon(r).area for r in rings)
    assert told == pytest.approx(shapely.area(polygons).sum())
