"""The rules that stored results were made by."""

from __future__ import annotations

from gis.rules import RuleSet, load_ruleset
from gis.rules.loader import parse_ruleset
from gis.store.records import RunRecord
from gis.store.store import Store


def ruleset_of(store: Store, run: RunRecord | None) -> RuleSet:
    """Return the rule set of a stored run, the built-in one of today where there is no run."""
    if run is None:
        return load_ruleset()
    texts = {name: text.encode() for name, text in store.ruleset_content(run.ruleset_hash).items()}
    return parse_ruleset(texts, run.as_of)
