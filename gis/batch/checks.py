"""What an import would refuse: parcels in files are held against it batch by batch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gis.errors import InputError
from gis.facts.columns import JUDGED
from gis.facts.ragged import Shapes
from gis.facts.simple import clearly_valid
from gis.facts.surroundings import Surroundings
from gis.facts.wkb import shapes_of
from gis.ingest.checks import bad_text, invalid, within_area
from layers import LAYERS

_SPEC = LAYERS["parcel"]


def checked_shapes(batch: pa.RecordBatch, path: Path, first_row: int, around: Surroundings) -> Shapes:
    """Return the outlines of a batch whose parcels an import would take, by the origin of what is around.

    Raises InputError for the first that it would not, with file, row and reason.
    """
    try:
        shapes = shapes_of(batch.column("geometry"), "polygon", around.origin, first_row)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    for position, reason in _problems(batch, shapes, around.resources.crs):
        key = batch.column(_SPEC.key)[position].as_py()
        raise InputError(
            f"{path.name}, row {first_row + position} (parcel {key}): {reason}; mend the row or leave it out."
        )
    return shapes


def _problems(batch: pa.RecordBatch, shapes: Shapes, crs: str) -> Iterable[tuple[int, str]]:
    """Yield position and reason of parcels that cannot be judged, the first of each check."""
    keys = batch.column(_SPEC.key)
    if keys.null_count:
        yield _first(keys.is_null()), f"{_SPEC.key}: the value is missing"
    for name in JUDGED:
        if name in batch.schema.names and not pa.types.is_null(batch.column(name).type):
            yield from (_bad_words if _SPEC.field(name).type == "text" else _bad_numbers)(batch, name)
    lacking = np.flatnonzero(np.diff(shapes.shapes) == 0)
    if len(lacking):
        yield int(lacking[0]), "geometry: missing or empty"
    doubtful = np.flatnonzero(~clearly_valid(shapes))
    if len(doubtful):
        wkb = batch.column("geometry").take(pa.array(doubtful)).to_numpy(zero_copy_only=False)
        for position, reason in invalid(shapely.from_wkb(wkb)).items():
            yield int(doubtful[position]), str(reason)
    beyond = np.flatnonzero(~within_area(shapes.bounds + np.tile(shapes.origin, 2), crs))
    if len(beyond):
        yield int(beyond[0]), f"geometry: it lies outside the area of {crs}"


def _bad_words(batch: pa.RecordBatch, name: str) -> Iterable[tuple[int, str]]:
    field, column = _SPEC.field(name), batch.column(name)
    words = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    there = words.dictionary.to_pandas()
    reasons = bad_text(there, field)
    if field.choices:
        allowed = {choice.value for choice in field.choices}
        known = ", ".join(sorted(allowed))
        reasons |= {
            i: f"{name}: {word!r} is not one of {known}"
            for i, word in enumerate(there)
            if word is not None and word not in allowed
        }
    for code, reason in reasons.items():
        hit = pc.equal(words.indices, pa.scalar(code, words.indices.type))
        if pc.any(hit).as_py():
            yield _first(hit), reason


def _bad_numbers(batch: pa.RecordBatch, name: str) -> Iterable[tuple[int, str]]:
    field = _SPEC.field(name)
    numbers = batch.column(name).cast("float64").to_numpy(zero_copy_only=False)
    low = -np.inf if field.minimum is None else field.minimum
    high = np.inf if field.maximum is None else field.maximum
    bad = np.flatnonzero((numbers < low) | (numbers > high) | np.isinf(numbers))
    if len(bad):
        yield int(bad[0]), f"{name}: {numbers[bad[0]]:g} is outside {low:g} to {high:g}"


def _first(where: pa.Array) -> int:
    return int(np.flatnonzero(where.fill_null(False).to_numpy(zero_copy_only=False))[0])
