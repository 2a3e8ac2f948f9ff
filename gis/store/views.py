"""The views that show stored results by the names, types and order of `gis.vocabulary`."""

from __future__ import annotations

from collections.abc import Callable

from gis.store.layout import CHOICES, LISTS, NUMBERS, PICKED, PLAIN, WORDS, place, variant_of
from gis.vocabulary import FACTS, VERDICTS, Column

# A point in WKB is the only way in SQL from the eight bytes of a double to its value (both
# coordinates NaN: an empty point, whose x is NULL). Behind every number there are eight bytes more.
_NUMBER = r"NULLIF(ST_X(ST_GeomFromWKB('\x0101000000'::bytea || substring(record FROM {} FOR 16))), 'NaN')"


def number_sql(name: str) -> str:
    """Return the SQL of a stored number, NULL where missing."""
    return f"NULLIF({name}, 'NaN')" if name in PLAIN else _NUMBER.format(place(name) + 1)


def code_sql(name: str) -> str:
    """Return the SQL of the code of a word of a closed vocabulary, 0 where missing."""
    if name in PICKED:
        return _picked_sql(name, code_sql)
    return name if name in PLAIN else f"get_byte(record, {place(name)})"


def id_sql(name: str) -> str:
    """Return the SQL of the id of a word or list, 0 where missing."""
    if name in PLAIN:
        return name
    parts = (f"get_byte(record, {place(name) + i}) << {8 * i}" for i in range(4))
    return f"({' | '.join(f'({part})' for part in parts)})"


def choice_sql(name: str) -> str:
    """Return the SQL of a word of a closed vocabulary, NULL where missing."""
    return f"('{{{','.join(CHOICES[name])}}}'::text[])[{code_sql(name)}]"


def value_sql(name: str) -> str:
    """Return the SQL of a fact or verdict over the columns of `result.parcel_result`."""
    if name in PICKED:
        return _picked_sql(name, value_sql)
    if name in NUMBERS:
        return number_sql(name)
    if name in CHOICES:
        return choice_sql(name)
    if name in LISTS:
        return f"(SELECT codes FROM result.code_list WHERE list_id = {id_sql(name)})"
    return (
        f"{name}_word.word"
        if name in PLAIN
        else f"(SELECT word FROM result.word WHERE word_id = {id_sql(name)})"
    )


def _picked_sql(name: str, sql_of: Callable[[str], str]) -> str:
    """Return the SQL of what `sql_of` tells of the variant that was the better."""
    whens = (f"WHEN {code} THEN {sql_of(source)}" for code, source in PICKED[name].items())
    return f"CASE {code_sql(variant_of(name))} {' '.join(whens)} END"


def _view(name: str, columns: tuple[Column, ...]) -> str:
    shown = ",\n".join(f"  {value_sql(c.name)} AS {c.name}" for c in columns)
    # What is grouped by, millions of times, is joined; a join that a query has no use for is left out.
    joined = "".join(
        f"\nLEFT JOIN result.word AS {c.name}_word ON {c.name}_word.word_id = parcel_result.{c.name}"
        for c in columns
        if c.name in PLAIN and c.name in WORDS
    )
    return f"CREATE VIEW result.{name} AS SELECT parcel_id,\n{shown}\nFROM result.parcel_result{joined}"


_PRESENT = (
    f"CREATE VIEW result.parcel_result AS SELECT {', '.join(('parcel_id', *PLAIN, 'record'))}\n"
    "FROM result.parcel_row WHERE slot = (SELECT slot FROM meta.run ORDER BY run_id DESC LIMIT 1)"
)

VIEWS: tuple[str, ...] = (
    _PRESENT,
    _view("parcel_fact", FACTS),
    _view("parcel_suitability", VERDICTS),
)
"""Statements that make the views, in their order."""
