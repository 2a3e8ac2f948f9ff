"""The packed field of rows of `result.parcel_result`, read back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gis.store.layout import HEAD, MAP_BYTES, MAPS, PACKED


def unpacked(records: Sequence[bytes]) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Return the heads of records, and their numbers, NaN where missing.

    Of both a row a record; of the numbers a column for each of `PACKED`.
    """
    heads = np.frombuffer(b"".join(record[: HEAD.itemsize] for record in records), HEAD)
    stored = np.frombuffer(b"".join(record[HEAD.itemsize :] for record in records), "<f8")
    maps = heads.view(np.uint8).reshape(len(heads), HEAD.itemsize)[:, : len(MAPS) * MAP_BYTES]
    each = maps.reshape(len(heads), len(MAPS), MAP_BYTES)
    bits = np.unpackbits(each, axis=2, count=len(PACKED), bitorder="little").astype(bool)
    numbers = np.full((len(heads), len(PACKED)), np.nan)
    for number, value in zip(range(len(MAPS)), (stored, 0.0, 1.0), strict=True):
        numbers[bits[:, number]] = value
    return heads, numbers
