"""Rule sets: dated, cited, closed vocabularies; loaded from YAML and checked in full."""

from gis.rules.loader import load_ruleset
from gis.rules.model import Check, Note, ScoreTerm
from gis.rules.ruleset import OptionRules, ParameterValue, RuleSet

__all__ = ["Check", "Note", "OptionRules", "ParameterValue", "RuleSet", "ScoreTerm", "load_ruleset"]
