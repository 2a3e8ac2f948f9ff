"""Where the sample is built up, and how a superblock is cut into lots of many shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from sample_city.frame import Frame, point
from sample_city.lattice import Floats, Ints, Lattice

BIG_STREET_M = 36.0
MEAN_LOT_M2 = 33_000.0
LARGEST_BUILT_AREA_M2 = 3.0e9

# lon, lat, radius in m, weight: the core and the centres of the new towns and of some large estates
_CENTRES = (
    (116.397, 39.915, 12_500, 1.0), (116.47, 39.99, 4_500, 0.8), (116.30, 39.98, 4_500, 0.9),
    (116.665, 39.91, 5_000, 0.9), (116.735, 39.905, 3_500, 0.7), (116.52, 39.79, 4_500, 0.8),
    (116.335, 39.73, 4_000, 0.8), (116.14, 39.735, 3_800, 0.7), (115.99, 39.70, 2_200, 0.6),
    (116.655, 40.13, 4_000, 0.8), (116.54, 40.11, 3_000, 0.5), (116.235, 40.22, 3_200, 0.7),
    (116.34, 40.075, 4_500, 0.9), (116.42, 40.065, 3_000, 0.8), (116.27, 40.06, 3_200, 0.7),
    (116.635, 40.32, 3_000, 0.7), (116.84, 40.375, 3_000, 0.7), (117.115, 40.145, 3_000, 0.7),
    (115.975, 40.457, 2_800, 0.6), (116.105, 39.935, 3_000, 0.7), (116.20, 39.91, 4_000, 0.8),
    (116.41, 39.53, 2_500, 0.3), (116.585, 40.06, 3_000, 0.3), (116.68, 40.38, 1_800, 0.3),
)  # fmt: skip
_VILLAGES = 220


@dataclass(frozen=True)
class Blocks:
    """Chosen superblocks: lattice indices and urbanity (0 rural to 1 core), best first."""

    i: Ints
    j: Ints
    urbanity: Floats


@dataclass(frozen=True)
class Lots:
    """Lots in lattice coordinates: `box` (n, 4), index of their superblock, shortest street."""

    box: Floats
    owner: Ints
    street_m: float


def mean_lot_m2(size: int) -> float:
    """Return the mean lot area for a city of `size` parcels: larger cities get smaller lots."""
    built = min(LARGEST_BUILT_AREA_M2, 12_000 * MEAN_LOT_M2 * (size / 12_000) ** 0.45)
    return float(min(MEAN_LOT_M2, built / size))


def _village_centres(rng: np.random.Generator, frame: Frame) -> Floats:
    """Return (n, 4): x, y, radius, weight of villages, most of them in the plain."""
    xmin, ymin, xmax, ymax = shapely.bounds(frame.city)
    xy = np.column_stack([rng.uniform(xmin, xmax, 20 * _VILLAGES), rng.uniform(ymin, ymax, 20 * _VILLAGES)])
    spots = shapely.points(xy)
    plain = shapely.contains(frame.plain, spots)
    keep = shapely.contains(frame.city, spots) & (plain | (rng.random(len(xy)) < 0.06))
    xy = xy[keep][:_VILLAGES]
    return np.column_stack([xy, rng.uniform(600, 1_300, len(xy)), rng.uniform(0.3, 0.6, len(xy))])


def _urbanity(xy: Floats, centres: Floats) -> Floats:
    """Return 0..1 at positions (n, 2): the strongest centre counts, flat inside, falling outside."""
    best = np.zeros(len(xy))
    for x, y, radius, weight in centres:
        distance = np.hypot(xy[:, 0] - x, xy[:, 1] - y) / radius
        np.maximum(best, weight * np.exp(-(np.maximum(distance - 0.5, 0) ** 2) / 0.5), out=best)
    return best


def rank_superblocks(rng: np.random.Generator, frame: Frame, lattice: Lattice) -> Blocks:
    """Return all superblocks inside the city, the likeliest to be built up first."""
    corner = lattice.nodes
    middle = (corner[:-1, :-1] + corner[1:, :-1] + corner[:-1, 1:] + corner[1:, 1:]) / 4
    i, j = (index.ravel() for index in np.indices(middle.shape[:2]))
    xy = middle.reshape(-1, 2)
    known = np.array([(point(lon, lat).x, point(lon, lat).y, r, w) for lon, lat, r, w in _CENTRES])
    urbanity = _urbanity(xy, np.vstack([known, _village_centres(rng, frame)]))
    noise = np.zeros(len(xy))
    for wavelength in (3_000.0, 5_000.0, 9_000.0):
        angle, phase = rng.uniform(0, 2 * np.pi, 2)
        across = xy @ np.array([np.cos(angle), np.sin(angle)]) / wavelength
        noise += np.sin(2 * np.pi * across + phase)
    plain = shapely.contains(frame.plain, shapely.points(xy))
    floor = np.where(plain, 2e-3, 2e-5)
    score = np.log(urbanity + floor) + 0.25 * noise + 0.35 * rng.gumbel(size=len(xy))
    inside = np.flatnonzero(shapely.intersects(frame.city, shapely.points(xy)))
    order = inside[np.argsort(-score[inside], kind="stable")]
    return Blocks(i[order], j[order], urbanity[order])


def cut(rng: np.random.Generator, lattice: Lattice, blocks: Blocks, mean_m2: float) -> Lots:
    """Return the lots of the superblocks: each is halved across its longer side until small enough."""
    scale = float(np.sqrt(mean_m2 / MEAN_LOT_M2))
    big, street = BIG_STREET_M * max(scale, 0.4) / 2, max(2.5, 12.0 * scale)
    box = np.column_stack(
        [lattice.x[blocks.i] + big, lattice.y[blocks.j] + big,
         lattice.x[blocks.i + 1] - big, lattice.y[blocks.j + 1] - big]
    )  # fmt: skip
    owner = np.arange(len(box))
    limit = 2.3 * mean_m2 * np.exp(rng.normal(0, 0.45, len(box))) * (1.25 - 0.5 * blocks.urbanity)
    done: list[tuple[Floats, Ints]] = []
    while len(box):
        width, height = box[:, 2] - box[:, 0], box[:, 3] - box[:, 1]
        small = (width * height <= limit[owner]) | (np.maximum(width, height) < 8 * street)
        done.append((box[small], owner[small]))
        box, owner = box[~small], owner[~small]
        across = (width >= height)[~small]
        low, high = np.where(across, box[:, 0], box[:, 1]), np.where(across, box[:, 2], box[:, 3])
        at = low + (high - low) * rng.uniform(0.34, 0.66, len(box))
        first, second = box.copy(), box.copy()
        first[across, 2], first[~across, 3] = (at - street / 2)[across], (at - street / 2)[~across]
        second[across, 0], second[~across, 1] = (at + street / 2)[across], (at + street / 2)[~across]
        box, owner = np.vstack([first, second]), np.concatenate([owner, owner])
    boxes, owners = np.vstack([b for b, _ in done]), np.concatenate([o for _, o in done])
    shuffled = np.argsort(owners + rng.random(len(owners)) * 0.5, kind="stable")
    return Lots(boxes[shuffled], owners[shuffled], street)


def _corners(box: Floats, rng: np.random.Generator) -> Floats:
    """Return (n, 4, 2) corners, each moved inwards a little."""
    side = np.minimum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])
    inset = 0.25 * side[:, None] * rng.beta(1, 6, (len(box), 8))
    x0, y0, x1, y1 = box.T
    dx, dy = inset[:, :4], inset[:, 4:]
    return np.stack(
        [np.stack([x0 + dx[:, 0], y0 + dy[:, 0]], -1), np.stack([x1 - dx[:, 1], y0 + dy[:, 1]], -1),
         np.stack([x1 - dx[:, 2], y1 - dy[:, 2]], -1), np.stack([x0 + dx[:, 3], y1 - dy[:, 3]], -1)],
        axis=1,
    )  # fmt: skip


def _between(a: Floats, b: Floats, at: Any) -> Floats:
    return np.asarray(a + (b - a) * at)


def _l_shape(c: Floats, rng: np.random.Generator) -> Floats:
    """Return six-cornered rings: one corner of the quadrilateral, any of the four, cut out."""
    c = np.take_along_axis(c, ((np.arange(4) + rng.integers(0, 4, (len(c), 1))) % 4)[..., None], 1)
    u, v = rng.uniform(0.35, 0.65, (2, len(c), 1))
    p, q = _between(c[:, 1], c[:, 2], v), _between(c[:, 3], c[:, 2], u)
    inner = _between(_between(c[:, 0], c[:, 1], u), q, v)
    return np.stack([c[:, 0], c[:, 1], p, inner, q, c[:, 3]], axis=1)


def _chamfered(c: Floats, rng: np.random.Generator) -> Floats:
    """Return five-cornered rings: one corner cut off."""
    c = np.take_along_axis(c, ((np.arange(4) + rng.integers(0, 4, (len(c), 1))) % 4)[..., None], 1)
    u, v = rng.uniform(0.4, 0.85, (2, len(c), 1))
    return np.stack(
        [c[:, 0], c[:, 1], _between(c[:, 1], c[:, 2], u), _between(c[:, 3], c[:, 2], v), c[:, 3]], axis=1
    )


def shapes(rng: np.random.Generator, lattice: Lattice, lots: Lots) -> Any:
    """Return one polygon a lot (storage CRS): mostly quadrilaterals; also L shapes, cut corners,
    courtyards (a hole) and lots of two parts."""
    corner = _corners(lots.box, rng)
    kind = rng.choice(5, len(corner), p=[0.78, 0.10, 0.07, 0.03, 0.02])
    out = np.empty(len(corner), dtype=object)
    for number, ring in ((0, corner[kind == 0]), (1, _l_shape(corner[kind == 1], rng)),
                         (2, _chamfered(corner[kind == 2], rng))):  # fmt: skip
        out[kind == number] = shapely.polygons(lattice.warp(ring))
    yard = corner[kind == 3]
    hole = _between(yard.mean(axis=1, keepdims=True), yard, rng.uniform(0.25, 0.5, (len(yard), 1, 1)))
    rings = shapely.linearrings(lattice.warp(hole))
    out[kind == 3] = shapely.polygons(shapely.linearrings(lattice.warp(yard)), holes=rings[:, None])
    both = corner[kind == 4]
    halves = [_half(both, lots.street_m, low) for low in (True, False)]
    parts = np.column_stack([shapely.polygons(lattice.warp(ring)) for ring in halves])
    out[kind == 4] = shapely.multipolygons(parts)
    return out


def _half(c: Floats, gap_m: float, low: bool) -> Floats:
    """Return one half of each quadrilateral, a passage of `gap_m` left between the halves."""
    width = np.linalg.norm(c[:, 1] - c[:, 0], axis=-1)[:, None]
    share = np.minimum(0.5 * gap_m / width, 0.2)
    if low:
        return np.stack([c[:, 0], _between(c[:, 0], c[:, 1], 0.5 - share),
                         _between(c[:, 3], c[:, 2], 0.5 - share), c[:, 3]], axis=1)  # fmt: skip
    return np.stack([_between(c[:, 0], c[:, 1], 0.5 + share), c[:, 1],
                     c[:, 2], _between(c[:, 3], c[:, 2], 0.5 + share)], axis=1)  # fmt: skip
