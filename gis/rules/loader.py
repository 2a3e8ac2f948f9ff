"""Reading rule sets: every error names file and line."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from gis.errors import RuleError
from gis.rules.model import (
    Check,
    Clause,
    DemandFile,
    Note,
    OptionRules,
    Parameter,
    ParameterValue,
    RuleSet,
    RuleSetFile,
    TechnologyFile,
)
from gis.vocabulary import FACT, OPTIONS

BUILT_IN = Path(__file__).parent
# libyaml's loader where PyYAML was built with it: as safe, and ten times as fast.
YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Model = TypeVar("Model", bound=BaseModel)


def load_ruleset(name: str | Path = "beijing", as_of: date | None = None) -> RuleSet:
    """Return the rule set called `name` (built in) or in the folder `name`, as it stands on `as_of` (today).

    Raises RuleError with file and line when anything is unknown, uncited or missing.
    """
    folder = BUILT_IN / name if isinstance(name, str) and (BUILT_IN / name).is_dir() else Path(name)
    if not (folder / "ruleset.yaml").is_file():
        raise RuleError(f"{folder} holds no rule set: the file ruleset.yaml is missing")
    texts = {p.name: p.read_bytes() for p in sorted(folder.iterdir()) if p.suffix in (".yaml", ".csv")}
    return parse_ruleset(texts, as_of or date.today())


def parse_ruleset(texts: Mapping[str, bytes], as_of: date) -> RuleSet:
    """Return the rule set held in `texts` (file name -> content) as it stands on `as_of`."""
    clauses = _clauses(texts.get("clauses.csv"))
    head = _File("ruleset.yaml", texts).parse(RuleSetFile)
    demand_file = _File("demand.yaml", texts)
    demand = demand_file.parse(DemandFile)
    shared = _resolve(_File("ruleset.yaml", texts), head.parameters, as_of, clauses)
    options = {
        o.id: _option(_File(f"{o.id}.yaml", texts), o.id, head, shared, as_of, clauses) for o in OPTIONS
    }
    demand_parameters = _resolve(demand_file, demand.parameters, as_of, clauses)
    _check_demand(demand_file, demand)
    for check in head.checks:
        _cited(_File("ruleset.yaml", texts), ("checks",), check.id, check.clause, clauses)
    digest = hashlib.sha256()
    for file_name in sorted(texts):
        digest.update(file_name.encode() + b"\0" + texts[file_name] + b"\0")
    return RuleSet(
        id=head.id,
        title=head.title,
        as_of=as_of,
        hash=digest.hexdigest(),
        order=head.order,
        parameters=shared,
        options=options,
        demand=demand,
        demand_parameters=demand_parameters,
        clauses=clauses,
        content={n: t.decode() for n, t in texts.items()},
    )


class _File:
    """One YAML file that knows the line of every node."""

    def __init__(self, name: str, texts: Mapping[str, bytes]) -> None:
        if name not in texts:
            raise RuleError(f"the rule set lacks the file {name}")
        self.name = name
        try:
            self.node = yaml.compose(texts[name], Loader=YamlLoader)
            self.data: Any = yaml.load(texts[name], Loader=YamlLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f" line {mark.line + 1}" if mark else ""
            raise RuleError(
                f"{name}{place}: this is not YAML ({getattr(error, 'problem', error)})"
            ) from error

    def line(self, path: tuple[int | str, ...]) -> int:
        """Return the line of the deepest node on `path` that exists."""
        node, line = self.node, 1
        for step in path:
            if isinstance(node, yaml.MappingNode):
                hit = next(((k, v) for k, v in node.value if k.value == str(step)), None)
                if hit is None:
                    break
                line, node = hit[0].start_mark.line + 1, hit[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
            else:
                break
        return line

    def fail(self, path: tuple[int | str, ...], message: str) -> RuleError:
        """Return the error for a place in the file."""
        return RuleError(f"{self.name} line {self.line(path)}: {message}")

    def parse(self, model: type[Model]) -> Model:
        """Return the content as `model`."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(p) for p in first["loc"])
            raise self.fail(tuple(first["loc"]), f"{place or 'file'}: {first['msg']}") from error


def _clauses(raw: bytes | None) -> dict[str, Clause]:
    if raw is None:
        raise RuleError("the rule set lacks the file clauses.csv")
    rows = csv.DictReader(raw.decode("utf-8").splitlines())
    return {
        r["clause_id"]: Clause(r["clause_id"], r["document"], r["section"], r["rule_in_short"]) for r in rows
    }


