"""Whether every parcel of many files has an id of its own, in eight bytes a parcel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from gis.batch.parcels import ParcelFiles, Part, ids
from gis.errors import InputError

Hashes = npt.NDArray[np.uint64]


def refuse_repeated(files: ParcelFiles) -> None:
    """Raise InputError where two parcels have one id."""
    parts = [(part, batch) for part in files.parts for batch in _hashes(part)]
    hashes = np.concatenate([batch for _, batch in parts]) if parts else np.empty(0, dtype=np.uint64)
    hashes.sort()
    twice = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    if not len(twice):
        return
    # Different ids may have one hash; ids themselves are looked at where that can be.
    seen: dict[str, str] = {}
    for part in files.parts:
        row = part.first_row
        for batch in ids(part):
            for at in np.flatnonzero(np.isin(_hashed(batch), twice)).tolist():
                key, place = batch[at].as_py(), f"{part.path.name}, row {row + at}"
                if key in seen:
                    raise InputError(
                        f"{place}: parcel {key} is there already, in {seen[key]}; "
                        "every parcel needs an id of its own."
                    )
                if key is not None:
                    seen[key] = place
            row += len(batch)


def _hashes(part: Part) -> Iterator[Hashes]:
    return (_hashed(batch) for batch in ids(part))


def _hashed(keys: pa.Array) -> Hashes:
    if pa.types.is_dictionary(keys.type):
        keys = keys.dictionary_decode()
    return pd.util.hash_array(keys.to_numpy(zero_copy_only=False), categorize=False)
