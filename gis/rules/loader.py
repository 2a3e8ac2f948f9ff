"""Reading rule sets: every error names file and line."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from gis.errors import RuleError
from gis.rules.files import Place, RuleFile
from gis.rules.model import (
    AreaFile,
    ChecklistFile,
    DemandFile,
    EvaluationFile,
    PolicyArea,
    PortfolioFile,
    RuleSetFile,
    TechnologyFile,
)
from gis.rules.model_projects import ProjectFile, Said
from gis.rules.ruleset import (
    Checklists,
    Clause,
    EvaluationRules,
    OptionRules,
    ParameterValue,
    PortfolioRules,
    ProjectRules,
    Rules,
    RuleSet,
)
from gis.vocabulary import FACT, OPTIONS

BUILT_IN = Path(__file__).parent
PROJECT_PARAMETERS = ("supported_technologies", "groundwater_words", "multi_energy_count")
"""Parameters of projects.yaml that the register asks for."""
EVALUATION_PARAMETERS = (
    "season_days", "season_wider_d", "least_coverage_frac", "design_least_frac", "violation_most_frac",
    "drift_seasons_count", "drift_significance",
)  # fmt: skip
"""Parameters of evaluation.yaml that evaluations ask for."""
RANKING_PARAMETERS = (
    "ranking_projects_count", "ranking_deviations", "heat_pump_technologies", "possible_cop_least",
    "possible_cop_most", "possible_load_frac", "published_coverage_frac", "published_power_d",
)  # fmt: skip
"""Parameters of ranking.yaml that the city's evaluation asks for."""
_DAY = re.compile(r"(0[1-9]|1[0-2])-([0-2][1-9]|[1-3]0|31)")
OPTION_IDS = tuple(o.id for o in OPTIONS)


def load_ruleset(name: str | Path = "beijing", as_of: date | None = None) -> RuleSet:
    """Return the rule set called `name` (built in) or in the folder `name`, as it stands on `as_of` (today).

    Raises RuleError with file and line when anything is unknown, uncited or missing.

    >>> rules = gis.load_ruleset("beijing")
    >>> rules.order[0], rules.parameters["minimum_share_frac"].source.clause
    ('shallow_ground_source', 'P1309-6.1-a')
    """
    folder = BUILT_IN / name if isinstance(name, str) and (BUILT_IN / name).is_dir() else Path(name)
    if not (folder / "ruleset.yaml").is_file():
        raise RuleError(f"{folder} holds no rule set: the file ruleset.yaml is missing")
    texts = {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix in (".yaml", ".csv")}
    return parse_ruleset(texts, as_of or date.today())


def parse_ruleset(texts: Mapping[str, bytes], as_of: date) -> RuleSet:
    """Return the rule set held in `texts` (file name -> content) as it stands on `as_of`."""
    return _Reader(texts, as_of).ruleset()


