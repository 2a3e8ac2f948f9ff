"""Every citation, unit, source, fact and threshold of the rule files is checked where it stands.

What a rule must carry is taken away at every place in the files, so that a new rule
is covered as soon as it is written; words that are not known are tried a few times a file.
"""

from __future__ import annotations

import copy
import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from gis.errors import RuleError
from gis.rules import loader
from gis.vocabulary import OPTIONS

DAY = date(2026, 11, 21)
TEXTS = {p.name: p.read_bytes() for p in sorted((Path(loader.__file__).parent / "beijing").iterdir())}
FILES = {name: raw.decode() for name, raw in TEXTS.items() if name.endswith(".yaml")}
PARAMETER = re.compile(r"^  \w+:\n    title: .*\n(?:    .*\n)+", re.M)
READ: dict[str, Callable[[loader._Reader], object]] = {
    "ruleset.yaml": lambda reader: reader.head,
    "demand.yaml": lambda reader: reader.demand(),
    "portfolio.yaml": lambda reader: reader.portfolio(),
    "checklists.yaml": lambda reader: reader.checklists(),
    "areas.yaml": lambda reader: reader.areas(),
    "projects.yaml": lambda reader: reader.projects(),
    "evaluation.yaml": lambda reader: reader.evaluation(),
    "ranking.yaml": lambda reader: reader.ranking(),
    **{f"{o.id}.yaml": lambda reader, option=o.id: reader.option(option) for o in OPTIONS},
}
LATER = ("projects.yaml", "evaluation.yaml", "ranking.yaml")
"""Files that rule sets kept by older programs lack: their rules are None."""
ITEM = re.compile(r"^  (?:\w+:$|- )", re.M)
"""The start of a parameter, check, note, score term, lever, checklist item or area."""


def found(pattern: str, most: int | None = None) -> Iterator[pytest.ParameterSet]:
    """Every match of `pattern` in the rule files, or the first `most` of each, named by file and line."""
    for name, text in FILES.items():
        for match in islice(re.finditer(pattern, text, re.M), most):
            line = text.count("\n", 0, match.start(1)) + 1
            yield pytest.param(name, match.span(1), id=f"{name}:{line}")


@cache
def whole() -> loader._Reader:
    """The rule set as it is, its head read once."""
    return loader._Reader(TEXTS, DAY)


def read(name: str, content: str) -> object:
    """Read one file with another content."""
    changed = TEXTS | {name: content.encode()}
    if name == "ruleset.yaml":
        return loader._Reader(changed, DAY)
    reader = copy.copy(whole())
    reader.texts = changed
    return READ[name](reader)


def lone(text: str, position: int) -> str:
    """Blank the other parameters of the file where `position` is in one, which makes reading quick.

    All that stays keeps its place; parameters are read before what uses them.
    """
    parts = list(PARAMETER.finditer(text))
    if not any(m.start() <= position < m.end() for m in parts):
        return text
    for m in parts:
        if not m.start() <= position < m.end():
            text = text[: m.start()] + re.sub(r"[^\n]", " ", m[0]) + text[m.end() :]
    return text


def refused(name: str, span: tuple[int, int], new: str) -> str:
    """Replace a span of one file; return the error, which must name the file and a line of that item."""
    text = lone(FILES[name], span[0])
    broken = text[: span[0]] + new + text[span[1] :]
    with pytest.raises(RuleError) as error:
        read(name, broken)
    message = str(error.value)
    place = re.match(rf"{re.escape(name)} line (\d+): ", message)
    assert place, message
    first = max((m.start() for m in ITEM.finditer(text) if m.start() <= span[0]), default=0)
    first_line, last_line = (text.count("\n", 0, position) + 1 for position in (first, span[0]))
    assert first_line <= int(place[1]) <= last_line, message
    return message


def test_every_file_is_read_by_these_tests():
    assert set(READ) == set(FILES)
    for name, content in FILES.items():
        assert read(name, content), name


# A block line goes as a whole; inline, the key goes with the comma that follows or precedes it.
CITED = [
    *found(r"^( *clause: .*\n)"),
    *found(r"\{.*?(clause: [\w.-]+, )"),
    *found(r"(, clause: [\w.-]+)\}"),
]


def test_no_citation_is_left_out_of_these_tests():
    assert len(CITED) == sum(text.count("clause: ") for text in FILES.values())


@pytest.mark.parametrize(("name", "span"), CITED)
def test_without_its_clause_nothing_loads(name, span):
    assert "clause" in refused(name, span, "")


@pytest.mark.parametrize(("name", "span"), found(r"clause: ([\w.-]+)", 3))
def test_a_clause_that_is_not_listed_is_refused(name, span):
    assert "P1309-9.9" in refused(name, span, "P1309-9.9")


@pytest.mark.parametrize(("name", "span"), found(r"^( *unit: .*\n)"))
def test_without_its_unit_no_parameter_loads(name, span):
    assert ".unit: Field required" in refused(name, span, "")


@pytest.mark.parametrize(("name", "span"), found(r"^( *source: .*\n)"))
def test_without_its_source_no_figure_loads(name, span):
    assert ".source: Field required" in refused(name, span, "")


@pytest.mark.parametrize(("name", "span"), [*found(r"source: \{(kind: \w+, )"), *found(r"^( {4}kind: .*\n)")])
def test_without_its_kind_no_source_or_area_loads(name, span):
    assert "kind: Field required" in refused(name, span, "")


