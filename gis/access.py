"""Who may do what: classes of layers, rights, and the roles that bundle them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from layers.spec import Access

Right = Literal["export", "import", "edit", "score", "match", "measure"]
RIGHTS: tuple[Right, ...] = get_args(Right)
CLASSES: tuple[Access, ...] = get_args(Access)
"""Classes of layers, the least sensitive first; who may read a class may read those before it."""

READERS: Mapping[Access, str] = MappingProxyType({access: f"onemap_{access}" for access in CLASSES})
"""The role of the database that reads for callers who may read a class."""

RESULTS = "results"
"""What is asked about to read anything that was worked out: verdicts, matching, sites, summaries."""

HISTORY = "history"
"""What is asked about to read results of another day: they may come of what is no longer loaded."""


@dataclass(frozen=True)
class Role:
    """What a caller may read, and what else they may do."""

    reads: Access
    rights: frozenset[Right]


ROLES: Mapping[str, Role] = MappingProxyType(
    {
        "meter": Role("open", frozenset({"measure"})),
        "viewer": Role("internal", frozenset()),
        "planner": Role("restricted", frozenset({"export", "match"})),
        "editor": Role("restricted", frozenset(RIGHTS)),
    }
)


@dataclass(frozen=True)
class Caller:
    """Somebody who asks; `name` is told in the audit log."""

    name: str
    reads: Access
    rights: frozenset[Right]
    known: bool

    def may_read(self, access: Access) -> bool:
        """Return whether the caller may read a class."""
        return CLASSES.index(access) <= CLASSES.index(self.reads)


ANYBODY = Caller("anonymous", "open", frozenset(), known=False)
