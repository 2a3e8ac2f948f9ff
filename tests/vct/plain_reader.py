"""A reader of VCT as simple as its grammar, made apart from the program's own: strict, slow, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import LineString, MultiLineString, MultiPoint, Point


class Plain:
    """Shapes and values of a file by code and number; nothing is forgiven."""

    def __init__(self, path: Path) -> None:
        text = path.read_bytes().decode("gb18030")
        assert text.endswith("\r\n")
        self.lines = text[:-2].split("\r\n")
        assert not [line for line in self.lines if "\n" in line or "\r" in line]
        self.at = 0
        self.head = dict(line.split(":", 1) for line in self.part("Head"))
        self.codes = {c: (name, kind, table) for c, name, kind, table in map(cells, self.part("FeatureCode"))}
        self.tables = self.read_tables(self.part("TableStructure"))
        self.shapes: dict[str, dict[int, Any]] = {}
        self.borders: dict[int, list[tuple[float, float]]] = {}
        self.uses: list[int] = []
        for name, one in (("Point", self.point), ("Line", self.line), ("Polygon", self.polygon)):
            self.expect(f"{name}Begin")
            while self.lines[self.at] != f"{name}End":
                number, code, style = int(self.next()), self.next(), self.next()
                assert style
                assert self.codes[code][1] == name
                assert all(number not in of for of in self.shapes.values())
                self.shapes.setdefault(code, {})[number] = one(number)
                self.expect("0")
            self.expect(f"{name}End")
        self.values = self.read_values()
        self.expect("StyleBegin")
        self.expect("StyleEnd")
        assert self.at == len(self.lines)

    def next(self) -> str:
        self.at += 1
        return self.lines[self.at - 1]

    def expect(self, text: str) -> None:
        found = self.next()
        assert found == text, f"line {self.at}: {found!r} is not {text!r}"

    def part(self, name: str) -> list[str]:
        self.expect(f"{name}Begin")
        start = self.at
        self.at = self.lines.index(f"{name}End", start) + 1
        return self.lines[start : self.at - 1]

    def read_tables(self, lines: list[str]) -> dict[str, list[list[str]]]:
        found, rest = {}, iter(lines)
        for line in rest:
            name, count, *mark = cells(line)
            assert mark in ([], ["NoneGeometry"])
            found[name] = [cells(next(rest)) for _ in range(int(count))]
            assert next(rest) == "0"
        return found

    def places(self) -> list[tuple[float, float]]:
        return [place(self.next()) for _ in range(int(self.next()))]

    def point(self, _: int) -> Any:
        kind = self.next()
        counted = self.head["Version"] == "3.0" or kind == "4"
        found = self.places() if counted else [place(self.next())]
        assert (kind == "4") == (len(found) > 1)
        return MultiPoint(found) if kind == "4" else Point(found[0])

    def line(self, number: int) -> Any:
        self.expect("1")
        pieces = []
        for _ in range(int(self.next())):
            self.expect("11")
            pieces.append(self.places())
        if len(pieces) > 1:
            return MultiLineString(pieces)
        self.borders[number] = pieces[0]
        return LineString(pieces[0])

    def polygon(self, _: int) -> Any:
        kind, label = self.next(), place(self.next())
        rings = []
        if kind == "1":
            for _ring in range(int(self.next())):
                self.expect("11")
                rings.append(self.places())
        else:
            assert kind == "100"
            self.expect("21")
            rings = [self.chained(ring) for ring in self.numbers(int(self.next()))]
        assert all(ring[0] == ring[-1] for ring in rings)
        # Even-odd: what is inside of a hole is not covered.
        found = shapely.Polygon()
        for ring in rings:
            found = found.symmetric_difference(shapely.Polygon(ring))
        assert found.distance(Point(label)) < 1e-3
        return found

    def numbers(self, count: int) -> list[list[int]]:
        rings: list[list[int]] = [[]]
        seen = 0
        while seen < count:
            row = [int(cell) for cell in cells(self.next())]
            assert len(row) == min(8, count - seen)
            seen += len(row)
            for number in row:
                rings.append([]) if number == 0 else rings[-1].append(number)
        self.uses += [abs(number) for ring in rings for number in ring]
        return rings

    def chained(self, ring: list[int]) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for number in ring:
            more = self.borders[abs(number)][:: 1 if number > 0 else -1]
            assert not found or found[-1] == more[0]
            found += more[1:] if found else more
        return found

    def read_values(self) -> dict[str, dict[int, list[str]]]:
        self.expect("AttributeBegin")
        found: dict[str, dict[int, list[str]]] = {}
        while (name := self.next()) != "AttributeEnd":
            rows = found.setdefault(name, {})
            while (line := self.next()) != "TableEnd":
                number, *values = cells(line)
                assert int(number) not in rows
                assert len(values) == len(self.tables[name])
                rows[int(number)] = values
        return found


def cells(line: str) -> list[str]:
    return line.split(",")


def place(line: str) -> tuple[float, float]:
    x, y = cells(line)
    return float(x), float(y)
