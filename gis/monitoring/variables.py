"""What is measured at heat projects and data centres, in which units it comes and within which bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from layers import Text


@dataclass(frozen=True)
class Variable:
    """One measured quantity.

    name     its name, with the unit in which it is stored
    title    what it is called
    unit     the unit in which it is stored
    kind     `sum`: an amount of the step, `mean`: a mean over the step
    units    unit as delivered, in small letters -> factor and offset to the stored one
    low      least value that a meter can give, in the stored unit
    high     largest value that a meter of a city's project can give as a mean over an hour
    layers   where it is measured
    aliases  names of columns that hold it, without their unit
    """

    name: str
    title: Text
    unit: str
    kind: Literal["sum", "mean"]
    units: Mapping[str, tuple[float, float]]
    low: float
    high: float
    layers: tuple[str, ...]
    aliases: tuple[str, ...]


MOST_OVER_INSTALLED = 1.5
"""How far a mean over a step may exceed the installed capacity before its unit is doubted (assumed: units
that are mistaken for each other differ by 3.6 and more)."""

LIMITS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "heat_project": {"heat_kwh": "installed_kw", "electricity_kwh": "installed_kw"},
        "data_centre": {"it_electricity_kwh": "it_load_kw"},
    }
)
"""Layer -> variable -> the field in kW that its mean over a step is held against."""

_ENERGY = MappingProxyType(
    {"kwh": (1.0, 0.0), "mwh": (1e3, 0.0), "gwh": (1e6, 0.0), "mj": (1 / 3.6, 0.0), "gj": (1e3 / 3.6, 0.0)}
)
_VOLUME = MappingProxyType({"m3": (1.0, 0.0), "m³": (1.0, 0.0), "l": (1e-3, 0.0), "1e4m3": (1e4, 0.0)})
_TEMPERATURE = MappingProxyType({"degc": (1.0, 0.0), "℃": (1.0, 0.0), "°c": (1.0, 0.0), "k": (1.0, -273.15)})
_PROJECT, _CENTRE = ("heat_project",), ("data_centre",)


def _energy(name: str, zh: str, en: str, layers: tuple[str, ...], *aliases: str) -> Variable:
    return Variable(
        f"{name}_kwh", Text(zh=zh, en=en), "kWh", "sum", _ENERGY, 0.0, 5e5, layers, (name, *aliases)
    )


def _volume(name: str, zh: str, en: str, *aliases: str) -> Variable:
    return Variable(
        f"{name}_m3", Text(zh=zh, en=en), "m3", "sum", _VOLUME, 0.0, 1e5, _PROJECT, (name, *aliases)
    )


def _temperature(name: str, zh: str, en: str, low_degc: float, high_degc: float, *aliases: str) -> Variable:
    return Variable(
        f"{name}_degc", Text(zh=zh, en=en), "degC", "mean", _TEMPERATURE, low_degc, high_degc, _PROJECT,
        (name, *aliases),
    )  # fmt: skip


VARIABLES: Mapping[str, Variable] = MappingProxyType(
    {
        v.name: v
        for v in (
            _energy("heat", "供热量", "heat delivered", _PROJECT, "热量"),
            _energy("cooling", "供冷量", "cooling delivered", _PROJECT, "冷量"),
            _energy("electricity", "耗电量", "electricity", (*_PROJECT, *_CENTRE), "电量", "用电量"),
            _energy(
                "it_electricity", "IT 设备耗电量", "electricity of the IT equipment", _CENTRE, "IT耗电量"
            ),
            _volume("water", "耗水量", "water used", "用水量"),
            _volume("source_volume", "取热水量", "water through the source side", "循环水量"),
            _temperature("supply", "供水温度", "supply temperature", -20.0, 130.0),
            _temperature("return", "回水温度", "return temperature", -20.0, 130.0),
            _temperature("source_supply", "热源侧进水温度", "temperature from the source", -20.0, 130.0),
            _temperature("source_return", "热源侧回水温度", "temperature back to the source", -20.0, 130.0),
            _temperature("outdoor", "室外温度", "outdoor temperature", -40.0, 50.0, "气温"),
        )
    }
)
"""All measured quantities by name."""
