"""Source values to the declared types. Units stay; what cannot be read is a problem of its row."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from gis.ingest.columns import plain
from gis.periods import BEIJING_TIME
from layers import FieldSpec

Problems = dict[int, str]
Fault = Literal["empty", "not_finite", "wrong_type", "outside_area", "no_extent", "invalid", "outside_city"]


class Reason(str):
    """Why a shape is refused, in English as reports have it; `code` is for programs and other languages."""

    code: Fault

    def __new__(cls, code: Fault, text: str) -> Reason:
        """Return the text with its code."""
        made = super().__new__(cls, text)
        made.code = code
        return made


ShapeProblems = dict[int, Reason]
"""Position of a row -> what is wrong with it."""

NOTHING = frozenset({"", "null", "<null>", "<空>", "n/a", "na", "nan", "-", "--", "—", "——", "/", "none"})
"""Spellings of a missing value in number, date and yes/no columns. Missing is never zero."""

_TRUE = frozenset({"true", "t", "1", "1.0", "yes", "y", "是"})
_FALSE = frozenset({"false", "f", "0", "0.0", "no", "n", "否"})
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_TYPE_WORDS = {"integer": "a whole number", "float": "a number", "boolean": "yes or no", "date": "a date",
               "timestamp": "a time"}  # fmt: skip


def convert(source: pd.Series[Any], field: FieldSpec) -> tuple[pd.Series[Any], Problems]:
    """Return the values of a source column as the type of `field`, and the rows that could not be read.

    Text becomes object with None, float float64 with NaN, integer Int64, boolean boolean,
    date object of `datetime.date`, timestamp datetime64[us] in Beijing time, to which times with
    a zone are converted. Thousands separators, full-width digits and, for fractions, per cent are understood.
    """
    if field.choices:
        return _choices(source, field)
    if field.type == "text":
        return _text(source), {}
    if field.type in ("integer", "float"):
        return _numbers(source, field)
    return _mapped(source, field)


def empty(field: FieldSpec, count: int) -> pd.Series:
    """Return a column of missing values of the type of `field`."""
    return _typed(np.full(count, None, dtype=object), field)


def objects(source: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return the values as an object array with None for every kind of missing value."""
    values = np.array(source.to_numpy(dtype=object), dtype=object)
    values[source.isna().to_numpy()] = None
    return values


def _text(source: pd.Series[Any]) -> pd.Series:
    if pd.api.types.is_float_dtype(source.dtype):
        finite = source.dropna()
        if bool((finite == np.floor(finite)).all()):
            # A whole-number column with gaps arrives as float: 110101.0 is the code 110101.
            source = source.astype("Int64")
    out = [None if v is None else (str(v).strip() or None) for v in objects(source)]
    return pd.Series(out, dtype=object)


def _numbers(source: pd.Series[Any], field: FieldSpec) -> tuple[pd.Series[Any], Problems]:
    if pd.api.types.is_numeric_dtype(source.dtype) and not pd.api.types.is_bool_dtype(source.dtype):
        numbers = source.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        problems: Problems = {}
    else:
        numbers, problems = _parsed(objects(source), field)
    for i in np.flatnonzero(np.isinf(numbers)):
        problems[int(i)] = f"{field.name}: the value is infinite"
    if field.type == "integer":
        for i in np.flatnonzero(np.isfinite(numbers) & (numbers != np.floor(numbers))):
            problems[int(i)] = f"{field.name}: {numbers[i]:g} is not a whole number"
    numbers[list(problems)] = np.nan
    return _typed(numbers, field), problems


def _parsed(values: np.ndarray[Any, Any], field: FieldSpec) -> tuple[np.ndarray[Any, Any], Problems]:
    texts = pd.Series([None if v is None else str(v) for v in values], dtype=object)
    codes, uniques = pd.factorize(texts)
    parsed = np.full(len(uniques) + 1, np.nan)  # the last one serves code -1, missing
    bad = np.zeros(len(uniques) + 1, dtype=bool)
    for k, text in enumerate(uniques):
        number = parse_number(text, fraction=field.name.endswith("_frac"))
        bad[k] = number is None
        parsed[k] = np.nan if number is None else number
    problems = {int(i): f"{field.name}: {uniques[codes[i]]!r} is not {_TYPE_WORDS[field.type]}"
                for i in np.flatnonzero(bad[codes])}  # fmt: skip
    return parsed[codes], problems


