"""Stores to export from, and packages written of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gis.export.model import Manifest
from gis.export.package import Order, write_package
from gis.export.profile import read_profile
from gis.ingest import import_file
from gis.runs import ruleset_of
from gis.store import Store, open_store
from tests.conftest import at

Export = Callable[..., tuple[Path, Manifest]]

RARE = "𠮷野家㐀龘，䶮、𬭎𬬻—“引号”;a,b"
"""Characters beyond the basic plane and beyond GBK, a comma of each kind, and the separator of lists."""
LONG = "长" * 300

ODD = f"""data_centre_id,名称,lon,lat,IT设计负荷(kW),备注
ODD-1,{RARE.replace(",", "，")},116.41,39.91,1234.5678,{LONG}
ODD-2,"第一行
第二行",116.42,39.92,,
"""


@pytest.fixture(scope="session")
def loaded(new_database: Callable[..., sa.URL], sample: str, tmp_path_factory: Any) -> Iterator[Store]:
    """The sample city, not scored, with data centres whose texts are hard to write."""
    path = tmp_path_factory.mktemp("odd") / "odd.csv"
    path.write_text(ODD, encoding="utf-8")
    with open_store(at(new_database("export", sample))) as store:
        import_file(store, "data_centre", path, source_crs="EPSG:4490", mode="append", on_error="abort")
        yield store


@pytest.fixture(scope="session")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Write a package of a store, or give the one that was written so; options are those of `Order`."""
    made_before: dict[str, tuple[Path, Manifest]] = {}

    def written(store: Store, **options: Any) -> tuple[Path, Manifest]:
        key = repr((store.engine.url.database, sorted(options.items())))
        if key not in made_before:
            made_before[key] = fresh(store, **options)
        return made_before[key]

    def fresh(store: Store, **options: Any) -> tuple[Path, Manifest]:
        folder = tmp_path_factory.mktemp("export") / "package"
        asked = {"profile": read_profile("territorial"), "format": "gdb", "crs": "EPSG:4490"} | options
        readable = frozenset(store.access())
        made = write_package(store, folder, Order(**asked), readable, partial(ruleset_of, store), "test 1")
        return folder, made

    return written
