"""The Python API: what `gis` offers, and what scores files."""

from __future__ import annotations

import inspect

import gis
import gis.batch


def text() -> str:
    """Return classes and functions, each by its docstring."""
    groups: dict[str, list[str]] = {"Functions 函数": [], "Classes 类": [], "Types 类型": []}
    names = [f"gis.{name}" for name in gis.__all__]
    names += [f"gis.batch.{name}" for name in gis.batch.__all__ if name not in gis.__all__]
    for name in names:
        module = gis.batch if name.startswith("gis.batch.") else gis
        what = getattr(module, name.rsplit(".", 1)[1])
        if inspect.isclass(what):
            groups["Classes 类"].append(f".. autoclass:: {name}\n   :members:\n")
        elif inspect.isfunction(what):
            groups["Functions 函数"].append(f".. autofunction:: {name}\n")
        else:
            groups["Types 类型"].append(f".. autodata:: {name}\n   :no-value:\n")
    return "\n".join(
        f"## {title}\n\n```{{eval-rst}}\n" + "\n".join(entries) + "```\n"
        for title, entries in groups.items()
        if entries
    )