class _Reader:
    """The files of one rule set, read with the clauses and the shared parameters at hand."""

    def __init__(self, texts: Mapping[str, bytes], as_of: date) -> None:
        self.texts, self.as_of = texts, as_of
        try:
            self.clauses = _clauses(texts.get("clauses.csv"))
        except csv.Error as error:
            raise RuleError(f"clauses.csv: this is no CSV that can be read ({error})") from error
        self.head_file = RuleFile("ruleset.yaml", texts)
        self.head = self.head_file.parse(RuleSetFile)
        self.shared = self.head_file.parameters(self.head.parameters, as_of, self.clauses)
        self.head_file.conditions({"checks": self.head.checks}, self.shared, self.clauses)

    def ruleset(self) -> RuleSet:
        """Return the whole rule set."""
        demand, demand_parameters = self.demand()
        digest = hashlib.sha256()
        for file_name in sorted(self.texts):
            digest.update(file_name.encode() + b"\0" + self.texts[file_name] + b"\0")
        return RuleSet(
            id=self.head.id,
            title=self.head.title,
            as_of=self.as_of,
            hash=digest.hexdigest(),
            order=self.head.order,
            parameters=self.shared,
            options={option: self.option(option) for option in OPTION_IDS},
            demand=demand,
            demand_parameters=demand_parameters,
            portfolio=self.portfolio(),
            checklists=self.checklists(),
            areas=self.areas(),
            projects=self.projects(),
            evaluation=self.evaluation(),
            ranking=self.ranking(),
            clauses=self.clauses,
            content={name: _decoded(name, raw) for name, raw in self.texts.items()},
        )

    def file(self, name: str) -> RuleFile:
        """Return a file of the set."""
        return RuleFile(name, self.texts)

    def own(self, file: RuleFile, declared: Any) -> dict[str, ParameterValue]:
        """Return the shared parameters and those that a file adds."""
        own = file.parameters(declared, self.as_of, self.clauses)
        for name in own:
            if name in self.shared:
                raise file.fail(("parameters", name), f"{name} is already a parameter of ruleset.yaml")
        return {**self.shared, **own}

    def option(self, option_id: str) -> OptionRules:
        """Return the rules of one option."""
        file = self.file(f"{option_id}.yaml")
        rules = file.parse(TechnologyFile)
        if rules.option != option_id:
            raise file.fail(("option",), f"the option must be {option_id!r}")
        parameters = self.own(file, rules.parameters)
        file.conditions({"checks": rules.checks, "notes": rules.notes}, parameters, self.clauses)
        checks = (*self.head.checks, *rules.checks)
        if 4 ** len(checks) * 2 ** len(rules.notes) >= 2**63:
            # The engine numbers every combination of outcomes in 64 bits.
            raise file.fail(("checks",), "too many checks and notes for one option; drop some or join them")
        required = {c.fact for c in checks if c.missing == "unknown" and not c.when}
        for position, term in enumerate(rules.score):
            for name in (term.start, term.end, term.weight):
                file.known(("score", position), name, parameters)
            if term.fact not in required:
                raise file.fail(
                    ("score", position), f"{term.fact} is scored but no check requires it to be known"
                )
        for position, bonus in enumerate(rules.bonuses):
            file.known(("bonuses", position), bonus.points, parameters)
            if bonus.note not in {n.id for n in rules.notes}:
                raise file.fail(("bonuses", position), f"unknown note {bonus.note!r}")
        for position, lever in enumerate(rules.levers):
            path = ("levers", position)
            file.cited(path, lever.fact, lever.clause, self.clauses)
            file.known(path, lever.limit, parameters)
            if parameters[lever.limit].unit != FACT[lever.fact].unit:
                raise file.fail(path, f"{lever.fact} and its limit {lever.limit} differ in unit")
        return OptionRules(
            parameters,
            checks,
            rules.notes,
            frozenset(rules.parameters),
            option=option_id,
            score=rules.score,
            bonuses=rules.bonuses,
            levers=rules.levers,
            evidence=rules.evidence,
        )

    def portfolio(self) -> PortfolioRules:
        """Return the rules of the portfolio."""
        file = self.file("portfolio.yaml")
        rules = file.parse(PortfolioFile)
        parameters = self.own(file, rules.parameters)
        file.conditions({"checks": rules.checks, "notes": rules.notes}, parameters, self.clauses)
        for option in OPTION_IDS:
            if option not in rules.economics:
                raise file.fail(("economics",), f"economics of {option} are missing")
        for option, entry in rules.economics.items():
            if option not in OPTION_IDS:
                raise file.fail(("economics", option), f"unknown option {option!r}")
            for name in filter(None, (entry.capex, entry.scop)):
                file.known(("economics", option), name, parameters)
        return PortfolioRules(
            parameters, rules.checks, rules.notes, frozenset(rules.parameters), economics=rules.economics
        )

    def checklists(self) -> Checklists:
        """Return the checklists."""
        file = self.file("checklists.yaml")
        lists = file.parse(ChecklistFile)
        parameters = self.own(file, lists.parameters)
        for position, item in enumerate(lists.items):
            path = ("items", position)
            file.cited(path, item.id, item.clause, self.clauses)
            for option in item.options:
                if option not in OPTION_IDS:
                    raise file.fail(path, f"{item.id}: unknown option {option!r}")
            for i, part in enumerate(item.when):
                file.comparison((*path, "when", i), part, parameters)
        return Checklists(parameters, (), (), frozenset(lists.parameters), items=lists.items)

    def areas(self) -> tuple[PolicyArea, ...]:
        """Return the pilot and focus areas."""
        file = self.file("areas.yaml")
        areas = file.parse(AreaFile).areas
        for position, area in enumerate(areas):
            file.cited(("areas", position), area.id, area.clause, self.clauses)
            file.cited(("areas", position), area.id, area.source.clause, self.clauses)
        return areas

    def projects(self) -> ProjectRules | None:
        """Return the rules of the register; None where the set has none, as those kept by older programs."""
        if "projects.yaml" not in self.texts:
            return None
        file = self.file("projects.yaml")
        rules = file.parse(ProjectFile)
        parameters = self.own(file, rules.parameters)
        for name in PROJECT_PARAMETERS:
            file.known(("parameters",), name, parameters)
        of_support = self.file("portfolio.yaml").parse(PortfolioFile).parameters
        support = {n: getattr(rules.support, n) for n in ("full_from", "part_from", "full", "part")}
        for what, name in support.items():
            if name not in of_support:
                raise file.fail(("support", what), f"portfolio.yaml has no parameter {name!r}")
        cited: list[tuple[Place, str, str]] = [
            (("date_order", "source"), "date_order", rules.date_order.source.clause),
            (("faults", "source"), "faults", rules.faults.source.clause),
        ]
        for i, state in enumerate(rules.states):
            cited.append((("states", i), state.id, state.source.clause))
            cited += [(("states", i), state.id, need.source.clause) for need in state.needs]
        cited += [(("precheck", i), item.id, item.clause) for i, item in enumerate(rules.precheck)]
        reasons: dict[str, Said] = dict(rules.support.reasons)
        cited += [(("support", "reasons", name), name, said.clause) for name, said in reasons.items()]
        for place, what, clause in cited:
            file.cited(place, what, clause, self.clauses)
        return ProjectRules(
            parameters,
            (),
            (),
            frozenset(rules.parameters),
            states={state.id: state for state in rules.states},
            date_order=rules.date_order,
            faults=rules.faults,
            items=rules.precheck,
            support=rules.support,
            dated={**rules.parameters, **{name: of_support[name] for name in support.values()}},
        )

    def evaluation(self) -> EvaluationRules | None:
        """Return the rules of evaluation; None where the set has none, as those kept by older programs."""
        if "evaluation.yaml" not in self.texts:
            return None
        file = self.file("evaluation.yaml")
        rules = file.parse(EvaluationFile)
        parameters = self.own(file, rules.parameters)
        for name in EVALUATION_PARAMETERS:
            file.known(("parameters",), name, parameters)
        days = parameters["season_days"].value
        if not (isinstance(days, tuple) and len(days) == 2 and all(_DAY.fullmatch(str(day)) for day in days)):
            raise file.fail(("parameters", "season_days"), "season_days is two days, as 11-15 and 03-15")
        of_grid = self.file("portfolio.yaml").parse(PortfolioFile).parameters
        emission = {name: found for name, found in of_grid.items() if name.startswith("grid_")}
        return EvaluationRules(parameters, (), (), frozenset(rules.parameters), emission=emission)

    def ranking(self) -> Rules | None:
        """Return what measured projects are ranked by; None where the set has no such file, as older ones."""
        if "ranking.yaml" not in self.texts:
            return None
        file = self.file("ranking.yaml")
        rules = file.parse(EvaluationFile)
        parameters = self.own(file, rules.parameters)
        for name in RANKING_PARAMETERS:
            file.known(("parameters",), name, parameters)
        return Rules(parameters, (), (), frozenset(rules.parameters))

    def demand(self) -> tuple[DemandFile, dict[str, ParameterValue]]:
        """Return the figures behind demand."""
        file = self.file("demand.yaml")
        demand = file.parse(DemandFile)
        parameters = file.parameters(demand.parameters, self.as_of, self.clauses)
        file.known(("mixed_heat_index",), demand.mixed_heat_index, parameters)
        seen: dict[str, str] = {}
        for class_name, land_use in demand.land_use.items():
            path = ("land_use", class_name)
            for name in (*land_use.heat_index.values(), *filter(None, (land_use.cooling_index,))):
                file.known(path, name, parameters)
            for code in land_use.codes:
                if code in seen:
                    raise file.fail(path, f"land-use code {code} stands in {seen[code]} and in {class_name}")
                seen[code] = class_name
        return demand, parameters


