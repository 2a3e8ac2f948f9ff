"""What lies beside the data of a package: metadata, data dictionary, overview map, note, manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from gis.crs import Geometries
from gis.export.dictionary import write_dictionary
from gis.export.metadata import write_metadata
from gis.export.model import MANIFEST, File, Manifest
from gis.export.overview import write_overview
from gis.export.readme import write_readme

NOTE = "说明.md"


def describe(folder: Path, manifest: Manifest, shapes: Mapping[str, Geometries]) -> Manifest:
    """Write all documents of a package whose data are there; return the manifest with all files.

    `shapes` are what the overview map shows, by table, in EPSG:4548.
    """
    prefix = f"{manifest.area.code}{manifest.area.name}"
    metadata = write_metadata(folder, manifest)
    tables = tuple(t.model_copy(update={"metadata": metadata[t.name]}) for t in manifest.tables)
    manifest = manifest.model_copy(update={"tables": tables})
    write_dictionary(folder / f"{prefix}数据字典.xlsx", manifest)
    write_overview(folder / f"{prefix}总览图.jpg", manifest, shapes)
    files = tuple(_files(folder))
    # The note tells what there is beside itself.
    note = f"{prefix}{NOTE}"
    write_readme(folder / note, manifest.model_copy(update={"files": files}))
    every = sorted((*files, _file(folder, folder / note)), key=lambda file: file.path)
    whole = manifest.model_copy(update={"files": tuple(every)})
    (folder / MANIFEST).write_text(whole.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return whole


def _files(folder: Path) -> Iterator[File]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield _file(folder, path)


def _file(folder: Path, path: Path) -> File:
    with path.open("rb") as content:
        sums = hashlib.file_digest(content, "sha256")
    place = path.relative_to(folder).as_posix()
    return File(path=place, sha256=sums.hexdigest(), size_bytes=path.stat().st_size)
