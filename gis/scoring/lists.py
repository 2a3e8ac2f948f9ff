"""Lists of names as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def lists_of(flags: Sequence[tuple[str, Any]], n: int) -> npt.NDArray[np.object_]:
    """Return, for each of `n` parcels, the names whose flag is set; equal combinations share one list."""
    key = np.zeros(n, dtype=np.int64)
    for bit, (_, flag) in enumerate(flags):
        key += flag.astype(np.int64) << bit
    lists = np.empty(1 << len(flags), dtype=object)
    for kind in range(len(lists)):
        lists[kind] = [name for bit, (name, _) in enumerate(flags) if kind >> bit & 1]
    return lists[key]