def _decoded(name: str, raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise RuleError(f"{name} line {line}: the text is not UTF-8; save it as UTF-8") from error


def _clauses(raw: bytes | None) -> dict[str, Clause]:
    if raw is None:
        raise RuleError("the rule set lacks the file clauses.csv")
    rows = csv.DictReader(_decoded("clauses.csv", raw).splitlines())
    there = rows.fieldnames or ()
    # Results keep the rules that they were made by, and those of older programs have no Chinese texts.
    texts = ("rule_in_short", "rule_in_short_zh") if "rule_in_short_zh" in there else ("rule_in_short",)
    columns = ("clause_id", "document", "section", *texts)
    if lacking := [c for c in columns if c not in there]:
        raise RuleError(f"clauses.csv line 1: the column {lacking[0]} is missing")
    clauses: dict[str, Clause] = {}
    for row in rows:
        place = f"clauses.csv line {rows.line_num}"
        if empty := [c for c in columns if not (row[c] or "").strip()]:
            raise RuleError(f"{place}: {empty[0]} is empty")
        if row["clause_id"] in clauses:
            raise RuleError(f"{place}: {row['clause_id'][:60]} is listed twice")
        clauses[row["clause_id"]] = Clause(*(row[c] for c in columns))
    return clauses


def content_json(ruleset: RuleSet) -> dict[str, Any]:
    """Return the files of the rule set as plain JSON data, to be kept with results."""
    data: dict[str, Any] = json.loads(json.dumps(dict(ruleset.content)))
    return data
