"""What a package should hold, and where: as its manifest says, or a profile and the files that are there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gis.errors import InputError
from gis.export.checks.findings import Tally
from gis.export.model import Crs, Encoding, Manifest, Sliver, Table
from gis.export.profile import Common, Profile, resolved
from gis.export.reading import SUFFIXES, Reader

# A part of a table has the code of its district behind the name.
_PART = re.compile(r"^(.+)_\d{6,12}$")


@dataclass(frozen=True)
class Place:
    """Where rows of a table lie, with what is declared of them; None where nothing is."""

    file: str
    layer: str
    feature_count: int | None = None
    extent: tuple[float, float, float, float] | None = None

    @property
    def part(self) -> str:
        """How to call it in a sentence."""
        return self.file if Path(self.file).stem == self.layer else f"{self.file} {self.layer}"


@dataclass(frozen=True)
class Expected:
    """All that a package is held against; `encoding` is None where none is declared."""

    tables: tuple[tuple[Table, tuple[Place, ...]], ...]
    common: Common
    crs: Crs
    encoding: Encoding | None
    tolerance_m: float
    sliver: Sliver


def expected(
    reader: Reader, manifest: Manifest | None, given: Profile | None, default: Profile, tally: Tally
) -> Expected:
    """Return what to hold a package against.

    Tables are those of the profile that was `given`, else of the manifest, else of the `default`. Where they
    lie says the manifest, or their names.

    Raises InputError where there is neither a manifest nor a file that may hold tables.
    """
    profile = given or default
    if manifest is None:
        return _of_profile(profile, _found(reader, profile, tally), tally)
    _tell_unlisted(reader, manifest, tally)
    if given is None:
        tables = tuple((table, _places(manifest, table.name)) for table in manifest.tables)
        return Expected(
            tables, profile.common, manifest.crs, manifest.encoding, manifest.tolerance_m, manifest.sliver
        )
    tally.checked("V-FILE-10", None, 1)
    if given.sha256 != manifest.profile.sha256:
        told = {"profile": given.id, "declared": manifest.profile.id}
        tally.found("V-FILE-10", None, told)
    made = _of_profile(given, {table.name: _places(manifest, table.name) for table in manifest.tables}, tally)
    strange = [t.name for t in manifest.tables if t.name not in {table.name for table, _ in made.tables}]
    for name in strange:
        place = _places(manifest, name)[0]
        tally.found("V-TAB-3", None, {"file": place.file, "layer": place.layer}, file=place.file)
    return Expected(
        made.tables, given.common, manifest.crs, manifest.encoding, given.tolerance_m, given.sliver
    )


def _tell_unlisted(reader: Reader, manifest: Manifest, tally: Tally) -> None:
    """Tell of layers in the data files that the manifest does not list."""
    listed: dict[str, set[str]] = {}
    for table in manifest.tables:
        for part in table.parts:
            listed.setdefault(part.file, set()).add(part.layer)
    for file, known in listed.items():
        try:
            layers = reader.layers(reader.folder / file)
        except InputError:
            continue  # told of with the tables of the file
        tally.checked("V-TAB-3", None, len(layers))
        # A file of one table is that table, whatever it is called.
        for layer in sorted(set(layers) - known) if len(layers) > 1 else ():
            tally.found("V-TAB-3", None, {"file": file, "layer": layer}, file=file)


def _places(manifest: Manifest, name: str) -> tuple[Place, ...]:
    return tuple(
        Place(part.file, part.layer, part.feature_count, part.extent) for part in manifest.table(name).parts
    )


def _of_profile(profile: Profile, places: dict[str, tuple[Place, ...]], tally: Tally) -> Expected:
    tables = resolved(profile)
    lacking = [table.name for table in tables if not places.get(table.name)]
    tally.checked("V-TAB-2", None, len(tables))
    if lacking:
        tally.found("V-TAB-2", None, {"tables": ", ".join(lacking)})
    there = tuple((table, places[table.name]) for table in tables if places.get(table.name))
    return Expected(there, profile.common, profile.crs, None, profile.tolerance_m, profile.sliver)


def _found(reader: Reader, profile: Profile, tally: Tally) -> dict[str, tuple[Place, ...]]:
    """Return where the tables of a profile lie by their names; what cannot be read is told."""
    tally.checked("V-FILE-9", None, 1)
    tally.found("V-FILE-9", None, {"profile": profile.id})
    files = reader.data_files()
    if not files:
        raise InputError(
            f"{reader.folder}: there is no manifest.json and no data file ({' '.join(SUFFIXES)}); "
            "give the folder of a package."
        )
    names = {table.name.casefold(): table.name for table in resolved(profile)}
    found: dict[str, list[Place]] = {}
    broken = False
    tally.checked("V-FILE-5", None, len(files))
    for path in files:
        file = path.relative_to(reader.folder).as_posix()
        try:
            layers = reader.layers(path)
        except InputError as error:
            broken = True
            tally.found("V-FILE-5", None, {"path": file, "message": message_of(error, path)}, file=file)
            continue
        for layer in layers:
            name = _name(layer, names)
            tally.checked("V-TAB-3", None, 1)
            if name is not None:
                found.setdefault(name, []).append(Place(file, layer))
            elif layer.casefold() != profile.border.name.casefold():
                tally.found("V-TAB-3", None, {"file": file, "layer": layer}, file=file)
    if not found and not broken:
        raise InputError(
            f"{reader.folder}: none of its layers is a table of the profile {profile.id}; tables are found "
            f"by their names, such as {', '.join(sorted(names.values())[:5])}."
        )
    return {name: tuple(places) for name, places in found.items()}


def _name(layer: str, names: dict[str, str]) -> str | None:
    part = _PART.match(layer)
    return names.get(layer.casefold()) or (names.get(part[1].casefold()) if part else None)


def message_of(error: InputError, path: Path) -> str:
    """Return what an error says of a file, as part of a sentence that names it."""
    return str(error).removeprefix(f"{path.name}: ").removeprefix(f"{path.name}, ").rstrip(".")
