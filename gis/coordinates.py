"""Coordinates that somebody typed: degrees, degrees with minutes and seconds, or metres of CGCS2000.

Two numbers may stand in either order. All that they can mean is told, longitude first; which of it
lies in the city is for the caller to say.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from gis.crs import API_CRS, API_DECIMALS, STORAGE_EPSG, reproject_xy

# As the keyboard, a phone, a map or a survey has them.
_SIGNS = str.maketrans({"″": '"', "”": '"', "“": '"', "秒": '"', "′": "'", "’": "'", "‘": "'", "分": "'"})
_DEGREES = str.maketrans({"度": "°", "º": "°", "˚": "°", "、": ",", ";": ","})
_SIDES = {"东经": "E", "西经": "W", "北纬": "N", "南纬": "S", "''": '"'}
_ANGLE = re.compile(
    r"(?P<before>[NSEW])? ?(?P<deg>[+-]?[0-9]{1,3}(?:\.[0-9]+)?) ?"
    r"(?:° ?(?:(?P<min>[0-9]{1,2}(?:\.[0-9]+)?) ?' ?(?:(?P<sec>[0-9]{1,2}(?:\.[0-9]+)?) ?\" ?)?)?)?"
    r"(?(before)|(?P<after>[NSEW])?)"
)
_METRES = re.compile(r"(?:[XYEN] ?[=:]? ?)?(?P<m>[0-9]{6,8}(?:\.[0-9]+)?) ?M?")
_NEXT = re.compile(r" ?, ?| |(?<=[NSEW°'\"])")

_EAST_M, _NORTH_M = (100_000.0, 900_000.0), (300_000.0, 6_000_000.0)
_ZONE_M = 39_000_000.0
"""What EPSG:4527 adds to eastings: its zone, 39."""

GEOGRAPHIC = "EPSG:4490"


@dataclass(frozen=True)
class Reading:
    """One meaning of what was typed: longitude and latitude in degrees (CRS84).

    `crs` is the system it was read in, and `x_first` tells whether longitude or easting stood first.
    """

    lon: float
    lat: float
    crs: str
    x_first: bool


def readings(text: str) -> tuple[Reading, ...]:
    """Return what a text may mean as coordinates, at most two meanings; nothing where it is no coordinates.

    Taken are longitude and latitude in degrees, with minutes and seconds or without (EPSG:4490, whose
    datum is taken for that of WGS 84), and metres of EPSG:4548 and EPSG:4527. Longitude goes first
    unless the text says otherwise.
    """
    plain = _plain(text)
    metres = _pair(_METRES, plain)
    if metres:
        return _projected(float(metres[0]["m"]), float(metres[1]["m"]))
    angles = _pair(_ANGLE, plain)
    return _geographic(*angles) if angles else ()


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text.translate(_DEGREES).translate(_SIGNS)).translate(_DEGREES)
    for written, meant in _SIDES.items():
        plain = plain.replace(written, meant)
    return " ".join(plain.upper().strip("()[] \t\r\n").split())


def _pair(pattern: re.Pattern[str], plain: str) -> tuple[re.Match[str], re.Match[str]] | None:
    """Return the two matches that a text consists of, with a comma or a space between them."""
    first = pattern.match(plain)
    # A space before the comma may have been taken with the first.
    then = first and _NEXT.match(plain, first.end() - plain[: first.end()].endswith(" "))
    second = then and pattern.fullmatch(plain, then.end())
    return (first, second) if first and second else None


def _projected(first: float, second: float) -> tuple[Reading, ...]:
    for x_first, (east, north) in ((True, (first, second)), (False, (second, first))):
        for crs, shift in ((f"EPSG:{STORAGE_EPSG}", 0.0), ("EPSG:4527", _ZONE_M)):
            if _EAST_M[0] <= east - shift <= _EAST_M[1] and _NORTH_M[0] <= north <= _NORTH_M[1]:
                ((lon, lat),) = reproject_xy(np.array([[east, north]]), crs, API_CRS).round(API_DECIMALS)
                # An easting is always less than a northing of this country, or has its zone.
                return (Reading(float(lon), float(lat), crs, x_first),)
    return ()


def _geographic(first: re.Match[str], second: re.Match[str]) -> tuple[Reading, ...]:
    values = _degrees(first), _degrees(second)
    sides = _side(first), _side(second)
    found = []
    for x, y in ((0, 1), (1, 0)):
        lon, lat = values[x], values[y]
        fits = sides[x] in ("", "E", "W") and sides[y] in ("", "N", "S")
        if fits and lon is not None and lat is not None:
            lon, lat = (-lon if sides[x] == "W" else lon), (-lat if sides[y] == "S" else lat)
            if abs(lon) <= 180 and abs(lat) <= 90:
                found.append(Reading(round(lon, API_DECIMALS), round(lat, API_DECIMALS), GEOGRAPHIC, x == 0))
    return tuple(found)


def _degrees(angle: re.Match[str]) -> float | None:
    """Return an angle in degrees; None where its minutes or seconds are no such."""
    whole, minutes, seconds = float(angle["deg"]), float(angle["min"] or 0), float(angle["sec"] or 0)
    if minutes >= 60 or seconds >= 60:
        return None
    size = abs(whole) + minutes / 60 + seconds / 3600
    return -size if angle["deg"].startswith("-") else size


def _side(angle: re.Match[str]) -> str:
    """Return the side of the world that an angle names: N, S, E, W or nothing."""
    return angle["before"] or angle["after"] or ""
