"""What a package says of itself: its tables with their fields, its files, and where all of it comes from.

The manifest of a package is one `Manifest` as JSON. Whoever reads, checks or describes a package
needs nothing else.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from layers import Text

MANIFEST = "manifest.json"

BETWEEN = ";"
"""Between the values of a column that may have several."""

Name = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,9}$")]
"""Names of tables and fields: at most ten letters, as a Shapefile cuts longer ones."""

Kind = Literal["polygon", "line", "point", "table"]
"""What is drawn of a row; of a `table` nothing is."""

ColumnType = Literal["text", "integer", "float", "date"]
DataFormat = Literal["gdb", "gpkg", "shp", "vct", "geojson", "geoparquet"]
Encoding = Literal["UTF-8", "GB18030"]
Crs = Literal["EPSG:4490", "EPSG:4548", "EPSG:4527"]


def _inside(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or "\\" in path:
        raise ValueError(f"the path {path} leads out of the package")
    return path


Place = Annotated[str, AfterValidator(_inside)]
"""A path in a package; one that leads out of it is refused, whoever wrote the manifest."""


class Strict(BaseModel):
    """A part of a document that may hold what is declared and nothing else."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Coded(Strict):
    """One value that a column may have: as `stored` in OneMap, and as `written` in the package."""

    stored: str
    written: str
    title: Text


class Column(Strict):
    """One column of a table.

    `width` is in characters of text or digits of a number, None for dates. `domain` are all values that a
    text may have, none where any will do; of `several` values, which `BETWEEN` stands between, each is one of
    them. `source` is the field, fact or verdict that fills it, None for what the package makes itself.
    `minimum` and `maximum` are inclusive and in `unit`.
    """

    name: Name
    type: ColumnType
    width: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    decimals: Annotated[int, Field(ge=0, le=15)] | None = None
    title: Text
    unit: str | None = None
    required: bool = False
    several: bool = False
    minimum: float | None = None
    maximum: float | None = None
    domain: tuple[Coded, ...] = ()
    source: str | None = None


class Table(Strict):
    """One table of a package: `name` is that of the layer in every file, `ysdm` the code of its features.

    `source` is the collection or the indicator that fills it. The features of a `coverage` leave no gap and
    do not overlap.
    """

    name: Name
    ysdm: Annotated[str, Field(min_length=1, max_length=10)]
    title: Text
    description: Text
    kind: Kind
    coverage: bool = False
    source: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return a column by its name in the package; KeyError where there is none."""
        for one in self.columns:
            if one.name == name:
                return one
        raise KeyError(name)


class Part(Strict):
    """Where rows of a table are: `file` as a path in the package, `layer` the name within it.

    `district` is the code of the district whose rows these are, None where the package is not split.
    `extent` is west, south, east, north in the coordinate system of the package, None without shapes.
    """

    file: Place
    layer: str
    district: str | None = None
    feature_count: int
    extent: tuple[float, float, float, float] | None = None


class Origin(Strict):
    """One layer that a table was made of, as it was loaded."""

    layer: str
    version: int
    loaded_at: datetime
    feature_count: int
    source_name: str
    source_sha256: str


class Packed(Table):
    """A table as a package holds it.

    `cut_count` is how many texts did not fit and stand in the file `overlong` of the package,
    `unplaced_count` how many rows are not in it as nothing is known that could be drawn of them.
    """

    parts: tuple[Part, ...]
    origins: tuple[Origin, ...]
    synthetic: bool
    metadata: Place | None = None
    cut_count: int = 0
    unplaced_count: int = 0


class Area(Strict):
    """The place that a package is about: its six-digit code and its name."""

    code: Annotated[str, Field(pattern=r"^\d{6}$")]
    name: Annotated[str, Field(min_length=1, max_length=60)]


class Rules(Strict):
    """The rule set that verdicts rest on."""

    id: str
    hash: str
    as_of: date


class Run(Strict):
    """The run of scoring whose results are in a package; `current` tells whether of the layers in it."""

    run_id: int
    finished_at: datetime
    current: bool


class Sliver(Strict):
    """What makes a polygon a sliver: less area, or less width (twice the area over the perimeter)."""

    area_m2: Annotated[float, Field(gt=0)]
    width_m: Annotated[float, Field(gt=0)]


class ProfileOf(Strict):
    """The profile that a package was made by; a `local` one has names and codes of no national standard."""

    id: str
    version: str
    title: Text
    local: bool
    notice: Text
    sha256: str


class File(Strict):
    """A file of a package, by its path in it; a file geodatabase is many."""

    path: Place
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size_bytes: int


class Manifest(Strict):
    """All that a package says of itself.

    `datum_note` tells how coordinates came into `crs`. `scenario` is the one whose matching and siting are in
    it, None where there is none. `overlong` is the file with the texts that a column is too narrow for.
    """

    form: Literal["onemap-territorial-package"] = "onemap-territorial-package"
    form_version: Literal[1] = 1
    profile: ProfileOf
    area: Area
    created_at: datetime
    software: str
    format: DataFormat
    vct_dialect: Literal["2007", "3.0"] | None = None
    encoding: Encoding
    crs: Crs
    datum_note: Text
    tolerance_m: float
    sliver: Sliver
    scenario: str | None
    rules: Rules | None
    run: Run | None
    tables: tuple[Packed, ...]
    overlong: Place | None = None
    files: tuple[File, ...]

    def table(self, name: str) -> Packed:
        """Return a table by its name; KeyError where there is none."""
        for one in self.tables:
            if one.name == name:
                return one
        raise KeyError(name)
