"""Which column of a table of measured values holds what."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gis.errors import InputError
from gis.ingest.columns import plain
from gis.monitoring.variables import VARIABLES, Variable
from layers import LAYERS

_TIME = (
    "time",
    "timestamp",
    "datetime",
    "date",
    "时间",
    "日期",
    "监测时间",
    "采集时间",
    "数据时间",
    "月份",
    "month",
)
_KEY = ("feature_id", "id", "编号", "对象编号")
_LONG = {
    "variable": ("variable", "指标", "变量", "监测项", "监测指标"),
    "value": ("value", "数值", "值", "监测值"),
    "unit": ("unit", "单位", "计量单位"),
}
_WITH_UNIT = re.compile(r"^(.+?)\s*[(\[【](.+?)[)\]】]\s*$")


@dataclass(frozen=True)
class Wide:
    """A column of values: its name, what it measures, and the unit that its name states."""

    column: str
    variable: Variable
    unit: str


@dataclass(frozen=True)
class Roles:
    """Columns by what they hold.

    key, time  of whom and when
    wide       a column a variable; none where every row names its own
    long       the columns `variable`, `value` and, where there is one, `unit`
    unused     columns that hold nothing of this
    """

    key: str
    time: str
    wide: tuple[Wide, ...]
    long: Mapping[str, str]
    unused: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """Return the columns that are read."""
        return [self.key, self.time, *(w.column for w in self.wide), *self.long.values()]


def variable_of(text: str) -> Variable | None:
    """Return the variable of a name, with or without its unit; None for any other text."""
    return _BY_NAME.get(plain(text))


def unit_of(variable: Variable, text: str) -> tuple[float, float] | None:
    """Return factor and offset from a unit to the stored one, None for a unit of something else."""
    return variable.units.get(unicodedata.normalize("NFKC", text).casefold().replace(" ", "")) or (
        variable.units.get(text.strip().casefold())
    )


def roles_of(layer: str, names: Sequence[str], source: str) -> Roles:
    """Return what the columns of a table hold.

    Raises InputError where one is missing, there twice, or names a variable without its unit.
    """
    field = LAYERS[layer].field(LAYERS[layer].key)
    keys = (field.name, field.title.zh, field.title.en, *field.aliases, *_KEY)
    key, time = _one(names, keys, source, field.title.en), _one(names, _TIME, source, "time")
    long = {role: found for role, known in _LONG.items() if (found := _maybe(names, known, source))}
    rest = [name for name in names if name not in (key, time, *long.values())]
    if "value" in long:
        if "variable" not in long:
            raise InputError(
                f"{source}: there is a column {long['value']!r}, but none that names the variable."
            )
        return Roles(key, time, (), long, tuple(rest))
    wide = tuple(w for name in rest if (w := _wide(name, source)) is not None)
    first: dict[str, str] = {}
    for one in wide:
        other = first.setdefault(one.variable.name, one.column)
        if other != one.column:
            raise InputError(
                f"{source}: the columns {other!r} and {one.column!r} both hold {one.variable.name}."
            )
    if not wide:
        known = ", ".join(v.name for v in VARIABLES.values() if layer in v.layers)
        raise InputError(f"{source}: no column holds a variable; those of {layer} are {known}.")
    used = {one.column for one in wide}
    return Roles(key, time, wide, {}, tuple(name for name in names if name not in (key, time, *used)))


def _names(variable: Variable) -> list[str]:
    return [*variable.aliases, variable.title.zh, variable.title.en]


_BY_NAME = {plain(name): v for v in VARIABLES.values() for name in (v.name, *_names(v))}
_BARE = {plain(name): v for v in VARIABLES.values() for name in _names(v)}


def _wide(name: str, source: str) -> Wide | None:
    told = _WITH_UNIT.match(unicodedata.normalize("NFKC", name))
    base, unit = told.groups() if told else name.rsplit("_", 1) if "_" in name else (name, "")
    variable = _BARE.get(plain(base))
    if variable is not None and unit:
        return Wide(name, variable, unit)
    if variable := _BARE.get(plain(name)):
        raise InputError(
            f"{source}: the column {name!r} does not state its unit; write it in brackets, "
            f"as {name} ({variable.unit})."
        )
    return None


def _maybe(names: Sequence[str], known: Sequence[str], source: str) -> str | None:
    wanted = {plain(name) for name in known}
    found = [name for name in names if plain(name) in wanted]
    if len(found) > 1:
        raise InputError(f"{source}: the columns {found[0]!r} and {found[1]!r} hold the same; drop one.")
    return found[0] if found else None


def _one(names: Sequence[str], known: Sequence[str], source: str, what: str) -> str:
    found = _maybe(names, known, source)
    if found is None:
        raise InputError(
            f"{source}: no column holds the {what}; name one {known[0]!r} "
            f"(the file has {', '.join(names)[:300]})."
        )
    return found
