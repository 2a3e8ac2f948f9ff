"""Municipal investment support of a project by the rules of the day on which it was applied for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from gis.register.precheck import groundwater_words, out_of_scope, technology_titles
from gis.register.record import Project, Said, choice_title, said, share_text
from gis.register.states import register_rules
from gis.rules import RuleSet
from gis.rules.model_projects import Said as Reason
from gis.rules.ruleset import ProjectRules
from gis.wording import Language


@dataclass(frozen=True)
class Subsidy:
    """Support by the rules of `as_of`: rate and amount, None where there is none or it cannot be told."""

    as_of: date
    rate_frac: float | None
    amount_cny: float | None
    reasons: tuple[Said, ...]


def subsidy(project: Project, ruleset: RuleSet, day: date) -> Subsidy:
    """Return the support of a project by the rules in force when it was applied for, else on `day`.

    The amount is the rate times the new-energy investment; storage and solar recharge, which have the rate
    of their source, count in that. Nothing is granted on what is not known.
    """
    rules, as_of = register_rules(ruleset), project["applied_on"] or day
    refused = _refused(project, rules, as_of)
    if refused:
        return Subsidy(as_of, None, None, tuple(refused))
    rate, reasons = _rate(project, rules, as_of)
    investment = project["new_energy_investment_cny"]
    if rate is not None and investment is None:
        reasons.append(_said(rules.support.reasons.investment_unknown))
    amount = None if rate is None or investment is None else rate * investment
    return Subsidy(as_of, rate, amount, tuple(reasons))


def _refused(project: Project, rules: ProjectRules, day: date) -> list[Said]:
    """Return why there is no support whatever the share is, or why that cannot be told."""
    say, out = rules.support.reasons, []
    outside, other = out_of_scope(project, rules, day), project["other_support"]
    if outside is None or _standard(rules, day) is None:
        return [_said(say.not_in_force, day=day.isoformat())]
    if outside:
        out.append(
            said(
                say.out_of_scope.clause, say.out_of_scope, lambda z: {"names": technology_titles(outside, z)}
            )
        )
    elif project["technology"] is None and not project.technology_kw:
        out.append(_said(say.technology_unknown))
    if words := groundwater_words(project, rules, day):
        out.append(_said(say.groundwater, names="、".join(words)))
    if other is None:
        out.append(_said(say.double_unknown))
    elif other != "none":
        out.append(
            said(say.double.clause, say.double, lambda z: {"names": choice_title("other_support", other, z)})
        )
    if project["investor_kind"] is None:
        out.append(_said(say.investor_unknown))
    elif project["investor_kind"] == "government":
        out.append(_said(say.government))
    return out


def _standard(rules: ProjectRules, day: date) -> tuple[float, ...] | None:
    """Return the shares of the full and the reduced rate, then both rates; None before there were any."""
    names = (rules.support.full_from, rules.support.part_from, rules.support.full, rules.support.part)
    values = [v for name in names if (v := rules.number_on(name, day)) is not None]
    return tuple(values) if len(values) == len(names) else None


def _rate(project: Project, rules: ProjectRules, day: date) -> tuple[float | None, list[Said]]:
    """Return the rate of an enterprise's project, and why."""
    standard, several_from = _standard(rules, day), rules.number_on("multi_energy_count", day)
    assert standard is not None
    full_from, part_from, full, part = standard
    say, share = rules.support.reasons, project.new_energy_share_frac
    if share is None:
        return None, [_said(say.share_unknown)]
    told = {"value": share_text(share), "threshold": share_text(part_from)}
    if share < part_from:
        return None, [_said(say.below, **told)]
    if share >= full_from:
        return full, [
            _said(say.full, **told | {"threshold": share_text(full_from), "rate": share_text(full)})
        ]
    reasons = []
    several = project.installed_technologies
    if several_from is not None and len(several) >= several_from:
        reasons.append(_of_several(say.multi_energy, several, told | {"rate": share_text(full)}))
    if project["new_technology"]:
        reasons.append(_said(say.new_technology, **told, rate=share_text(full)))
    if reasons:
        return full, reasons
    reasons.append(_said(say.part, **told, rate=share_text(part)))
    if project["new_technology"] is None:
        reasons.append(_said(say.new_technology_unknown, rate=share_text(full)))
    return part, reasons


def _of_several(reason: Reason, technologies: tuple[str, ...], told: Mapping[str, str]) -> Said:
    def words(language: Language) -> dict[str, str]:
        return {**told, "names": technology_titles(technologies, language)}

    return said(reason.clause, reason, words)


def _said(reason: Reason, **words: str) -> Said:
    return said(reason.clause, reason, lambda _: words)
