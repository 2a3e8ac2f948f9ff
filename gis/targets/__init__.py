"""How far the city is on the way to its targets: heated area by technology, district and year."""

from gis.targets.areas import Areas, Basis, Row
from gis.targets.denominators import CityArea, city_areas, in_force
from gis.targets.progress import Expected, Pipeline, Progress, Target, Year, progress_of, read_progress
from gis.targets.table import COLUMNS, check_ending, csv_of, write_progress
from gis.targets.tally import Tally, tally_of

__all__ = [
    "COLUMNS",
    "Areas",
    "Basis",
    "CityArea",
    "Expected",
    "Pipeline",
    "Progress",
    "Row",
    "Tally",
    "Target",
    "Year",
    "check_ending",
    "city_areas",
    "csv_of",
    "in_force",
    "progress_of",
    "read_progress",
    "tally_of",
    "write_progress",
]
