"""The profile of a package: names, codes, widths and domains, read from a file that an operator may change.

What layers and results declare of themselves (titles, units, ranges, words) stays with them; the profile says
what a platform calls them. `resolved` puts both together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator

from gis.errors import InputError
from gis.export.model import Area, Coded, Column, Crs, Name, ProfileOf, Sliver, Strict, Table
from gis.export.sources import KINDS, SOURCES, Source, Value
from gis.plain_yaml import NotYamlError, parse_yaml
from layers import Text

DEFAULT = Path(__file__).with_name("territorial.yaml")
BUILT_IN = {"territorial": DEFAULT}


class Made(Strict):
    """A column that the package fills itself: in every table, or in those of polygons alone."""

    name: Name
    title: Text
    width: Annotated[int, Field(ge=1, le=255)]
    decimals: Annotated[int, Field(ge=0, le=15)] | None = None


class Common(Strict):
    """The columns that tables begin with; `remark` is the last, where a table has none of its own."""

    bsm: Made
    ysdm: Made
    district_code: Made
    district_name: Made
    area: Made
    remark: Made


class ColumnRule(Strict):
    """What a platform calls one column, and how wide it is there.

    `codes` are other words than the declared ones for the values of a text.
    """

    name: Name | None = None
    width: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    decimals: Annotated[int, Field(ge=0, le=15)] | None = None
    codes: Mapping[str, str] = Field(default_factory=dict)


class TableRule(Strict):
    """What a platform calls one table.

    `columns` are by the name of the field, fact or verdict. Of a layer all fields are taken, of what was
    worked out those alone that have a rule here.
    """

    name: Name | None = None
    ysdm: Annotated[str, Field(min_length=1, max_length=10)]
    coverage: bool = False
    columns: Mapping[str, ColumnRule] = Field(default_factory=dict)


class Border(Strict):
    """What lines are called that polygons share, where a VCT file tells polygons by lines."""

    name: Name
    ysdm: Annotated[str, Field(min_length=1, max_length=10)]
    title: Text


class Profile(Strict):
    """A profile as its file has it, and the hash of that file."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
    version: str
    title: Text
    local: bool
    notice: Text
    area: Area
    crs: Crs
    tolerance_m: Annotated[float, Field(gt=0, le=1)]
    sliver: Sliver
    map_scale: Annotated[int, Field(ge=100, le=10_000_000)]
    projection_parameters: str
    border: Border
    common: Common
    text_width: Annotated[int, Field(ge=1, le=1_000_000)]
    number_width: Annotated[int, Field(ge=1, le=32)]
    decimals: Annotated[int, Field(ge=0, le=15)]
    widths: Mapping[str, Annotated[int, Field(ge=1, le=1_000_000)]]
    tables: Mapping[str, TableRule]
    sha256: str = ""

    @model_validator(mode="after")
    def _known(self) -> Profile:
        for name in self.tables:
            if name not in SOURCES:
                raise ValueError(f"tables: there is nothing called {name!r}; there are {', '.join(SOURCES)}")
        return self

    def described(self) -> ProfileOf:
        """Return what a manifest tells of this profile."""
        return ProfileOf(
            id=self.id,
            version=self.version,
            title=self.title,
            local=self.local,
            notice=self.notice,
            sha256=self.sha256,
        )


def read_profile(place: str | Path) -> Profile:
    """Return a profile by its name, `territorial`, or by the path of its file.

    Raises InputError that names the file and the place in it where it cannot be used.
    """
    path = BUILT_IN.get(str(place), Path(place))
    try:
        body = path.read_bytes()
        _, found = parse_yaml(body)
    except OSError as error:
        raise InputError(
            f"There is no profile {place} ({error.strerror}); give {', '.join(BUILT_IN)} or a file's path."
        ) from error
    except NotYamlError as error:
        line = f", line {error.line}," if error.line else ""
        raise InputError(f"The profile {path.name}{line} is not YAML that can be read: {error}.") from error
    if not isinstance(found, dict):
        raise InputError(f"The profile {path.name} must be a mapping of settings; compare {DEFAULT.name}.")
    try:
        profile = Profile(**{**found, "sha256": hashlib.sha256(body).hexdigest()})
        resolved(profile)
    except ValidationError as error:
        raise InputError(f"The profile {path.name} cannot be used: {_first(error)}.") from error
    except ValueError as error:
        raise InputError(f"The profile {path.name} cannot be used: {error}.") from error
    return profile


