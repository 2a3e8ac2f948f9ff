"""Small manifests for tests of what is written from them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from gis.export.model import Manifest, Origin, Packed, Part, Rules, Run, Table
from gis.export.profile import read_profile, resolved
from layers import Text

MADE = datetime(2026, 11, 22, 2, 30, tzinfo=UTC)
DATUM = Text(
    zh="WGS 84 坐标按与 CGCS2000 重合处理（PROJ 的零变换，概略精度）；高程基准为 1985 国家高程基准。",
    en="WGS 84 was taken as CGCS2000 (in PROJ a null operation of ballpark accuracy); heights are of 1985.",
)
PROFILE = read_profile("territorial")
TABLES: dict[str, Table] = {table.source: table for table in resolved(PROFILE)}
BOX = (440000.0, 4410000.0, 460000.0, 4430000.0)
"""West, south, east, north in EPSG:4548."""


def origin(layer: str, **changes: Any) -> Origin:
    """Return where a layer comes from; its file and hash are told by its name."""
    told = {
        "layer": layer,
        "version": 3,
        "loaded_at": datetime(2026, 11, 20, 1, 5, tzinfo=UTC),
        "feature_count": 12000,
        "source_name": f"{layer}.gpkg",
        "source_sha256": layer.encode().hex().ljust(64, "0")[:64],
    }
    return Origin(**(told | changes))


def packed(source: str, **changes: Any) -> Packed:
    """Return a table of the built-in profile as one part of a geodatabase."""
    table = TABLES[source]
    drawn = table.kind != "table"
    file = "110000北京市国土空间规划矢量数据.gdb"
    told = {
        **{name: getattr(table, name) for name in Table.model_fields},
        "parts": (Part(file=file, layer=table.name, feature_count=7, extent=BOX if drawn else None),),
        "origins": (origin("parcel"),),
        "synthetic": False,
    }
    return Packed(**(told | changes))


def manifest(*tables: Packed, **changes: Any) -> Manifest:
    """Return the manifest of a package of `tables` in EPSG:4548, made at `MADE`."""
    told = {
        "profile": PROFILE.described(),
        "area": PROFILE.area,
        "created_at": MADE,
        "software": "OneMap 0.1.0",
        "format": "gdb",
        "encoding": "UTF-8",
        "crs": "EPSG:4548",
        "datum_note": DATUM,
        "tolerance_m": PROFILE.tolerance_m,
        "sliver": PROFILE.sliver,
        "scenario": "base",
        "rules": Rules(id="beijing", hash="b" * 64, as_of=date(2026, 6, 1)),
        "run": Run(run_id=4, finished_at=datetime(2026, 11, 21, 8, 0, tzinfo=UTC), current=True),
        "tables": tables,
        "files": (),
    }
    return Manifest(**(told | changes))
