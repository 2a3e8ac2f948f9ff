"""The form of a layer declaration: fields, geometry, style.

One `LayerSpec` drives the PostGIS table, the import checks, the recognition of
Chinese and English column names, the legend, and the API schema of its layer.
A `RasterSpec` drives the import checks of a raster, and says which fact it gives.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FieldType = Literal["text", "integer", "float", "boolean", "date", "timestamp"]
GeometryKind = Literal["point", "line", "polygon"]
Group = Literal["demand", "resource", "restriction", "network", "reference"]
Access = Literal["open", "internal", "restricted"]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]

TOWNSHIP_SEPARATOR = "、"
"""Between the names of a feature that is given as a list of townships."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Frozen):
    """The same words in Chinese and English."""

    zh: str
    en: str


class Choice(_Frozen):
    """One allowed value of a field, with its titles and the source spellings of it."""

    value: str
    title: Text
    aliases: tuple[str, ...] = ()


class FieldSpec(_Frozen):
    """One attribute of a layer.

    `aliases` are column names under which source files carry the field; they are
    compared without case, spaces and underscores. `minimum` and `maximum` are
    inclusive and in `unit`.
    """

    name: Identifier
    type: FieldType
    title: Text
    unit: str | None = None
    aliases: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    max_length: int = 255
    export_name: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,9}$")]

    @model_validator(mode="after")
    def _consistent(self) -> FieldSpec:
        numeric = self.type in ("integer", "float")
        if not numeric and (self.minimum is not None or self.maximum is not None):
            raise ValueError(f"field {self.name}: a range needs a numeric type")
        if self.choices and self.type != "text":
            raise ValueError(f"field {self.name}: choices need type text")
        return self


class StyleSpec(_Frozen):
    """How the map draws the layer: hexadecimal colours, widths in pixels."""

    colour: Colour
    fill_opacity: float = 0.25
    width_px: float = 1.5
    radius_px: float = 5.0
    dash: str | None = None
    visible: bool = True


class LayerSpec(_Frozen):
    """One layer of the map; `id` is also its table name and its collection id.

    `key` names the field that identifies a feature; when a source has no such
    column the import numbers the features. `by_township` says that a feature may
    be given as a list of townships instead of a polygon. `access` is who may read it.
    """

    id: Identifier
    title: Text
    description: Text
    group: Group
    geometry: GeometryKind
    key: Identifier
    fields: tuple[FieldSpec, ...]
    style: StyleSpec
    access: Access
    core: bool = False
    by_township: bool = False
    lon_aliases: tuple[str, ...] = ()
    lat_aliases: tuple[str, ...] = ()
    export_name: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,9}$")]

    @model_validator(mode="after")
    def _consistent(self) -> LayerSpec:
        names = [f.name for f in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"layer {self.id}: a field is declared twice")
        if len({f.export_name for f in self.fields}) != len(names):
            raise ValueError(f"layer {self.id}: two fields share an export name")
        if names[0] != self.key:
            raise ValueError(f"layer {self.id}: the key {self.key} must be the first field")
        if self.by_township and "townships" not in names:
            raise ValueError(f"layer {self.id}: a township list needs the field townships")
        return self

    def field(self, name: str) -> FieldSpec:
        """Return the field called `name`; KeyError if the layer has none."""
        for f in self.fields:
            if f.name == name:
                return f
        raise KeyError(f"layer {self.id} has no field {name!r}")

    @property
    def field_names(self) -> tuple[str, ...]:
        """Names of all fields, the key first."""
        return tuple(f.name for f in self.fields)


class RasterSpec(_Frozen):
    """One quantity that covers the ground cell by cell: a raster of one band.

    `fact` is what its mean over a parcel becomes. `minimum` and `maximum` are inclusive
    and in `unit`; a raster with a value beyond them is not taken.
    """

    id: Identifier
    title: Text
    description: Text
    group: Group
    access: Access
    fact: Identifier
    unit: str
    minimum: float
    maximum: float


class BandSpec(_Frozen):
    """One quantity that is worked out cell by cell, as a band of the raster of a potential.

    `column` is its name in tables and files, with the unit as its ending.
    """

    id: Identifier
    title: Text
    description: Text
    group: Group
    column: Identifier
    unit: str
