"""One rule file that knows its lines, and the checks that files of every kind share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from gis.errors import RuleError
from gis.plain_yaml import NotYamlError, parse_yaml
from gis.rules.model import KNOWN_FACTS, Check, Comparison, Condition, Note, Parameter
from gis.rules.ruleset import Clause, ParameterValue

Model = TypeVar("Model", bound=BaseModel)
_MOST_CHARACTERS = 500
"""Of a message, which may quote what stands in the file."""
Place = tuple[int | str, ...]


class RuleFile:
    """One YAML file of a rule set; every error names file and line."""

    def __init__(self, name: str, texts: Mapping[str, bytes]) -> None:
        if name not in texts:
            raise RuleError(f"the rule set lacks the file {name}")
        self.name = name
        try:
            self.node, self.data = parse_yaml(texts[name])
        except NotYamlError as error:
            place = f" line {error.line}" if error.line else ""
            raise RuleError(f"{name}{place}: this is not YAML that can be read ({error})") from error

    def line(self, path: Place) -> int:
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

    def fail(self, path: Place, message: str) -> RuleError:
        """Return the error for a place in the file."""
        told = " ".join(message.split())
        return RuleError(f"{self.name} line {self.line(path)}: {told[:_MOST_CHARACTERS]}")

    def parse(self, model: type[Model]) -> Model:
        """Return the content as `model`."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(p) for p in first["loc"])
            raise self.fail(tuple(first["loc"]), f"{place or 'file'}: {first['msg']}") from error

    def cited(self, path: Place, what: str, clause: str | None, clauses: Mapping[str, Clause]) -> None:
        """Refuse a clause that the rule set does not list."""
        if clause is not None and clause not in clauses:
            raise self.fail(path, f"{what} cites {clause!r}, which is not in clauses.csv")

    def known(self, path: Place, name: str, parameters: Mapping[str, ParameterValue]) -> None:
        """Refuse the name of a parameter that is not declared."""
        if name not in parameters:
            raise self.fail(path, f"unknown parameter {name!r}")

    def parameters(
        self, declared: Mapping[str, Parameter], as_of: date, clauses: Mapping[str, Clause]
    ) -> dict[str, ParameterValue]:
        """Return the parameters as they stand on `as_of`."""
        resolved = {}
        for name, parameter in declared.items():
            path = ("parameters", name)
            self.cited(path, name, parameter.source.clause, clauses)
            now = parameter.on(as_of)
            if now is None:
                raise self.fail(path, f"{name} has no value that is valid on {as_of}")
            if isinstance(now.value, float) and not (
                (now.low is None or now.low <= now.value) and (now.high is None or now.value <= now.high)
            ):
                raise self.fail(path, f"{name}: {now.value} lies outside its range {now.low} to {now.high}")
            resolved[name] = ParameterValue(
                name,
                now.value,
                parameter.unit,
                parameter.title,
                parameter.source,
                now.from_,
                now.low,
                now.high,
                parameter.bound,
            )
        return resolved

    def conditions(
        self,
        sections: Mapping[str, Iterable[Check | Note]],
        parameters: Mapping[str, ParameterValue],
        clauses: Mapping[str, Clause],
    ) -> None:
        """Check the citations, thresholds, operators and units of all checks and notes of the file."""
        for section, conditions in sections.items():
            for position, condition in enumerate(conditions):
                path = (section, position)
                self.cited(path, condition.id, condition.clause, clauses)
                self.comparison(path, condition, parameters)
                for i, part in enumerate(condition.when):
                    self.comparison((*path, "when", i), part, parameters)

    def comparison(self, path: Place, part: Comparison, parameters: Mapping[str, ParameterValue]) -> None:
        """Check that a comparison names a known threshold, of a kind and a unit that fit."""
        label = part.id if isinstance(part, Condition) else part.fact
        if part.threshold in KNOWN_FACTS:
            unit: str | None = KNOWN_FACTS[part.threshold][2]
        else:
            self.known(path, part.threshold, parameters)
            unit = parameters[part.threshold].unit
        if (unit == "list") != (part.operator in ("in", "not_in")):
            raise self.fail(path, f"{label}: operator {part.operator} does not fit {part.threshold}")
        wanted = KNOWN_FACTS[part.fact][2]
        if unit != "list" and unit != wanted:
            raise self.fail(
                path, f"{label}: {part.fact} is in {wanted}, but its threshold {part.threshold} is in {unit}"
            )
