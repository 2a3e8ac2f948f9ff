"""The rules of Beijing: figures with their sources, checks with their clauses, and the clauses themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from gis.rules import Check, Note, RuleSet, load_ruleset
from gis.rules.files import RuleFile
from gis.rules.model import (
    AreaFile,
    ChecklistFile,
    ChecklistItem,
    Comparison,
    DemandFile,
    EvaluationFile,
    Parameter,
    PortfolioFile,
    RuleSetFile,
    TechnologyFile,
    Value,
)
from gis.rules.model_projects import ProjectFile
from gis.vocabulary import OPTIONS, TECHNOLOGY_TITLES
from layers import Text
from onemap_site.markdown import code, lines, link, plain, table

SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "in": "in", "not_in": "not in"}
FIGURES = ["parameter 参数", "value, range", "from", "source 来源"]


@lru_cache(maxsize=1)
def _ruleset() -> RuleSet:
    """Return the built-in rules, once they have passed all checks."""
    return load_ruleset("beijing")


def _file(name: str) -> RuleFile:
    return RuleFile(name, {n: str(t).encode() for n, t in _ruleset().content.items()})


def text() -> str:
    """Return the order, and figures and checks file by file, with all dates from which they hold."""
    head = _file("ruleset.yaml").parse(RuleSetFile)
    demand, lists = _file("demand.yaml").parse(DemandFile), _file("checklists.yaml").parse(ChecklistFile)
    together = _file("portfolio.yaml").parse(PortfolioFile)
    sections = [_order(head), _part("全部技术共用 Shared", "ruleset.yaml", head.parameters, head.checks)]
    for option in OPTIONS:
        rules = _file(f"{option.id}.yaml").parse(TechnologyFile)
        title = f"{option.zh} {option.en}"
        sections.append(_part(title, f"{option.id}.yaml", rules.parameters, rules.checks, rules.notes))
    sections += [
        _part("热负荷 Demand", "demand.yaml", demand.parameters),
        _part("组合方案 Portfolio", "portfolio.yaml", together.parameters, together.checks, together.notes),
        _part("落实事项 Checklists", "checklists.yaml", lists.parameters) + _items(lists.items),
        _areas(_file("areas.yaml").parse(AreaFile)),
        _projects(_file("projects.yaml").parse(ProjectFile)),
        *(
            _part(title, name, _file(name).parse(EvaluationFile).parameters)
            for title, name in (
                ("监测评估 Evaluation", "evaluation.yaml"),
                ("排名和回写 Ranking and what flows back", "ranking.yaml"),
            )
        ),
    ]
    return "\n\n".join(sections)


def _order(head: RuleSetFile) -> str:
    rows = [
        [str(i), code(t), " ".join(TECHNOLOGY_TITLES[t])]
        for i, t in enumerate(head.order, start=1)
    ]  # fmt: skip
    return "## 优先次序 Order\n\n" + table(["", "technology", "中文, English"], rows)


def _part(
    title: str,
    file: str,
    parameters: Mapping[str, Parameter],
    checks: Iterable[Check] = (),
    notes: Iterable[Note] = (),
) -> str:
    rows = [row for name, parameter in parameters.items() for row in _figures(name, parameter)]
    text = f"## {title} (`{file}`)\n\n"
    if rows:
        text += table(FIGURES, rows) + "\n"
    if said := [_row(c, c.failed) for c in checks]:
        text += table(["check 检查项", "must hold", "else", "reason 理由", "clause"], said) + "\n"
    if told := [_row(n, n.text) for n in notes]:
        text += table(["note 说明", "is told if", "effect", "reason 理由", "clause"], told) + "\n"
    return text


def _row(one: Check | Note, words: Text) -> list[str]:
    when = _when(one.when)
    where = lines(_condition(one), f"where {when}" if when else "")
    return [code(one.id), where, one.effect, lines(plain(words.zh), plain(words.en)), _clause(one.clause)]


def _figures(name: str, parameter: Parameter) -> Iterable[list[str]]:
    """Give a row for every date from which a figure has another value."""
    source = parameter.source
    for dated in parameter.values:
        low, high = (None if v is None else f"{v:,.10g}" for v in (dated.low, dated.high))
        yield [
            lines(code(name), _both(parameter.title)),
            lines(_value(dated.value, parameter.unit), f"{low or ''} to {high or ''}" if low or high else ""),
            dated.from_.isoformat(),
            lines(f"{source.kind} {_clause(source.clause)}", plain(source.text)),
        ]


def _value(value: Value, unit: str) -> str:
    if isinstance(value, dict):
        return plain(", ".join(f"{name} {number:,.10g}" for name, number in value.items()))
    if isinstance(value, tuple):
        return plain(", ".join(v if isinstance(v, str) else f"{v:,.10g}" for v in value))
    return plain(f"{value:,.10g} {unit}" if unit != "1" else f"{value:,.10g}")


def _condition(one: Comparison) -> str:
    return f"{code(one.fact)} {plain(SIGNS[one.operator])} {code(one.threshold)}"


def _when(parts: Iterable[Comparison]) -> str:
    return " and ".join(map(_condition, parts))


def _both(words: Text) -> str:
    return f"{plain(words.zh)} {plain(words.en)}"


def _clause(clause_id: str | None) -> str:
    return "" if clause_id is None else link(clause_id, _label(clause_id))


def _label(clause_id: str) -> str:
    return f"clause-{clause_id.lower().replace('.', '-')}"


def _items(items: Iterable[ChecklistItem]) -> str:
    rows = [
        [
            lines(code(i.id), i.group),
            lines(*map(code, i.options)),
            _when(i.when),
            lines(plain(i.text.zh), plain(i.text.en)),
            _clause(i.clause),
        ]
        for i in items
    ]
    return table(["item 事项", "technologies", "where", "what 内容", "clause"], rows)


def _areas(file: AreaFile) -> str:
    rows = [
        [
            code(a.id),
            _both(a.title),
            code(a.kind),
            plain("、".join(a.districts)) + (f", {a.part.replace('_', ' ')}" if a.part else ""),
            plain("、".join(a.townships)),
            a.source.kind,
            _clause(a.clause),
        ]
        for a in file.areas
    ]
    head = ["area", "中文, English", "kind", "districts", "townships", "kind of source", "clause"]
    return "## 政策地区 Areas that the policy names (`areas.yaml`)\n\n" + table(head, rows)


def _projects(file: ProjectFile) -> str:
    """Return the states of heat projects with what each needs, and the pre-check of applications."""
    states = [
        [
            code(state.id),
            lines(*map(code, state.next)),
            lines(*(" / ".join(map(code, need.fields)) for need in state.needs)),
            lines(
                *dict.fromkeys(_clause(s.clause) for s in (state.source, *(n.source for n in state.needs)))
            ),
        ]
        for state in file.states
    ]
    items = [
        [code(i.id), _both(i.title), lines(*map(code, i.fields)), _clause(i.clause)] for i in file.precheck
    ]
    return (
        _part("供热项目登记 Register of heat projects", "projects.yaml", file.parameters)
        + table(["state 状态", "may be followed by", "needs", "clause"], states)
        + "\n"
        + table(["item 预审事项", "中文, English", "fields", "clause"], items)
    )


def clauses_text() -> str:
    """Return every clause that reasons cite, in Chinese and English."""
    return "\n\n".join(
        f"({_label(c.clause_id)})=\n## {c.clause_id}\n\n{plain(c.document)} {plain(c.section)}\n\n"
        f"{plain(c.rule_in_short_zh or '')}\n\n{plain(c.rule_in_short)}"
        for c in _ruleset().clauses.values()
    )
