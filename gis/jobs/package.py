"""A package for the territorial platform as one file to be fetched."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gis.errors import StoreError
from gis.export.model import Manifest
from gis.export.package import Order, write_package
from gis.export.profile import read_profile
from gis.jobs.run import Progress
from gis.rules import RuleSet
from gis.store import RunRecord, Store

ENDING = ".zip"


def order_of(asked: Mapping[str, Any]) -> Order:
    """Return what a request of the API asks for; names and codes are those of the built-in profile."""
    profile = read_profile("territorial")
    return Order(
        profile=profile,
        format=asked["format"],
        crs=asked["crs"] or profile.crs,
        encoding=asked["encoding"],
        dialect=asked["vct_dialect"],
        shared_lines=asked["vct_shared_lines"],
        sources=tuple(asked["layers"] or ()),
        scenario=asked["scenario"],
        split=asked["split_by_district"],
    )


def write_packed(
    store: Store,
    order: Order,
    target: Path,
    readable: frozenset[str],
    ruleset_of: Callable[[RunRecord], RuleSet],
    software: str,
    progress: Progress,
) -> Manifest:
    """Write a package into a ZIP file, whole or not at all; return what it says of itself.

    Parameters are those of `gis.export.package.write_package`.
    """
    folder = target.with_name(f".{target.stem}")
    beside = folder.with_name(f"{folder.name}-packed")
    try:
        made = write_package(store, folder, order, readable, ruleset_of, software, progress)
        progress(0, 1, "packing")
        whole = shutil.make_archive(str(beside), "zip", folder)
        Path(whole).replace(target)
    except OSError as error:
        raise StoreError(f"The package cannot be written into {target.parent}: {error.strerror}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        Path(f"{beside}{ENDING}").unlink(missing_ok=True)
    return made
