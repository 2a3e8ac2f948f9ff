"""The views that show stored results by the names, types and order of `gis.vocabulary`."""

from __future__ import annotations

from collections.abc import Callable

from gis.store.layout import (
    CHOICES,
    GROUP,
    HEAD,
    LISTS,
    MAPS,
    NUMBERS,
    PACKED,
    PICKED,
    PLAIN,
    SHARED,
    SHARED_NUMBERS,
    SHARED_WORDS,
    WORDS,
    place,
    variant_of,
)
from gis.vocabulary import FACTS, VERDICTS, Column

# A point in WKB is the only way in SQL from the eight bytes of a double to its value. It is the
# point's y: whatever the eight bytes before it are, there are such.
_NUMBER = "ST_Y(ST_GeomFromWKB('\\x0101000000'::bytea || substring(record FROM {place} FOR 16)))"


def number_sql(name: str) -> str:
    """Return the SQL of a number that is the parcel's own, NULL where missing."""
    if name in PLAIN:
        return f"NULLIF({name}, 'NaN')"
    number = PACKED.index(name)
    stored, zero, one = (f"get_bit(record, {8 * place(m) + number}) = 1" for m in MAPS)
    value = _NUMBER.format(place=f"{HEAD.itemsize - 7} + 8 * ({_before_sql(number)})::int")
    return f"CASE WHEN {stored} THEN {value} WHEN {zero} THEN 0.0::float8 WHEN {one} THEN 1.0::float8 END"


def _before_sql(number: int) -> str:
    """Return the SQL of how many numbers of the record stand before one that does."""
    whole, rest = divmod(number, 8)
    start = place(MAPS[0])
    if not rest:
        return f"bit_count(substring(record FROM {start + 1} FOR {whole}))" if whole else "0"
    last = f"get_byte(record, {start + whole}) & {2**rest - 1}"
    return f"bit_count(set_byte(substring(record FROM {start + 1} FOR {whole + 1}), {whole}, {last}))"


def code_sql(name: str) -> str:
    """Return the SQL of the code of a word of a closed vocabulary, 0 where missing."""
    if name in PICKED:
        return _picked_sql(name, code_sql)
    return name if name in PLAIN else f"get_byte(record, {place(name)})"


def id_sql(name: str) -> str:
    """Return the SQL of the id of a word, list or shared row, 0 where missing."""
    if name in PLAIN:
        return name
    parts = (f"get_byte(record, {place(name) + i}) << {8 * i}" for i in range(4))
    return f"({' | '.join(f'({part})' for part in parts)})"


def choice_sql(name: str) -> str:
    """Return the SQL of a word of a closed vocabulary, NULL where missing."""
    return f"('{{{','.join(CHOICES[name])}}}'::text[])[{code_sql(name)}]"


def value_sql(name: str) -> str:
    """Return the SQL of a fact or verdict over `result.parcel_result` and what the views join to it."""
    if name in PICKED:
        return _picked_sql(name, value_sql)
    if name in GROUP:
        return _shared_sql(name)
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


def _shared_sql(name: str) -> str:
    group = GROUP[name]
    if name in NUMBERS:
        return f"{group}.numbers[{SHARED_NUMBERS[group].index(name) + 1}]"
    return f"{group}.words[{SHARED_WORDS[group].index(name) + 1}]"


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
    groups = {GROUP[c.name] for c in columns if c.name in GROUP}
    joined += "".join(
        f"\nLEFT JOIN result.shared AS {group} ON {group}.shared_id = {id_sql(group)}"
        for group in SHARED
        if group in groups
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
