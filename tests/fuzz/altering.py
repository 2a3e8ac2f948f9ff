"""Bytes and trees altered as chance has it: cut, doubled, overwritten, with values that break things."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

HARD_BYTES = (b"", b"\0", b"\xff", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0",
              b"\0\0\xf0\x7f", b"\0\0\0\0\0\0\xf8\x7f", b"9" * 400, b"-1", b"1e999", b"nan", b"\xe4\xb8",
              b"\r", b"\n", b'"', b"{", b"<", b"&", b",", b"/vsicurl/")  # fmt: skip
HARD_VALUES: tuple[Any, ...] = (
    None, True, "", "x", " ", "\0", "\ud7ff\ufffe", "9" * 400, "1e999", "名" * 300, 0, -1, 2**63, 10**400,
    1e308, -0.0, 1e-320, [], [[]], {}, [None], {"": None},
)  # fmt: skip
_MOST_CHANGES = 4


def many(short: int) -> settings:
    """Return settings of `short` examples, or of as many as a profile of its own demands (`long`)."""
    wanted = settings.default.max_examples
    return settings(max_examples=short if wanted == settings.get_profile("seeded").max_examples else wanted)


@st.composite
def altered_bytes(draw: st.DrawFn, data: bytes, head: int = 512) -> bytes:
    """Draw what some changes make of `data`; half are in its first `head` bytes, where its form is."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        limit = len(out) if draw(st.booleans()) else min(head, len(out))
        at = draw(st.integers(0, max(limit - 1, 0)))
        size = draw(st.sampled_from((1, 1, 2, 4, 8, 60)))
        kind = draw(st.sampled_from(("set", "hard", "cut", "double", "end")))
        if kind == "set":
            out[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif kind == "hard":
            new = draw(st.sampled_from(HARD_BYTES))
            out[at : at + len(new)] = new
        elif kind == "cut":
            del out[at : at + size]
        elif kind == "double":
            out[at:at] = out[at : at + size]
        else:
            del out[max(at, 1) :]
    return bytes(out)


@st.composite
def altered_tree(draw: st.DrawFn, tree: Any) -> Any:
    """Draw what some changes make of a tree of JSON: values in place of others, members gone or doubled."""
    out = json.loads(json.dumps(tree))
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(out))
        if not places:
            return out
        holder, key = draw(st.sampled_from(places))
        kind = draw(st.sampled_from(("hard", "hard", "drop", "swap", "wrap")))
        if kind == "drop":
            del holder[key]
        elif kind == "wrap":
            holder[key] = [holder[key]] if draw(st.booleans()) else {"type": holder[key]}
        else:
            other, from_ = draw(st.sampled_from(places))
            new = other[from_] if kind == "swap" else draw(st.sampled_from(HARD_VALUES))
            holder[key] = json.loads(json.dumps(new))  # never shared, or it could hold itself
    return out


def _places(tree: Any) -> Any:
    """Yield every member of a tree as its holder and its key or place."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(members):
        yield tree, key
        yield from _places(value)