def _cited(
    file: _File, path: tuple[int | str, ...], what: str, clause: str | None, clauses: Mapping[str, Clause]
) -> None:
    if clause is not None and clause not in clauses:
        raise file.fail(path, f"{what} cites {clause!r}, which is not in clauses.csv")


def _resolve(
    file: _File, parameters: Mapping[str, Parameter], as_of: date, clauses: Mapping[str, Clause]
) -> dict[str, ParameterValue]:
    resolved = {}
    for name, parameter in parameters.items():
        path = ("parameters", name)
        _cited(file, path, name, parameter.source.clause, clauses)
        valid = [v for v in parameter.values if v.from_ <= as_of]
        if not valid:
            raise file.fail(path, f"{name} has no value that is valid on {as_of}")
        value = max(valid, key=lambda v: v.from_)
        resolved[name] = ParameterValue(
            name, value.value, parameter.unit, parameter.title, parameter.source, value.from_
        )
    return resolved


def _option(
    file: _File,
    option_id: str,
    head: RuleSetFile,
    shared: Mapping[str, ParameterValue],
    as_of: date,
    clauses: Mapping[str, Clause],
) -> OptionRules:
    rules = file.parse(TechnologyFile)
    if rules.option != option_id:
        raise file.fail(("option",), f"the option must be {option_id!r}")
    own = _resolve(file, rules.parameters, as_of, clauses)
    for name in own:
        if name in shared:
            raise file.fail(("parameters", name), f"{name} is already a parameter of ruleset.yaml")
    parameters = {**shared, **own}
    conditions: tuple[tuple[str, Check | Note], ...] = (
        *(("checks", c) for c in rules.checks),
        *(("notes", n) for n in rules.notes),
    )
    for section, condition in conditions:
        position = [c for s, c in conditions if s == section].index(condition)
        path = (section, position)
        _cited(file, path, condition.id, condition.clause, clauses)
        if condition.threshold not in FACT:
            _known(file, path, condition.threshold, parameters)
        is_list = condition.threshold in parameters and parameters[condition.threshold].unit == "list"
        if is_list != (condition.operator in ("in", "not_in")):
            message = f"{condition.id}: operator {condition.operator} does not fit {condition.threshold}"
            raise file.fail(path, message)
    if 3 ** len((*head.checks, *rules.checks)) * 2 ** len(rules.notes) >= 2**63:
        # The engine numbers every combination of outcomes in 64 bits.
        raise file.fail(("checks",), "too many checks and notes for one option; drop some or join them")
    required = {c.fact for c in (*head.checks, *rules.checks) if c.missing == "unknown"}
    for position, term in enumerate(rules.score):
        for name in (term.start, term.end, term.weight):
            _known(file, ("score", position), name, parameters)
        if term.fact not in required:
            raise file.fail(
                ("score", position), f"{term.fact} is scored but no check requires it to be known"
            )
    return OptionRules(
        option_id, parameters, (*head.checks, *rules.checks), rules.notes, rules.score, rules.evidence
    )


def _known(
    file: _File, path: tuple[int | str, ...], name: str, parameters: Mapping[str, ParameterValue]
) -> None:
    if name not in parameters:
        raise file.fail(path, f"unknown parameter {name!r}")


def _check_demand(file: _File, demand: DemandFile) -> None:
    names = {demand.mixed_heat_index: ("mixed_heat_index",)}
    seen: dict[str, str] = {}
    for class_name, land_use in demand.land_use.items():
        path = ("land_use", class_name)
        for name in (*land_use.heat_index.values(), *filter(None, (land_use.cooling_index,))):
            names[name] = path  # type: ignore[assignment]
        for code in land_use.codes:
            if code in seen:
                raise file.fail(path, f"land-use code {code} stands in {seen[code]} and in {class_name}")
            seen[code] = class_name
    for name, where in names.items():
        if name not in demand.parameters:
            raise file.fail(where, f"unknown parameter {name!r}")


def content_json(ruleset: RuleSet) -> dict[str, Any]:
    """Return the files of the rule set as plain JSON data, to be kept with results."""
    data: dict[str, Any] = json.loads(json.dumps(dict(ruleset.content)))
    return data
