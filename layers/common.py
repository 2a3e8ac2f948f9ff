"""Pieces that several layer declarations share."""

from __future__ import annotations

from layers.spec import Choice, FieldSpec, FieldType, Text


def field(
    name: str,
    type_: FieldType,
    zh: str,
    en: str,
    export_name: str,
    *,
    unit: str | None = None,
    aliases: tuple[str, ...] = (),
    choices: tuple[Choice, ...] = (),
    required: bool = False,
    minimum: float | None = None,
    maximum: float | None = None,
    max_length: int = 255,
) -> FieldSpec:
    """Return a `FieldSpec`; both titles count as source column names."""
    return FieldSpec(
        name=name,
        type=type_,
        title=Text(zh=zh, en=en),
        unit=unit,
        aliases=aliases,
        choices=choices,
        required=required,
        minimum=minimum,
        maximum=maximum,
        max_length=max_length,
        export_name=export_name,
    )


def choice(value: str, zh: str, en: str, *aliases: str) -> Choice:
    """Return a `Choice`; its titles are understood as source spellings too."""
    return Choice(value=value, title=Text(zh=zh, en=en), aliases=aliases)


def key(name: str, zh: str, en: str, *aliases: str) -> FieldSpec:
    """Return the identifying field of a layer."""
    return field(name, "text", zh, en, "BH", aliases=aliases, max_length=64)


NAME = field("name", "text", "名称", "name", "MC", aliases=("mc", "title", "name_zh", "工程名称"))
DISTRICT = field(
    "district", "text", "区", "district", "QMC",
    aliases=("区县", "县", "行政区", "所在区", "county", "district_name", "xzqmc"),
)  # fmt: skip
TOWNSHIP = field(
    "township", "text", "乡镇街道", "township", "XZMC",
    aliases=("乡", "乡镇", "街道", "street", "township_name"),
)  # fmt: skip

# Provenance travels with every feature, so that a synthetic shape can never pass as surveyed.
PROVENANCE = (
    field("source", "text", "数据来源", "source", "SJLY", aliases=("来源", "data_source"), max_length=1000),
    field("synthetic", "boolean", "合成数据", "synthetic", "SFHC", aliases=("是否合成",)),
    field("remark", "text", "备注", "remark", "BZ",
          aliases=("bz", "note", "remarks", "comment"), max_length=1000),
)  # fmt: skip

COMMITTED_KW = field(
    "committed_kw", "float", "已占用供热能力", "committed heat capacity", "YZYGL",
    unit="kW", aliases=("已占用功率", "committed_capacity_kw"), minimum=0,
)  # fmt: skip
