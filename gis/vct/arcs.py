"""The rings of a coverage cut into lines that neighbours share, each once, as indirect polygons need them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Arcs:
    """Lines of vertices, and the rings as lines.

    The vertices of line i, with both its ends, are at `places[offsets[i] : offsets[i + 1]]` of those of the
    rings. `ring` and `line` are, one a piece in the order of the rings, the ring and the number of the line,
    counted from 1 and negative where it runs the other way.
    """

    places: Ints
    offsets: Ints
    ring: Ints
    line: Ints


def shared_arcs(x: Ints, y: Ints, ring: Ints) -> Arcs:
    """Cut rings where their neighbours change, and tell each piece once.

    `x` and `y` are the vertices of closed rings on a grid, without the last that repeats the first, one ring
    after the other; `ring` is the ring of each. A vertex is a node where rings that meet there go on to
    different vertices. Between nodes pieces are shared whole or not at all, so that the least of its edges
    tells a piece.
    """
    vertex = _numbered(x, y)
    first, after, before = _around(ring)
    node = _nodes(vertex, vertex[after], vertex[before])
    node[_lonely(node, vertex, ring, first)] = True
    # Rings are told from their first node on, so that no piece runs over the end.
    order = _from_a_node(node, ring, first)
    vertex, told = vertex[order], ring[order]
    begin = np.flatnonzero(node[order])
    _, after, _ = _around(told)
    least = np.minimum.reduceat(_edge(vertex, vertex[after]), begin)
    line, known = pd.factorize(least)
    model = np.zeros(len(known), dtype=np.int64)
    # The first of equal pieces is the one that is told: written last.
    model[line[::-1]] = np.arange(len(begin))[::-1]
    return _told(order, begin, vertex, told, model, np.asarray(line, dtype=np.int64))


def _numbered(x: Ints, y: Ints) -> Ints:
    """Return a number for each place, from 0 on; hashed, which is quicker than sorted."""
    columns, _ = pd.factorize(x)
    rows, known = pd.factorize(y)
    return np.asarray(pd.factorize(columns.astype(np.int64) * len(known) + rows)[0], dtype=np.int64)


def _around(ring: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the first place of each ring, and of each vertex those after and before it in its ring."""
    place = np.arange(len(ring))
    first = np.flatnonzero(np.diff(ring, prepend=ring[0] - 1))
    last = np.append(first[1:], len(ring)) - 1
    after, before = place + 1, place - 1
    after[last], before[first] = first, last
    return first, after, before


def _nodes(vertex: Ints, after: Ints, before: Ints) -> npt.NDArray[np.bool_]:
    """Return where rings that meet at a vertex do not all have the same two neighbours."""
    low, high = np.minimum(after, before), np.maximum(after, before)
    count = int(vertex.max()) + 1
    differs = np.zeros(count, dtype=bool)
    some = np.empty((2, count), dtype=np.int64)
    some[0, vertex], some[1, vertex] = low, high
    differs[vertex[(some[0, vertex] != low) | (some[1, vertex] != high)]] = True
    return differs[vertex]


def _lonely(node: npt.NDArray[np.bool_], vertex: Ints, ring: Ints, first: Ints) -> Ints:
    """Return the place of the least vertex of each ring without a node: its one piece begins there."""
    count = np.diff(np.append(first, len(ring)))
    alone = ~np.logical_or.reduceat(node, first)
    is_least = (vertex == np.repeat(np.minimum.reduceat(vertex, first), count)) & np.repeat(alone, count)
    return np.flatnonzero(is_least)


def _from_a_node(node: npt.NDArray[np.bool_], ring: Ints, first: Ints) -> Ints:
    """Return the places of all vertices, each ring from its first node on."""
    count = np.diff(np.append(first, len(ring)))
    nodes = np.flatnonzero(node)
    shift = nodes[np.searchsorted(ring[nodes], ring[first])] - first
    inside = np.arange(len(ring)) - np.repeat(first, count)
    turned = (inside + np.repeat(shift, count)) % np.repeat(count, count)
    return np.asarray(np.repeat(first, count) + turned)


def _edge(one: Ints, other: Ints) -> Ints:
    """Return a number for each edge, the same in both directions."""
    count = int(one.max()) + 1
    return np.minimum(one, other) * count + np.maximum(one, other)


def _told(order: Ints, begin: Ints, vertex: Ints, ring: Ints, model: Ints, line: Ints) -> Arcs:
    """Return the lines: `begin` are the places where pieces begin, `model` the piece that tells each line."""
    _, after, _ = _around(ring)
    stop = np.append(begin[1:], len(order))
    sizes = (stop - begin)[model] + 1
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    places = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - begin[model], sizes)
    # A piece ends at the first vertex of the next, or of its ring.
    places[offsets[1:] - 1] = after[stop[model] - 1]
    of = begin[model[line]]
    same = (vertex[begin] == vertex[of]) & (vertex[after[begin]] == vertex[after[of]])
    return Arcs(order[places], offsets, ring[begin], np.where(same, line + 1, -(line + 1)))
