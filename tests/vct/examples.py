"""Small VCT files to read and to break, and coverages to write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyproj
import shapely

from gis.vct.model import Dialect, Field, Reference
from gis.vct.writing import Form, vct_writer

PARAMETERS = "{latitude_of_origin},{central_meridian},{scale_factor},{false_easting},{false_northing}"
BORDER = Reference("9999", "界线", "Line", "JX")
PARCEL = Reference("1001", "宗地", "Polygon", "DK")
FIELDS = (Field("BSM", "Char", 18), Field("MC", "Char", 100), Field("MJ", "Float", 15, 2), Field("XH", "Int"),
          Field("RQ", "Date"))  # fmt: skip

HEAD = """HeadBegin
DataMark:LANDUSE-VCT
Version:3.0
CoordinateSystemType:P
Dim:2
XAxisDirection:E
YAxisDirection:N
XYUnit:M
Spheroid:CGCS2000,6378137.0,298.257222101
Projection:高斯-克吕格投影
Parameters:0,117,1,500000,0
ExtentMin:450000,4420000
ExtentMax:451000,4421000
Offset:0,0
Separator:,
HeadEnd
FeatureCodeBegin
1001,宗地,Polygon,DK
2001,管线,Line,GX
3001,水厂,Point,SC
FeatureCodeEnd
TableStructureBegin
DK,2
MC,Char,100
MJ,Float,15,2
0
GX,1
XH,Int4
0
SC,1
RQ,Date
0
TableStructureEnd
"""
BODY = """PointBegin
1
3001
unknown
1
1
450010.5,4420020.25
0
PointEnd
LineBegin
2
2001
unknown
1
1
11
3
450000,4420000
450100,4420000
450100,4420100
0
3
2001
unknown
1
1
11
3
450100,4420100
450000,4420100
450000,4420000
0
LineEnd
PolygonBegin
4
1001
unknown
1
450250,4420050
2
11
5
450200,4420000
450300,4420000
450300,4420100
450200,4420100
450200,4420000
11
5
450220,4420020
450240,4420020
450240,4420040
450220,4420040
450220,4420020
0
5
1001
unknown
100
450050,4420050
21
2
2,3
0
PolygonEnd
AttributeBegin
SC
1,20261122
TableEnd
GX
2,7
3,8
TableEnd
DK
4,热源厂，甲,9600.00
5,,10000.00
TableEnd
AttributeEnd
StyleBegin
StyleEnd
"""


def form(dialect: Dialect = "3.0", epsg: int = 4548, *, shared: bool = False) -> Form:
    """Return how to write."""
    crs = pyproj.CRS.from_epsg(epsg)
    return Form(dialect, crs, 2000, date(2026, 11, 22), PARAMETERS, BORDER if shared else None)


def write(path: Path, how: Form, shapes: Sequence[Any], batch: int = 100) -> dict[str, list[Any]]:
    """Write polygons with values in batches; return the values."""
    count = len(shapes)
    areas = np.random.default_rng(count).uniform(-9e9, 9e9, count).round(2).tolist()
    values = {
        "BSM": [f"{i:018d}" for i in range(count)],
        "MC": [None if i % 5 == 4 else f"地块{i}䶮𠮷" for i in range(count)],
        "MJ": [None if i % 7 == 6 else v for i, v in enumerate(areas)],
        "XH": [None if i % 3 == 2 else i - 5 for i in range(count)],
        "RQ": [None if i % 4 == 3 else date(2026, 1, 1 + i % 28) for i in range(count)],
    }
    table = pa.table(values)
    given = np.array(shapes, dtype=object)
    with vct_writer(path, how) as writer:
        batches = ((given[at : at + batch], one) for at in range(0, count, batch)
                   for one in table.slice(at, batch).combine_chunks().to_batches())  # fmt: skip
        assert writer.add(PARCEL, FIELDS, batches) == count
    return values


def mosaic(labels: Any, origin: tuple[float, float], side: float) -> list[Any]:
    """Return the areas of equal labels in a grid: a coverage with holes, islands and many parts."""
    labels = np.asarray(labels)
    x, y = origin
    found = []
    for label in np.unique(labels):
        cells = [shapely.box(x + j * side, y + i * side, x + (j + 1) * side, y + (i + 1) * side)
                 for i, j in zip(*np.nonzero(labels == label), strict=True)]  # fmt: skip
        # A vertex wherever a neighbour may have one.
        found.append(shapely.segmentize(shapely.union_all(cells), side))
    return found
