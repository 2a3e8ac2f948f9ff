"""The data dictionary of layers and rasters, from their declarations."""

from __future__ import annotations

from layers import LAYERS, RASTERS, FieldSpec, LayerSpec, RasterSpec
from onemap_site.markdown import code, lines, plain, table

HEAD = ["field 字段", "type, unit", "range, values", "in packages", "also read from columns"]


def text() -> str:
    """Return a section for every layer and every raster."""
    return "\n".join([*map(_layer, LAYERS.values()), *map(_raster, RASTERS.values())])


def _layer(spec: LayerSpec) -> str:
    told = [
        f"geometry: {spec.geometry}" + (", or a list of townships" if spec.by_township else ""),
        f"group: {spec.group}",
        f"class: {spec.access}",
        f"key: `{spec.key}`",
        f"in packages: `{spec.export_name}`",
    ]
    return "\n".join(
        [
            f"(layer-{spec.id})=\n## {spec.title.zh} {spec.title.en} (`{spec.id}`)\n",
            f"{plain(spec.description.zh)} {plain(spec.description.en)}\n",
            f"{'; '.join(told)}\n",
            table(HEAD, [_field(f) for f in spec.fields]),
        ]
    )


def _field(spec: FieldSpec) -> list[str]:
    values = [f"{code(c.value)} {plain(c.title.zh)} {plain(c.title.en)}" for c in spec.choices]
    return [
        lines(code(spec.name), plain(f"{spec.title.zh} {spec.title.en}")),
        lines(spec.type, plain(spec.unit or ""), "required" if spec.required else ""),
        lines(_range(spec.minimum, spec.maximum), *values),
        code(spec.export_name),
        plain(", ".join(spec.aliases)),
    ]


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if high is None:
        return f"≥ {low:,.10g}"
    return f"≤ {high:,.10g}" if low is None else f"{low:,.10g} to {high:,.10g}"


def _raster(spec: RasterSpec) -> str:
    told = [f"unit: {plain(spec.unit)}", f"range: {_range(spec.minimum, spec.maximum)}"]
    told += [f"class: {spec.access}", f"gives the fact `{spec.fact}`"]
    return "\n".join(
        [
            f"(layer-{spec.id})=\n## {spec.title.zh} {spec.title.en} (`{spec.id}`)\n",
            f"{plain(spec.description.zh)} {plain(spec.description.en)}\n",
            f"{'; '.join(told)}\n",
        ]
    )