def parse_number(text: str, *, fraction: bool = False) -> float | None:
    """Return the number that `text` writes, NaN for a missing one, None if it writes none."""
    clean = unicodedata.normalize("NFKC", text).strip().casefold().replace("−", "-")
    if clean in NOTHING:
        return float("nan")
    percent = fraction and clean.endswith("%")
    if percent:
        clean = clean[:-1].strip()
    if _THOUSANDS.fullmatch(clean):
        clean = clean.replace(",", "")
    if not _NUMBER.fullmatch(clean):
        return None
    return float(clean) / 100 if percent else float(clean)


def _choices(source: pd.Series[Any], field: FieldSpec) -> tuple[pd.Series[Any], Problems]:
    known: dict[str, str] = {}
    for c in reversed(field.choices):
        for spelling in (*c.aliases, c.title.en, c.title.zh, c.value):
            known[plain(spelling)] = c.value
    known.update({plain(c.value): c.value for c in field.choices})
    allowed = ", ".join(f"{c.value} ({c.title.zh})" for c in field.choices)
    texts = _text(source)
    out, problems = [], {}
    for i, text in enumerate(texts):
        value = None if text is None else known.get(plain(text))
        if text is not None and value is None:
            problems[i] = f"{field.name}: {text!r} is not one of {allowed}"
        out.append(value)
    return pd.Series(out, dtype=object), problems


def _boolean(value: Any) -> bool | None:
    text = unicodedata.normalize("NFKC", str(value)).strip().casefold()
    if text in NOTHING:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(text)


def _date(value: Any) -> dt.date | None:
    moment = _moment(value)
    return None if moment is None else moment.date()


def _timestamp(value: Any) -> dt.datetime | None:
    moment = _moment(value)
    if moment is not None and moment.tzinfo is not None:
        moment = moment.astimezone(BEIJING_TIME).replace(tzinfo=None)
    return moment


def _moment(value: Any) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, dt.date):
        return dt.datetime(value.year, value.month, value.day)
    text = unicodedata.normalize("NFKC", str(value)).strip()
    if text.casefold() in NOTHING:
        return None
    found = _DATE.match(text)
    if found:
        year, month, day = (int(g) for g in found.groups())
        rest = text[found.end() :].strip().lstrip("T").strip()
        return dt.datetime.fromisoformat(f"{year:04}-{month:02}-{day:02}T{rest or '00:00'}")
    if re.fullmatch(r"\d{8}(\.0)?", text):
        return dt.datetime.strptime(text[:8], "%Y%m%d")
    raise ValueError(text)


_PARSERS: Mapping[str, Callable[[Any], Any]] = {"boolean": _boolean, "date": _date, "timestamp": _timestamp}


def _mapped(source: pd.Series[Any], field: FieldSpec) -> tuple[pd.Series[Any], Problems]:
    parse = _PARSERS[field.type]
    out = np.full(len(source), None, dtype=object)
    problems: Problems = {}
    for i, value in enumerate(objects(source)):
        if value is None:
            continue
        try:
            out[i] = parse(value)
        except ValueError:
            problems[i] = f"{field.name}: {str(value)!r} is not {_TYPE_WORDS[field.type]}"
    return _typed(out, field), problems


def _typed(values: np.ndarray[Any, Any], field: FieldSpec) -> pd.Series:
    if field.type == "float":
        return pd.Series(values, dtype="float64")
    if field.type == "integer":
        return pd.Series(values, dtype="float64").astype("Int64")
    if field.type == "boolean":
        return pd.Series(values, dtype="boolean")
    if field.type == "timestamp":
        return pd.Series(values, dtype="datetime64[us]")
    return pd.Series(values, dtype=object)