def _first(error: ValidationError) -> str:
    told = error.errors()[0]
    place = ".".join(str(part) for part in told["loc"])
    return f"{place or 'the file'}: {told['msg'].removeprefix('Value error, ')}"


def resolved(profile: Profile) -> tuple[Table, ...]:
    """Return the tables of a profile with all their columns, in its order.

    Raises ValueError where a rule names what is not there, or two columns or tables share a name.
    """
    tables = tuple(_table(profile, name, rule) for name, rule in profile.tables.items())
    names = [table.name for table in tables] + [profile.border.name]
    if len(set(names)) < len(names):
        twice = next(n for n in names if names.count(n) > 1)
        raise ValueError(f"tables: two tables are called {twice}")
    return tables


def _table(profile: Profile, id_: str, rule: TableRule) -> Table:
    source = SOURCES[id_]
    name = rule.name or source.export_name
    if name is None:
        raise ValueError(f"tables.{id_}: a name is needed")
    columns = tuple(_columns(profile, id_, rule, source))
    names = [column.name for column in columns]
    twice = [n for n in names if names.count(n) > 1]
    if twice:
        raise ValueError(f"tables.{id_}: two columns are called {twice[0]}")
    return Table(
        name=name,
        ysdm=rule.ysdm,
        title=source.title,
        description=source.description,
        kind=source.kind,
        coverage=rule.coverage,
        source=id_,
        columns=columns,
    )


def _columns(profile: Profile, id_: str, rule: TableRule, source: Source) -> Iterator[Column]:
    common = profile.common
    for made in (common.bsm, common.ysdm, common.district_code, common.district_name):
        # Where a place has no district nothing is said of it.
        yield _made(made, required=made in (common.bsm, common.ysdm))
    if source.kind == "polygon":
        yield _made(common.area, required=True)
    unknown = rule.columns.keys() - source.values.keys()
    if unknown:
        raise ValueError(f"tables.{id_}.columns: {id_} has no {min(unknown)}")
    named = []
    for name, value in source.values.items():
        own = rule.columns.get(name)
        if own is None and not source.whole:
            continue
        called = (own.name if own else None) or value.export_name
        if called is None:
            raise ValueError(f"tables.{id_}.columns.{name}: a name is needed")
        named.append(called)
        yield _column(profile, id_, name, called, own or ColumnRule(), value)
    if common.remark.name not in named:
        yield _made(common.remark, required=False)


def _made(made: Made, *, required: bool) -> Column:
    kind = "text" if made.decimals is None else "float"
    return Column(
        name=made.name,
        type=kind,
        width=made.width,
        decimals=made.decimals,
        title=made.title,
        unit=None if kind == "text" else "m2",
        required=required,
    )


def _column(profile: Profile, id_: str, name: str, called: str, rule: ColumnRule, value: Value) -> Column:
    kind = KINDS[value.type]
    width: int | None
    if kind == "text":
        width = rule.width or profile.widths.get(called) or value.width or profile.text_width
    else:
        width = rule.width or (None if kind == "date" else profile.number_width)
    decimals = (profile.decimals if rule.decimals is None else rule.decimals) if kind == "float" else None
    strange = rule.codes.keys() - {stored for stored, _ in value.choices}
    if strange:
        raise ValueError(f"tables.{id_}.columns.{name}.codes: {name} is never {min(strange)!r}")
    domain = tuple(
        Coded(stored=stored, written=rule.codes.get(stored, title.zh), title=title)
        for stored, title in value.choices
    )
    if len({one.written for one in domain}) < len(domain):
        raise ValueError(f"tables.{id_}.columns.{name}.codes: two values are written the same")
    return Column(
        name=called,
        type=kind,
        width=width,
        decimals=decimals,
        title=value.title,
        unit=value.unit,
        required=value.required,
        minimum=value.minimum,
        maximum=value.maximum,
        several=value.type == "text_list",
        domain=domain,
        source=name,
    )
