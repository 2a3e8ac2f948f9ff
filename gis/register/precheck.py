"""The pre-check of an application for support: what is met, missing, failed, or cannot be judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from gis.register.record import (
    Project,
    Said,
    choice_title,
    field_titles,
    said,
    share_text,
    value_text,
)
from gis.register.states import register_rules
from gis.rules import RuleSet
from gis.rules.model_projects import Answer, PreCheckItem
from gis.rules.ruleset import ProjectRules
from gis.wording import Language
from layers import Text

Outcome = Literal["complete", "incomplete", "not_eligible", "unknown"]


@dataclass(frozen=True)
class Judged(Said):
    """One item of the pre-check: its result, the value that it was judged by, and the threshold of it."""

    id: str
    title: Text
    result: Answer
    value: float | str | None
    threshold: float | None
    missing: tuple[str, ...]
    """Fields that are to be told."""


@dataclass(frozen=True)
class PreCheck:
    """The items of a pre-check by the rules of `as_of`, and what they come to."""

    as_of: date
    items: tuple[Judged, ...]

    @property
    def result(self) -> Outcome:
        """What the items come to: one that failed decides, then what is missing, then what is not known."""
        results = {item.result for item in self.items}
        if "failed" in results:
            return "not_eligible"
        if "missing" in results:
            return "incomplete"
        return "unknown" if "unknown" in results else "complete"

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are to be told, in the order of the items."""
        return tuple(dict.fromkeys(name for item in self.items for name in item.missing))


def precheck(project: Project, ruleset: RuleSet, day: date) -> PreCheck:
    """Return the pre-check of an application by the rules in force on the day it was made, else on `day`."""
    rules, as_of = register_rules(ruleset), project["applied_on"] or day
    return PreCheck(as_of, tuple(_JUDGED[item.judged](project, item, rules, as_of) for item in rules.items))


def groundwater_words(project: Project, rules: ProjectRules, day: date) -> tuple[str, ...]:
    """Return the words in the scheme of a ground-source project that point to extracted groundwater."""
    if "shallow_ground_source" not in project.technologies:
        return ()
    words, text = rules.texts_on("groundwater_words", day) or (), str(project["scheme"] or "").casefold()
    return tuple(w for w in words if w.casefold() in text)


def out_of_scope(project: Project, rules: ProjectRules, day: date) -> tuple[str, ...] | None:
    """Return the technologies of a project that support does not cover; None before any scope was set."""
    scope = rules.texts_on("supported_technologies", day)
    return None if scope is None else tuple(t for t in project.technologies if t not in scope)


def technology_titles(names: tuple[str, ...], language: Language) -> str:
    """Return the titles of technologies as one text."""
    return {"zh": "、", "en": ", "}[language].join(choice_title("technology", n, language) for n in names)


def _made(
    item: PreCheckItem,
    result: Answer,
    words: Callable[[Language], Mapping[str, Any]] = lambda _: {},
    *,
    value: float | str | None = None,
    threshold: float | None = None,
    missing: tuple[str, ...] = (),
    key: str | None = None,
) -> Judged:
    """Return an item with its sentence: that of its result, or of `key`."""
    told = said(item.clause, item.said[key or result], words)
    return Judged(item.clause, told.zh, told.en, item.id, item.title, result, value, threshold, missing)


def _given(project: Project, item: PreCheckItem, rules: ProjectRules, day: date) -> Judged:
    told = tuple(n for n in item.fields if project[n] is not None)
    lacking = tuple(n for n in item.fields if n not in told)
    if lacking and not (item.either and told):
        return _made(
            item,
            "missing",
            lambda lang: {"fields": field_titles(lacking, lang, either=item.either)},
            missing=lacking,
        )
    comma = {"zh": "，", "en": ", "}
    value = project[told[0]] if len(told) == 1 else None
    return _made(
        item,
        "met",
        lambda lang: {"value": comma[lang].join(value_text(project, n, lang) for n in told)},
        value=value,
    )


def _share(project: Project, item: PreCheckItem, rules: ProjectRules, day: date) -> Judged:
    lacking = [] if project["installed_kw"] is not None else ["installed_kw"]
    if project.new_energy_kw is None:
        main = project["technology"]
        lacking += ["technology"] if main is None else [f"{main}_kw"]
    if lacking:
        return _made(
            item, "missing", lambda lang: {"fields": field_titles(lacking, lang)}, missing=tuple(lacking)
        )
    share, least = project.new_energy_share_frac, rules.number_on(rules.support.part_from, day)
    if share is None:
        kw = {"value": f"{project.new_energy_kw:,.12g}", "threshold": f"{project['installed_kw']:,.12g}"}
        return _made(item, "unknown", lambda _: kw, key="contradictory")
    if least is None:
        told = {"value": share_text(share)}
        return _made(item, "unknown", lambda _: told, value=share, key="not_in_force")
    words = {"value": share_text(share), "threshold": share_text(least)}
    result: Answer = "met" if share >= least else "failed"
    return _made(item, result, lambda _: words, value=share, threshold=least)


def _scope(project: Project, item: PreCheckItem, rules: ProjectRules, day: date) -> Judged:
    outside = out_of_scope(project, rules, day)
    if project["technology"] is None and not outside:
        return _made(item, "missing", missing=item.fields)
    result: Answer = "unknown" if outside is None else "failed" if outside else "met"
    told = outside or project.technologies
    return _made(item, result, lambda lang: {"value": technology_titles(told, lang)}, value=", ".join(told))


def _closed_loop(project: Project, item: PreCheckItem, rules: ProjectRules, day: date) -> Judged:
    if found := groundwater_words(project, rules, day):
        words = "、".join(found)
        return _made(item, "unknown", lambda _: {"value": words}, value=words)
    if project["technology"] == "shallow_ground_source" and project["scheme"] is None:
        return _made(item, "missing", missing=item.fields)
    return _made(item, "met")


def _funding(project: Project, item: PreCheckItem, rules: ProjectRules, day: date) -> Judged:
    other = project["other_support"]
    if other is None:
        return _made(item, "missing", missing=item.fields)
    result: Answer = "met" if other == "none" else "failed"
    return _made(
        item, result, lambda lang: {"value": choice_title("other_support", other, lang)}, value=other
    )


def _route(project: Project, item: PreCheckItem, rules: ProjectRules, day: date) -> Judged:
    investor = project["investor_kind"]
    if investor is None:
        return _made(item, "missing", missing=item.fields)
    return _made(item, "met", value=investor, key=investor)


_JUDGED = {
    "given": _given,
    "share": _share,
    "scope": _scope,
    "closed_loop": _closed_loop,
    "funding": _funding,
    "route": _route,
}
