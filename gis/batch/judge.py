"""One batch of parcels into a table of verdicts, and one part into a file: the same on every engine."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa

from gis.batch.checks import checked_shapes
from gis.batch.parcels import SUFFIX, Part, batches
from gis.batch.table import Counts, TableWriter, counted, result_table
from gis.batch.world import World
from gis.facts.columns import Attributes
from gis.facts.ragged import Shapes
from gis.scoring.evaluate import evaluate
from gis.scoring.inputs import gather
from gis.writing import replacing

Work = tuple[Part, pa.RecordBatch, int]
"""A batch of a part, and the row in its file where it begins."""


def judged(work: Work, world: World) -> tuple[pa.Table, Shapes, Counts]:
    """Return the verdicts of a batch as a table, with outlines and counts."""
    part, batch, first_row = work
    shapes = checked_shapes(batch, part.path, first_row, world.around)
    inputs = gather(Attributes.of_batch(batch), shapes, world.around, world.ruleset)
    _, verdicts = evaluate(inputs, world.ruleset)
    return result_table(batch, verdicts), shapes, counted(verdicts)


def numbered(part: Part, geometry: str) -> Generator[Work]:
    """Yield the batches of a part."""
    row = part.first_row
    with closing(batches(part, geometry)) as coming:
        for batch in coming:
            yield part, batch, row
            row += batch.num_rows


def write_part(part: Part, geometry: str, crs: Any, world: World, folder: Path) -> int:
    """Write the verdicts of a part, whole or not at all, and return how many parcels it has."""
    with replacing(part_file(folder, part)) as temporary, TableWriter(temporary, crs, world.said) as writer:
        for work in numbered(part, geometry):
            writer.add(*judged(work, world))
    return part.rows


def part_file(folder: Path, part: Part) -> Path:
    """Return the file of a part's verdicts."""
    return folder / f"part-{part.number:05d}{SUFFIX}"
