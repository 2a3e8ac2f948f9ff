"""What is wrong with a project, and with a change of one: transition, missing fields, dates, capacities."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from gis.errors import RuleError
from gis.register.record import Project, Said, choice_title, field_titles, said
from gis.rules import RuleSet, load_ruleset
from gis.rules.model_projects import Cited, Need
from gis.rules.ruleset import ProjectRules
from gis.wording import Language
from layers import Text


@dataclass(frozen=True)
class Fault(Said):
    """Something that the rules of the register do not allow, at a field of the project."""

    field: str


@dataclass(frozen=True)
class NextState:
    """A state that may follow, and which of the fields that it needs are not told yet."""

    status: str
    title: Text
    needs: tuple[Fault, ...]


@lru_cache(maxsize=1)
def _built_in() -> RuleSet:
    return load_ruleset()


def register_rules(ruleset: RuleSet) -> ProjectRules:
    """Return the register's rules of a rule set, those built in where it was kept before there were any."""
    found = ruleset.projects or _built_in().projects
    if found is None:
        raise RuleError("the rule set lacks the file projects.yaml")
    return found


def state_faults(old: Project | None, new: Project, ruleset: RuleSet) -> list[Fault]:
    """Return what is wrong with a change of a project; nothing where it may be made.

    A project that is new, or whose state changes, must tell all that its state needs, with dates in their
    order. Where the state stays, old gaps may stay too: only what the change itself breaks is a fault.
    """
    rules = register_rules(ruleset)
    faults = list(_faults(new, rules))
    if old is None:
        return faults
    if old.status == new.status:
        before = {(f.field, f.clause_id, f.zh) for f in _faults(old, rules)}
        return [f for f in faults if (f.field, f.clause_id, f.zh) not in before]
    return [*_transition(old.status, new.status, rules), *faults]


def present_faults(project: Project, ruleset: RuleSet) -> list[Fault]:
    """Return what a project as it stands lacks or contradicts."""
    return list(_faults(project, register_rules(ruleset)))


def next_states(project: Project, ruleset: RuleSet) -> list[NextState]:
    """Return the states that may follow, each with what is still to be told for it."""
    rules = register_rules(ruleset)
    ids = tuple(rules.states) if project.status is None else rules.states[project.status].next
    return [
        NextState(
            id_,
            Text(zh=choice_title("status", id_, "zh"), en=choice_title("status", id_, "en")),
            tuple(_missing(project, id_, rules)),
        )
        for id_ in ids
    ]


def _faults(project: Project, rules: ProjectRules) -> Iterator[Fault]:
    if project.status is not None:
        yield from _missing(project, project.status, rules)
    told = [name for name in rules.date_order.fields if project[name] is not None]
    for earlier, later in pairwise(told):
        if project[later] < project[earlier]:
            yield _fault(
                later,
                rules.date_order.source,
                rules.faults.order,
                lambda lang, earlier=earlier, later=later: {  # type: ignore[misc]
                    "earlier": field_titles([earlier], lang),
                    "later": field_titles([later], lang),
                    "earlier_day": project[earlier].isoformat(),
                    "later_day": project[later].isoformat(),
                },
            )
    installed, new = project["installed_kw"], project.new_energy_kw
    if installed is not None and new is not None and new > installed:
        kw = {"value": f"{new:,.12g}", "threshold": f"{installed:,.12g}"}
        yield _fault("installed_kw", rules.faults.source, rules.faults.over_installed, lambda _: kw)


def _missing(project: Project, state: str, rules: ProjectRules) -> Iterator[Fault]:
    for need in rules.states[state].needs:
        if all(project[name] is None for name in need.fields):
            yield _needed(need, state, rules)


def _needed(need: Need, state: str, rules: ProjectRules) -> Fault:
    return _fault(
        need.fields[0],
        need.source,
        rules.faults.missing,
        lambda lang: {
            "state": choice_title("status", state, lang),
            "fields": field_titles(need.fields, lang, either=True),
        },
    )


def _transition(old: str | None, new: str | None, rules: ProjectRules) -> Iterator[Fault]:
    if old is None or new in rules.states[old].next:
        return
    state, comma, nothing = rules.states[old], {"zh": "、", "en": ", "}, {"zh": "无", "en": "nothing"}
    yield _fault(
        "status",
        state.source,
        rules.faults.lost if new is None else rules.faults.transition,
        lambda lang: {
            "old": choice_title("status", old, lang),
            "new": choice_title("status", new, lang),
            "next": comma[lang].join(choice_title("status", n, lang) for n in state.next) or nothing[lang],
        },
    )


def _fault(field: str, source: Cited, text: Text, words: Callable[[Language], Mapping[str, Any]]) -> Fault:
    told = said(source.clause, text, words)
    return Fault(told.clause_id, told.zh, told.en, field)
