"""What can go into a package: layers as declared, and what was worked out, value by value.

Nothing here is said twice: titles, units, ranges and words are those of the layers and of the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from gis import access
from gis.export.model import ColumnType, Kind
from gis.matching.columns import (
    BASES,
    CONNECTION_COLUMNS,
    EXCLUSIONS,
    PARCEL_COLUMNS,
    REASONS,
    SITE_COLUMNS,
    SITE_CONDITIONS,
    SITE_EXCLUSIONS,
    SOURCE_COLUMNS,
)
from gis.store.place_sums import INDICATORS, By
from gis.titles import HEATED_AREA_BASES, LAND_USE_CLASSES, Titles
from gis.vocabulary import (
    FACTS,
    OPTIONS,
    STATUS_TITLES,
    TECHNOLOGY_TITLES,
    VERDICTS,
)
from gis.vocabulary import Column as Worked
from layers import LAYERS, FieldSpec, LayerSpec, Text

ValueType = Literal["text", "text_list", "integer", "float", "boolean", "date", "timestamp"]
KINDS: Mapping[ValueType, ColumnType] = MappingProxyType(
    {
        "text": "text", "text_list": "text", "integer": "integer", "float": "float", "boolean": "text",
        "date": "date", "timestamp": "text",
    }
)  # fmt: skip
"""What becomes of a value in a package: times as ISO 8601, yes and no as words, lists joined."""

SUITABILITY = "parcel_suitability"
BY_PLACE: Mapping[str, By] = {
    "indicator_city": "city",
    "indicator_district": "district",
    "indicator_township": "township",
}

_TIME_WIDTH = 32
_YES_NO: Titles = {"true": ("是", "yes"), "false": ("否", "no")}


@dataclass(frozen=True)
class Value:
    """One value of the rows of a source; `choices` are all it may have, none where any will do."""

    type: ValueType
    title: Text
    unit: str | None = None
    width: int | None = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[tuple[str, Text], ...] = ()
    export_name: str | None = None


@dataclass(frozen=True)
class Source:
    """What one table can be filled from.

    `reads` names the layers, and `gis.access.RESULTS`, that one must be allowed to read. Of a `whole` source
    all values go into the package.
    """

    id: str
    title: Text
    description: Text
    kind: Kind
    reads: tuple[str, ...]
    values: Mapping[str, Value]
    whole: bool = False
    export_name: str | None = None


def _choices(titles: Mapping[str, tuple[str, str]]) -> tuple[tuple[str, Text], ...]:
    return tuple((stored, Text(zh=zh, en=en)) for stored, (zh, en) in titles.items())


def _field(spec: LayerSpec, field: FieldSpec) -> Value:
    words = {"boolean": _choices(_YES_NO), "text": tuple((c.value, c.title) for c in field.choices)}
    widths = {"text": field.max_length, "timestamp": _TIME_WIDTH}
    return Value(
        type=field.type,
        title=field.title,
        unit=field.unit,
        width=widths.get(field.type),
        required=field.required or field.name == spec.key,
        minimum=field.minimum,
        maximum=field.maximum,
        choices=words.get(field.type, ()),
        export_name=field.export_name,
    )


def _layer(spec: LayerSpec) -> Source:
    values = {field.name: _field(spec, field) for field in spec.fields}
    return Source(
        spec.id, spec.title, spec.description, spec.geometry, (spec.id,), values, True, spec.export_name
    )


_TECHNOLOGIES = _choices({str(k): v for k, v in TECHNOLOGY_TITLES.items()})
_VARIANTS = _choices({str(o.variant): (o.zh, o.en) for o in OPTIONS if o.variant is not None})
_STATUSES = _choices({str(k): v for k, v in STATUS_TITLES.items()})
_LAYERS = tuple((spec.id, spec.title) for spec in LAYERS.values())
_DECLARED = {f.name: f.choices for f in LAYERS["parcel"].fields if f.choices}
_WORDS: Mapping[str, tuple[tuple[str, Text], ...]] = {
    **{name: tuple((c.value, c.title) for c in choices) for name, choices in _DECLARED.items()},
    **dict.fromkeys(
        ("recommended", "matched", "technology", "undecided", "portfolio_technologies"), _TECHNOLOGIES
    ),
    **{c.name: _STATUSES for c in VERDICTS if c.name.endswith("_status")},
    **{c.name: _VARIANTS for c in VERDICTS if c.name.endswith("_variant")},
    **dict.fromkeys(("source_layer", "shared_layer", "displaced_layer"), _LAYERS),
    "land_use_class": _choices(LAND_USE_CLASSES),
    "heated_area_basis": _choices(HEATED_AREA_BASES),
    "basis": _choices(BASES),
    "unmet_reason": _choices(REASONS),
    "condition": _choices(SITE_CONDITIONS),
}


def _worked(column: Worked, words: Mapping[str, tuple[tuple[str, Text], ...]]) -> Value:
    title = Text(zh=column.zh, en=column.en)
    return Value(column.type, title, column.unit, choices=words.get(column.name, ()))


def _made(
    id_: str, zh: str, en: str, kind: Kind, reads: tuple[str, ...], columns: tuple[Worked, ...],
    told: Text, **own_words: tuple[tuple[str, Text], ...],
) -> Source:  # fmt: skip
    words = {**_WORDS, **own_words}
    values = {c.name: _worked(c, words) for c in columns}
    return Source(id_, Text(zh=zh, en=en), told, kind, reads, values)


_PARCEL = LAYERS["parcel"]
_OWN = ("parcel_id", "name", "land_use_code", "building_status", "synthetic", "source")
_RESULTS = ("parcel", access.RESULTS)


def _suitability() -> Source:
    own = {name: _field(_PARCEL, _PARCEL.field(name)) for name in _OWN}
    facts = {c.name: _worked(c, _WORDS) for c in (*FACTS, *VERDICTS) if c.name not in own}
    return Source(
        SUITABILITY,
        Text(zh="地块供热适宜性", en="Suitability of parcels"),
        Text(
            zh="每个地块的推荐技术，各项技术的结论、得分、供热能力和理由代码，以及组合方案。",
            en="The technology recommended for every parcel; status, score, capacity, reason codes of all; "
            "and the portfolio.",
        ),
        "polygon",
        _RESULTS,
        {name: Value(**{**vars(v), "export_name": None}) for name, v in (own | facts).items()},
    )


def _indicators() -> list[Source]:
    titles: dict[str, tuple[str, str, Kind, tuple[str, ...]]] = {
        "indicator_city": ("全市供热指标", "Indicators of the city", "table", ()),
        "indicator_district": ("分区供热指标", "Indicators by district", "polygon", ("district",)),
        "indicator_township": ("乡镇（街道）供热指标", "Indicators by township", "polygon", ("township",)),
    }
    told = Text(
        zh="按已导入地块的组合方案汇总：供热面积、热负荷、新能源供热比重（P1309-7.2）和推荐技术构成。",
        en="Sums over the portfolios of the loaded parcels: heated area, load, share of new-energy heat "
        "(P1309-7.2) and what is recommended.",
    )
    return [
        _made(id_, zh, en, kind, (*layers, access.RESULTS), INDICATORS, told)
        for id_, (zh, en, kind, layers) in titles.items()
    ]


def _matched() -> list[Source]:
    told = {
        "match_parcel": (
            "全市匹配后每个地块由哪些技术供多少热。",
            "What every technology gives every parcel.",
        ),
        "match_connection": (
            "地块到热源最近点的直线，及匹配的供热能力。",
            "The straight line from a parcel to the nearest point of its source, and what is allocated.",
        ),
        "match_source": (
            "每个热源的可利用、已占用、匹配和剩余能力。",
            "What every source has, what is committed, allocated and left.",
        ),
        "site": (
            "新建热源的备选点：选中的有次序，不可用的有原因。",
            "Candidates of new sources: chosen (with a rank), not chosen, or excluded.",
        ),
    }
    text = {id_: Text(zh=zh, en=en) for id_, (zh, en) in told.items()}
    results = (access.RESULTS,)
    return [
        _made(
            "match_parcel", "匹配：地块", "Matching: parcels", "polygon", _RESULTS, PARCEL_COLUMNS,
            text["match_parcel"],
        ),
        _made(
            "match_connection", "匹配：接入线", "Matching: connections", "line", _RESULTS,
            CONNECTION_COLUMNS, text["match_connection"],
        ),
        _made(
            "match_source", "匹配：热源能力台账", "Matching: capacity ledger", "table", results,
            SOURCE_COLUMNS, text["match_source"], exclusion=_choices(EXCLUSIONS),
        ),
        _made(
            "site", "新建热源选址", "Sites of new sources", "point", results, SITE_COLUMNS,
            text["site"], exclusion=_choices(SITE_EXCLUSIONS),
        ),
    ]  # fmt: skip


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        source.id: source
        for source in (*map(_layer, LAYERS.values()), _suitability(), *_indicators(), *_matched())
    }
)
"""All that can go into a package, by id."""
