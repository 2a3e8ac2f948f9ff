"""Source columns to declared fields: which column feeds which field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from gis.errors import InputError
from layers import FieldSpec, LayerSpec

LON_NAMES = ("lon", "lng", "long", "longitude", "经度", "x")
LAT_NAMES = ("lat", "latitude", "纬度", "y")
WKT_NAMES = ("wkt", "ewkt", "geom", "geometry", "the_geom", "wkt_geom", "坐标", "几何", "空间坐标")
COORDINATES = ("lon", "lat", "wkt")
"""Names that `--column` takes besides the fields: where the position of a table row stands."""

_CUT_BYTES = 10
_SEPARATORS = re.compile(r"[\s_\-‐-―]+")
_WITH_UNIT = re.compile(r"^(.+?)[(\[【](.+?)[)\]】]$")

# Other spellings of the declared units, as headers carry them; compared by `plain`.
_UNITS: Mapping[str, tuple[str, ...]] = {
    "1": ("人", "个", "无量纲"),
    "m": ("米",),
    "mm": ("毫米",),
    "m2": ("平方米", "平米", "sqm", "m^2"),
    "m3/d": ("立方米/日", "立方米/天", "m3/日", "m3/天", "吨/日", "t/d"),
    "kW": ("千瓦",),
    "degC": ("°c", "摄氏度", "度", "c"),
    "MWh/a": ("兆瓦时/年", "mwh"),
    "K/km": ("°c/km", "c/km"),
    "W/(m K)": ("w/(m·k)", "w/mk", "w/m/k", "w/(m·°c)"),
    "MJ/(m3 K)": ("mj/(m3·k)", "mj/m3k"),
}


@dataclass(frozen=True)
class ColumnMap:
    """`fields`: field -> source column; `coordinates`: lon/lat/wkt -> source column."""

    fields: Mapping[str, str]
    coordinates: Mapping[str, str]
    unused: tuple[str, ...]
    warnings: tuple[str, ...]


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Return `text` as names are compared: without case, spaces, underscores, hyphens, full-width forms."""
    return _SEPARATORS.sub("", unicodedata.normalize("NFKC", text).casefold())


def map_columns(
    spec: LayerSpec,
    names: Sequence[str],
    explicit: Mapping[str, str] | None,
    *,
    has_geometry: bool,
    cut_names: bool,
) -> ColumnMap:
    """Return which column of `names` feeds which field of `spec`.

    Order: `explicit`, field names, Chinese and English titles, aliases. A column feeds one
    field only. Coordinate columns are looked for unless the source has shapes of its own.
    A unit in the header, as in `建筑面积（m2）`, must be the declared one. With `cut_names` a name
    of full length also stands for the one field whose name begins with it; where several do, it is not used.

    Raises
    ------
    InputError
        `explicit` names a field or a column that does not exist.
    """
    chosen = _explicit(spec, names, explicit or {})
    coordinates = {k: v for k, v in chosen.items() if k in COORDINATES}
    fields = {k: v for k, v in chosen.items() if k not in COORDINATES}
    free: dict[str, str] = {}
    for name in names:
        if name not in chosen.values():
            free.setdefault(plain(name), name)
    if not has_geometry and not coordinates:
        coordinates = _coordinates(spec, free)
    warnings = _uncut(spec, free, fields) if cut_names else []
    warnings += _by_spelling(spec, free, fields)
    used = {*fields.values(), *coordinates.values()}
    unused = tuple(n for n in names if n not in used)
    ordered = {f.name: fields[f.name] for f in spec.fields if f.name in fields}
    return ColumnMap(ordered, coordinates, unused, tuple(warnings))


def _by_spelling(spec: LayerSpec, free: dict[str, str], fields: dict[str, str]) -> list[str]:
    """Move columns from `free` to `fields`, names before titles before aliases; return warnings on units."""
    warnings = []
    headers = {base: (spelling, unit) for base, spelling, unit in _with_units(free)}
    for level in range(max(len(_spellings(f)) for f in spec.fields)):
        for f in spec.fields:
            wanted = "".join(_spellings(f)[level : level + 1])
            if f.name in fields or not wanted:
                continue
            header, unit = headers.get(wanted, ("", ""))
            if wanted in free:
                fields[f.name] = free.pop(wanted)
            elif header in free and f.unit is not None:
                if unit in {plain(u) for u in (f.unit, *_UNITS.get(f.unit, ()))}:
                    fields[f.name] = free.pop(header)
                else:
                    name = free.pop(header)
                    warnings.append(
                        f"column {name!r} is not used for {f.name}: its unit is not {f.unit}; convert it"
                    )
    return warnings


def _spellings(field: FieldSpec) -> list[str]:
    return [plain(t) for t in (field.name, field.title.zh, field.title.en, *field.aliases)]


def _with_units(free: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (name before the unit, whole spelling, unit) of headers that carry a unit in brackets."""
    found = ((spelling, _WITH_UNIT.match(spelling)) for spelling in free)
    return [(m.group(1), spelling, m.group(2)) for spelling, m in found if m]


def _explicit(spec: LayerSpec, names: Sequence[str], explicit: Mapping[str, str]) -> dict[str, str]:
    by_spelling = {plain(n): n for n in reversed(names)}
    out = {}
    for target, source in explicit.items():
        if target not in spec.field_names and target not in COORDINATES:
            raise InputError(
                f"--column {target}={source}: layer {spec.id} has no field {target!r}; "
                f"it has {', '.join(spec.field_names)}."
            )
        found = source if source in names else by_spelling.get(plain(source))
        if found is None:
            raise InputError(
                f"--column {target}={source}: the file has no column {source!r}; it has {', '.join(names)}."
            )
        out[target] = found
    return out


def _coordinates(spec: LayerSpec, free: dict[str, str]) -> dict[str, str]:
    wkt = next((plain(n) for n in WKT_NAMES if plain(n) in free), None)
    if wkt is not None:
        return {"wkt": free.pop(wkt)}
    lon = next((plain(n) for n in (*spec.lon_aliases, *LON_NAMES) if plain(n) in free), None)
    lat = next((plain(n) for n in (*spec.lat_aliases, *LAT_NAMES) if plain(n) in free), None)
    if lon is None or lat is None:
        return {}
    return {"lon": free.pop(lon), "lat": free.pop(lat)}


def _uncut(spec: LayerSpec, free: dict[str, str], fields: dict[str, str]) -> list[str]:
    """Move names of full shapefile length from `free` to `fields`; return warnings on ambiguous ones."""
    warnings = []
    for spelling, name in list(free.items()):
        sizes = (len(name.encode("utf-8")), len(name.encode("gb18030")))
        full = sizes[0] == _CUT_BYTES if name.isascii() else sizes[0] in (8, 9, 10) or sizes[1] in (9, 10)
        begun = [f.name for f in spec.fields if any(s.startswith(spelling) for s in _spellings(f))]
        if not full or not begun:
            continue
        if len(begun) > 1:
            del free[spelling]
            warnings.append(
                f"column {name!r} is not used: its name was cut by the shapefile and can mean "
                f"{' or '.join(begun)}; say which with --column"
            )
        elif begun[0] not in fields:
            fields[begun[0]] = free.pop(spelling)
    return warnings