@pytest.mark.parametrize(("name", "span"), found(r"unit: (.+)$", 3))
def test_an_unknown_unit_is_refused(name, span):
    assert ".unit: Input should be" in refused(name, span, "furlong")


@pytest.mark.parametrize(("name", "span"), found(r"operator: (\w+)", 3))
def test_an_unknown_operator_is_refused(name, span):
    assert "operator: Input should be" in refused(name, span, "roughly")


@pytest.mark.parametrize(("name", "span"), found(r"curve: (\w+)"))
def test_an_unknown_curve_is_refused(name, span):
    assert "curve: Input should be" in refused(name, span, "wavy")


@pytest.mark.parametrize(("name", "span"), found(r"fact: (\w+), operator", 3))
def test_an_unknown_fact_in_when_is_refused(name, span):
    assert "unknown fact 'mood'" in refused(name, span, "mood")


@pytest.mark.parametrize(("name", "span"), found(r"id: \w+\n +fact: (\w+)", 3))
def test_an_unknown_fact_in_a_check_or_note_is_refused(name, span):
    assert "unknown fact 'mood'" in refused(name, span, "mood")


@pytest.mark.parametrize(("name", "span"), found(r"fact: (\w+), curve"))
def test_a_score_on_a_fact_that_no_check_requires_is_refused(name, span):
    assert "mood is scored but no check requires it" in refused(name, span, "mood")


@pytest.mark.parametrize(("name", "span"), found(r"(?:threshold|limit|start|end|weight): (\w+)", 3))
def test_an_unknown_parameter_is_refused(name, span):
    assert "unknown parameter 'no_such_thing'" in refused(name, span, "no_such_thing")


@pytest.mark.parametrize(
    ("name", "span"),
    found(r"fact: (?!\w*_degc\b)\w+(?:, |\s+)operator: (?:ge|gt|le|lt)(?:, |\s+)threshold: (\w+)"),
)
def test_a_threshold_in_another_unit_is_refused(name, span):
    assert "but its threshold indoor_degc is in degC" in refused(name, span, "indoor_degc")


@pytest.mark.parametrize(("name", "span"), found(r"limit: (\w+)"))
def test_a_limit_in_another_unit_is_refused(name, span):
    assert "indoor_degc differ in unit" in refused(name, span, "indoor_degc")


@pytest.mark.parametrize(("name", "span"), found(r"operator: (ge|gt|le|lt)", 3))
def test_a_number_is_no_list(name, span):
    assert "operator in does not fit" in refused(name, span, "in")


@pytest.mark.parametrize(("name", "span"), found(r"value: ([\d.-]+), low:"))
def test_a_value_outside_its_range_is_refused(name, span):
    assert "lies outside its range" in refused(name, span, "99999999")


@pytest.mark.parametrize("name", FILES)
def test_a_key_that_no_rule_file_has_is_refused(name):
    with pytest.raises(RuleError, match=rf"{name} line \d+: opinions: Extra inputs"):
        read(name, FILES[name] + "opinions: 1\n")


@pytest.mark.parametrize("name", [name for name in FILES if name not in LATER])
def test_a_file_that_is_missing_is_named(name):
    with pytest.raises(RuleError, match=f"lacks the file {name}"):
        loader.parse_ruleset({n: t for n, t in TEXTS.items() if n != name}, DAY)


@pytest.mark.parametrize("name", LATER)
def test_rules_that_were_kept_before_a_file_was_there_load_without(name):
    kept = loader.parse_ruleset({n: t for n, t in TEXTS.items() if n != name}, DAY)
    assert getattr(kept, name.removesuffix(".yaml")) is None
    assert name not in kept.content


CLAUSES = TEXTS["clauses.csv"].decode()


def clauses(text: str):
    """Read a table of clauses."""
    return loader._clauses(text.encode())


def test_every_clause_is_told_in_both_languages():
    for clause in clauses(CLAUSES).values():
        assert re.search("[\u4e00-\u9fff]", clause.rule_in_short_zh), clause
        assert clause.rule_in_short[0].isascii(), clause


@pytest.mark.parametrize("column", ["clause_id", "document", "section", "rule_in_short"])
def test_a_table_of_clauses_without_a_column_is_refused(column):
    with pytest.raises(RuleError, match=rf"^clauses\.csv line 1: the column {column} is missing$"):
        clauses(CLAUSES.replace(f"{column},", f"other_{column},", 1))


@pytest.mark.parametrize("column", ["section", "rule_in_short", "rule_in_short_zh"])
def test_an_empty_cell_of_a_clause_is_refused(column):
    rows = list(csv.DictReader(CLAUSES.splitlines()))
    rows[2][column] = " "
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    with pytest.raises(RuleError, match=rf"^clauses\.csv line 4: {column} is empty$"):
        clauses(out.getvalue())


def test_a_clause_that_is_listed_twice_is_refused():
    lines = CLAUSES.splitlines()
    with pytest.raises(RuleError, match=r"^clauses\.csv line 34: P1309-1\.3-a is listed twice$"):
        clauses("\n".join([*lines, lines[1]]))


def test_rules_of_older_results_are_read_without_chinese_texts():
    known = clauses(CLAUSES.replace("rule_in_short_zh", "", 1))
    assert {c.rule_in_short_zh for c in known.values()} == {None}
    assert known["P1309-1.3-b"].rule_in_short == whole().clauses["P1309-1.3-b"].rule_in_short
