"""VCT files from elsewhere: what the format leaves open is read, what is wrong is told with its line."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from pathlib import Path

import hypothesis.strategies as st
import pytest
import shapely
from hypothesis import HealthCheck, given, settings

from gis.errors import InputError
from gis.vct import read_vct
from gis.vct.reading import Vct
from tests.vct.examples import BODY, HEAD

WHOLE = HEAD + BODY
COMMENT = "CommentBegin\nPointEnd\n1\nCommentEnd\n"
OTHERS = "TopologyBegin\nTopologyEnd\n"


def read(folder: Path, text: str | bytes, encoding: str = "gb18030") -> Vct:
    path = folder / "a.vct"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_vct(path)


def line_of(text: str, wanted: str, which: int = 1) -> int:
    """Return the number of the line that is `wanted`, counted from 1."""
    places = [number for number, line in enumerate(text.split("\n"), 1) if line == wanted]
    return places[which - 1]


def check(vct: Vct) -> None:
    """Hold what was read against the example."""
    areas, lines, points = (layer for layer in vct.layers)
    assert [layer.reference.code for layer in vct.layers] == ["1001", "2001", "3001"]
    ring = shapely.box(450200, 4420000, 450300, 4420100)
    hole = shapely.box(450220, 4420020, 450240, 4420040)
    assert areas.shapes[0].equals(ring.difference(hole))
    assert areas.shapes[1].equals(shapely.box(450000, 4420000, 450100, 4420100))
    assert areas.rows["MC"].tolist() == ["热源厂，甲", None]
    assert areas.rows["MJ"].tolist() == [9600.0, 10000.0]
    assert [line.length for line in lines.shapes] == [200.0, 200.0]
    assert lines.rows["XH"].tolist() == [7, 8]
    assert points.shapes[0] == shapely.Point(450010.5, 4420020.25)
    assert points.rows["RQ"].tolist() == [date(2026, 11, 22)]
    assert areas.numbers.tolist() == [4, 5]
    assert vct.head.crs is not None
    assert vct.head.crs.to_epsg() == 4548


def swapped(text: str) -> str:
    """Return the example with north before east, as surveyors name their axes."""
    lines = [line.split(",") for line in text.split("\n")]
    told = "\n".join(",".join(line[::-1] if line[0].startswith("450") else line) for line in lines)
    return told.replace("XAxisDirection:E", "XAxisDirection:N")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(WHOLE, id="as it is"),
        pytest.param(WHOLE.replace("\n", "\r\n"), id="CRLF"),
        pytest.param(WHOLE.replace("\n", "\r"), id="CR"),
        pytest.param(WHOLE.replace("\n", "\n\n  \n"), id="blank lines"),
        pytest.param(WHOLE.replace("Begin", "BEGIN").replace("End", "end"), id="case of keywords"),
        pytest.param(WHOLE.replace("PointBegin", f"{COMMENT}PointBegin"), id="comment"),
        pytest.param(WHOLE.replace("\n1\n1\n450010.5", "\n1\n450010.5"), id="point without count"),
        pytest.param(WHOLE.replace("DataMark:LANDUSE-VCT", "DataMark:CNSDTF-VCT"), id="2007"),
        pytest.param(WHOLE.replace("Char,100", "VarChar"), id="VarChar"),
        pytest.param(WHOLE.replace("Polygon,DK", "Polygon,255,0,0,DK"), id="colour before the table"),
        pytest.param(WHOLE.replace("\n2,3\n", "\n-3,-2\n"), id="reversed lines"),
        pytest.param(WHOLE.replace("StyleBegin", f"{OTHERS}StyleBegin\nanything"), id="other parts"),
        pytest.param(swapped(WHOLE), id="north first"),
        pytest.param(WHOLE.removesuffix("StyleBegin\nStyleEnd\n"), id="no styles"),
        pytest.param(WHOLE.replace("20261122", "2026-11-22"), id="date with dashes"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig"])
def test_what_the_format_leaves_open_is_read(tmp_path: Path, text: str, encoding: str) -> None:
    vct = read(tmp_path, text, encoding)
    check(vct)
    assert vct.notes == ()


def test_another_separator(tmp_path: Path) -> None:
    text = WHOLE.replace(",", ";")
    for key in ("Spheroid", "Parameters", "ExtentMin", "ExtentMax", "Offset"):
        line = next(line for line in text.split("\n") if line.startswith(key))
        text = text.replace(line, line.replace(";", ","))
    check(read(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new", "epsg"),
    [
        ("Parameters:0,117,1,500000,0", "Parameters:500000,0,117.0,0,1.0", 4548),
        ("Parameters:0,117,1,500000,0", "Parameters:0,114,1,500000,0", 4547),
        ("ExtentMin:450000,", "ExtentMin:39450000,", 4527),
        ("ExtentMin:450000,", "ExtentMin:40450000,", 4528),
        ("ExtentMin:450000,", f"ExtentMin:{'9' * 400},", 4548),
        ("Parameters:0,117,1,500000,0", "Parameters:0,1,500000,0", None),
        ("Parameters:0,117,1,500000,0", "Parameters:117,120", None),
        ("Spheroid:CGCS2000,6378137.0,298.257222101", "Spheroid:西安80,6378140,298.257", None),
        ("Spheroid:CGCS2000,6378137.0,298.257222101", "Spheroid:CGCS2000", 4548),
        ("Projection:高斯-克吕格投影", "Projection:兰勃特投影", None),
        ("CoordinateSystemType:P", "CoordinateSystemType:D", 4490),
    ],
)
def test_the_coordinate_system_is_known_or_not(tmp_path: Path, old: str, new: str, epsg: int | None) -> None:
    assert old in WHOLE
    crs = read(tmp_path, WHOLE.replace(old, new)).head.crs
    assert (None if crs is None else crs.to_epsg()) == epsg


def test_rings_lie_in_each_other_whatever_their_order(tmp_path: Path) -> None:
    boxes = [(0, 0, 100, 100), (10, 10, 90, 90), (20, 20, 40, 40), (25, 25, 30, 30), (200, 0, 210, 10)]
    rings = [list(shapely.box(*box).exterior.coords) for box in boxes]
    wanted = shapely.Polygon()
    for ring in rings:
        wanted = wanted.symmetric_difference(shapely.Polygon(ring))
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 1, 0, 3]):
        told = [f"11\n5\n{''.join(f'{x},{y}' + chr(10) for x, y in rings[i])}" for i in order]
        begin, end = WHOLE.index("450250,4420050\n2\n"), WHOLE.index("0\n5\n1001")
        vct = read(tmp_path, WHOLE[:begin] + "1,1\n5\n" + "".join(told) + WHOLE[end:])
        assert vct.layers[0].shapes[0].equals(wanted)
        assert len(vct.layers[0].shapes[0].geoms) == 3


def test_an_offset_is_added_where_the_extent_asks_for_it(tmp_path: Path) -> None:
    moved = WHOLE.replace("Offset:0,0", "Offset:1000,2000")
    as_it_is = read(tmp_path, moved)
    assert as_it_is.layers[2].shapes[0] == shapely.Point(450010.5, 4420020.25)
    text = moved.replace("ExtentMin:450000,4420000", "ExtentMin:451000,4422000")
    added = read(tmp_path, text.replace("ExtentMax:451000,4421000", "ExtentMax:452000,4423000"))
    assert added.layers[2].shapes[0] == shapely.Point(451010.5, 4422020.25)
    with pytest.raises(InputError, match="outside of the extent"):
        read(tmp_path, moved.replace("ExtentMin:450000,4420000", "ExtentMin:450900,4420900"))


def test_what_has_no_row_and_what_is_not_read_is_told(tmp_path: Path) -> None:
    text = WHOLE.replace("4,热源厂，甲,9600.00\n", "").replace(
        "StyleBegin", "AnnotationBegin\n1\n2\nAnnotationEnd\nStyleBegin"
    )
    vct = read(tmp_path, text)
    assert vct.layers[0].rows["MC"].tolist() == [None, None]
    assert vct.notes == (
        "the part annotation of 2 lines is not read",
        "1 features of 1001 have no row in DK",
    )


WRONG = [
    # what stands there, what to put there, the line to be named (text, which), words of the message
    ("HeadBegin", "NoHead", ("NoHead", 1), "begins with HeadBegin"),
    ("Dim:2", "Dim 2", ("Dim 2", 1), "key:value"),
    ("Dim:2", "Dim:4", ("HeadEnd", 1), "dimensions"),
    ("XYUnit:M", "XYUnit:Q", ("HeadEnd", 1), "coordinates in 'Q'"),
    ("DataMark:LANDUSE-VCT\n", "", ("HeadEnd", 1), "datamark"),
    ("1001,宗地,Polygon,DK", "1001,宗地", ("1001,宗地", 1), "a code, a name"),
    ("1001,宗地,Polygon,DK", "1001,宗地,Polygon,XX", ("1001,宗地,Polygon,XX", 1), "table 'XX'"),
    ("1001,宗地,Polygon,DK", "1001,宗地,Solid,DK", ("1001,宗地,Solid,DK", 1), "none of the kinds"),
    ("DK,2", "DK,3", ("0", 1), "a field and its type"),
    ("DK,2", "DK,1", ("MJ,Float,15,2", 1), "followed by 0"),
    ("MJ,Float,15,2", "MJ,Complex", ("MJ,Complex", 1), "a field and its type"),
    ("450010.5,4420020.25", "450010.5,north", ("450010.5,north", 1), "a point of 2 numbers"),
    ("450010.5,4420020.25", "450010.5,nan", ("450010.5,nan", 1), "a point of 2 numbers"),
    ("450010.5,4420020.25", "450010.5", ("450010.5", 1), "a point of 2 numbers"),
    ("450100,4420000", "450100,4420000,3", ("450100,4420000,3", 1), "a point of 2 numbers"),
    ("11\n3\n", "11\n4\n", ("0", 5), "a point of 2 numbers"),
    ("11\n3\n", "11\n2\n", ("450100,4420100", 1), "should end here with 0"),
    ("11\n3\n", "12\n3\n", ("12", 1), "type '12'"),
    ("11\n3\n", "11\n1\n", ("1", 6), "which cannot be"),
    ("450250,4420050\n2\n", "450250,4420050\n3\n", ("0", 7), "type '0'"),
    ("450250,4420050\n2\n", "450250,4420050\n1\n", ("11", 4), "should end here with 0"),
    ("450200,4420100\n450200,4420000", "450200,4420100\n450200,4420001", ("11", 3), "not end where it began"),
    ("\n2,3\n", "\n2,33\n", ("2,33", 1), "there is no line 33"),
    ("\n2,3\n", "\n2,-3\n", ("2,-3", 1), "does not begin where"),
    ("\n2,3\n", "\n2,x\n", ("2,x", 1), "number of a line"),
    ("\n2,3\n", "\n2\n", ("0", 8), "a ring without lines"),
    ("21\n2\n2,3", "21\n3\n2,3,0", ("2,3,0", 1), "a ring without lines"),
    ("21\n2\n2,3", "21\n1\n2,3", ("2,3", 1), "1 line numbers are announced"),
    ("21\n2\n2,3", "21\n1\n2", ("2", 3), "does not end where it began"),
    ("4\n1001", "4\n7777", ("7777", 1), "code '7777' is not declared"),
    ("4\n1001", "4\n2001", ("2001", 3), "declared as Line"),
    ("4\n1001", "1\n1001", ("1", 8), "belongs to the feature in line"),
    ("4\n1001", "four\n1001", ("four", 1), "number of a feature"),
    ("unknown\n100\n", "unknown\n7\n", ("7", 1), "a polygon of type"),
    ("4,热源厂，甲,9600.00", "4,热源厂,甲,9600.00", ("4,热源厂,甲,9600.00", 1), "this one 3"),
    ("4,热源厂，甲,9600.00", "44,热源厂，甲,9600.00", ("44,热源厂，甲,9600.00", 1), "no feature 44"),
    ("4,热源厂，甲,9600.00", "5,热源厂，甲,9600.00", ("5,,10000.00", 1), "has a row in DK already"),
    ("9600.00", "96oo", ("4,热源厂，甲,96oo", 1), "MJ is no Float"),
    ("2,7", "2,7.5", ("2,7.5", 1), "XH is no Int"),
    ("20261122", "20261322", ("1,20261322", 1), "RQ is no Date"),
    ("SC\n1,", "SD\n1,", ("SD", 1), "table 'SD' is not declared"),
    ("450010.5,", "1e308,", ("1e308,4420020.25", 1), "a point of 2 numbers"),
    ("450100,4420000\n450100", "1e308,1e308\n1e308", ("1e308,1e308", 1), "a point of 2 numbers"),
    ("DK,2", f"DK,{'9' * 5000}", (f"DK,{'9' * 5000}", 1), "a table and the number"),
    ("MJ,Float,15,2", f"MJ,Float,{'9' * 5000}", (f"MJ,Float,{'9' * 5000}", 1), "width and decimals"),
    ("2,7", f"{'2' * 5000},7", (f"{'2' * 5000},7", 1), "begins with the number"),
    ("4\n1001", f"{'4' * 5000}\n1001", ("4" * 5000, 1), "number of a feature"),
    ("\n2,3\n", f"\n2,{'3' * 5000}\n", (f"2,{'3' * 5000}", 1), "number of a line"),
    ("11\n3\n", f"11\n{'3' * 5000}\n", ("3" * 5000, 1), "number of points"),
    ("StyleBegin", "CommentBegin", ("CommentBegin", 1), "no CommentEnd"),
    ("StyleBegin", "loose text", ("loose text", 1), "should begin here"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "place", "words"), WRONG)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, place: tuple[str, int], words: str
) -> None:
    text = WHOLE.replace(old, new, 1)
    assert text != WHOLE
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    message = str(caught.value)
    assert words in message
    assert message.startswith(f"a.vct, line {line_of(text, *place)}: "), message


def test_a_file_cut_anywhere_is_an_error(tmp_path: Path) -> None:
    lines = WHOLE.split("\n")
    whole = lines.index("AttributeEnd")
    for count in range(whole + 1):
        with pytest.raises(InputError, match=r"a\.vct, line \d+: "):
            read(tmp_path, "\n".join(lines[:count]))
    check(read(tmp_path, "\n".join(lines[: whole + 1])))


@pytest.mark.parametrize("raw", [b"\x00\x01\x02", b"HeadBegin\n\xff\xff\xff\n", b"", "热".encode("utf-16")])
def test_what_is_no_text_is_told(tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(InputError, match=r"^a\.vct"):
        read(tmp_path, raw)


@given(st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_ends_in_anything_but_an_error_or_an_answer(tmp_path: Path, data: st.DataObject) -> None:
    lines = WHOLE.split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        kind = data.draw(st.sampled_from(["drop", "double", "swap", "other", "text"]))
        if kind == "drop" and len(lines) > 1:
            del lines[at]
        elif kind == "double":
            lines.insert(at, lines[at])
        elif kind == "swap":
            other = data.draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif kind == "other":
            lines[at] = data.draw(
                st.sampled_from(["0", "-1", "99999999999999999999", "1e400", ",", "End", "1,1"])
            )
        else:
            lines[at] = data.draw(st.text(max_size=8))
    # Whatever else is raised is a failure.
    with suppress(InputError):
        for layer in read(tmp_path, "\n".join(lines).encode("utf-8", "replace")).layers:
            assert len(layer.shapes) == len(layer.rows) == len(layer.numbers)
