"""What is broken: commands, the state that each begins in, and what it writes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd

from tests.faults.city import RASTER, City

OUT = "out"
"""Where commands write files, in a folder of the cycle's own."""


@dataclass(frozen=True)
class Case:
    """A command, by name; `begins` is the database that it is given a copy of.

    `writes` names what it makes in the folder of the cycle. With `only_files` nothing else is looked at: what
    it puts into the store before is whole for itself.
    """

    name: str
    kind: str
    arguments: tuple[str, ...]
    begins: str
    writes: str | None = None
    only_files: bool = False


def all_cases(city: City) -> tuple[Case, ...]:
    """Return the commands that are broken."""
    files = city.files

    def loads(layer: str, file: str, *options: str) -> tuple[str, ...]:
        return ("import", layer, str(files / file), *options)

    mains, upsert = "reclaimed_water_pipeline", ("--mode", "upsert")

    def of(layer: str, form: str) -> tuple[str, ...]:
        return ("export", OUT, "--format", form, "--layer", layer)

    measured = ("monitor", "import", "heat_project", str(files / "measured.parquet"))
    tif, parcels = f"{OUT}.tif", str(files / "parcel.parquet")
    return (
        Case("import replace", "import", loads("parcel", "others.parquet"), city.scored),
        Case("import append", "import", loads("parcel", "more.parquet", "--mode", "append"), city.scored),
        Case("import upsert", "import", loads(mains, "mains.geojson", *upsert), city.scored),
        Case("import upsert parcels", "import", loads("parcel", "more.parquet", *upsert), city.scored),
        Case("import raster", "import", loads(RASTER, "warmer.tif"), city.scored),
        Case("monitor import", "import", measured, city.scored),
        Case("score all", "score", ("score", "--all"), city.scored),
        Case("score part", "score", ("score",), city.moved),
        Case("match", "match", ("match",), city.moved),
        Case("site", "match", ("site", "--count", "2"), city.moved),
        Case("match files", "export", ("match", "--out", OUT), city.moved, OUT, True),
        Case("site files", "export", ("site", "--count", "2", "--out", OUT), city.moved, OUT, True),
        Case("export gpkg", "export", of("parcel", "gpkg"), city.scored, OUT),
        Case("export vct", "export", of("district", "vct"), city.scored, OUT),
        Case("score files", "export", _files(files), city.scored, OUT),
        Case("partition", "export", ("partition", parcels, OUT), city.scored, OUT),
        Case("potential", "potential", ("potential", "--out", tif, "--cell-m", "2000"), city.scored, tif),
        Case("migrate", "migrate", ("layers",), city.old),
    )  # fmt: skip


def reading_cases(city: City) -> tuple[Case, ...]:
    """Return commands that change nothing in a store: stopped, they leave nothing either."""
    parcel_id = str(gpd.read_parquet(city.files / "parcel.parquet")["地块编号"].iloc[0])
    return (
        Case("explain", "read", ("explain", parcel_id), city.scored),
        Case("report", "read", ("report", parcel_id, "--out", f"{OUT}.pdf"), city.scored, f"{OUT}.pdf"),
        Case("layers", "read", ("layers",), city.scored),
    )


def _files(files: Path) -> tuple[str, ...]:
    return ("score", "--parcels", str(files / "parts"), "--resources", str(files / "around"), "--out", OUT)
