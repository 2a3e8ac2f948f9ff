"""The portfolio and the checklist of a suitability document as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.sheet import Sheet
from gis.titles import CHECKLIST_GROUPS, EFFECTS
from gis.vocabulary import OPTIONS

_TABLE = (32, 12, 17, 15, 16)


def put_reason(sheet: Sheet, reason: Mapping[str, Any]) -> None:
    """Add a reason with its effect and clause."""
    sheet.put("- " + sheet.named(sheet.pick(EFFECTS[reason["effect"]]), sheet.cited(reason)), 3)


def put_portfolio(sheet: Sheet, portfolio: Mapping[str, Any] | None) -> None:
    """Add what the technologies give together: shares, findings, money, carbon, storage."""
    sheet.put("")
    sheet.put(sheet.word("portfolio"))
    if portfolio is None:
        sheet.put(sheet.word("no_load"), 2)
        return
    _put_parts(sheet, portfolio)
    share = f"{sheet.word('new_energy_share')} {sheet.share(portfolio['installed_share_frac'])}"
    without = sheet.word("without_air").format(sheet.share(portfolio["share_without_air_frac"]))
    unmet = f"{sheet.word('unmet')} {sheet.number(portfolio['unmet_kw'], 'kW')}"
    told = [sheet.bracketed(share, without), unmet]
    if portfolio["air_source_unit_count"]:
        told.append(f"{sheet.word('units')} {sheet.number(portfolio['air_source_unit_count'])}")
    sheet.put(sheet.joined(told), 2)
    sheet.put(sheet.word("findings"), 2)
    for finding in portfolio["findings"]:
        put_reason(sheet, finding)
    _put_money(sheet, portfolio)
    _put_carbon(sheet, portfolio["carbon"])
    if portfolio["storage"]:
        _put_storage(sheet, portfolio["storage"])
    told = [sheet.assumption(entry) for entry in portfolio["assumptions"]]
    sheet.put(sheet.named(sheet.word("assumed"), sheet.joined(told)), 2)


def _put_parts(sheet: Sheet, portfolio: Mapping[str, Any]) -> None:
    names = ("technology", "installed", "installed_share", "energy_share", "scop")
    sheet.row([sheet.word(name) for name in names], _TABLE)
    for part in portfolio["technologies"]:
        sheet.row(
            [
                sheet.pick(part["title"]),
                sheet.number(part["installed_kw"], "kW"),
                sheet.share(part["installed_share_frac"]),
                sheet.share(part["energy_share_frac"]),
                sheet.number(part["scop"]),
            ],
            _TABLE,
        )
    total = sum(part["installed_kw"] for part in portfolio["technologies"])
    sheet.row(
        [
            sheet.word("new_energy"),
            sheet.number(total, "kW"),
            sheet.share(portfolio["installed_share_frac"]),
            sheet.share(portfolio["energy_share_frac"]),
            sheet.number(portfolio["scop"]),
        ],
        _TABLE,
    )


def _put_money(sheet: Sheet, portfolio: Mapping[str, Any]) -> None:
    subsidy = portfolio["subsidy"]
    rate = f"{sheet.word('subsidy')} {sheet.share(subsidy['rate_frac'])}"
    since = sheet.word("from_day").format(subsidy["valid_from"])
    basis = sheet.joined([since, subsidy["source"]])
    sheet.put(f"{sheet.bracketed(rate, basis)} [{subsidy['clause_id']}]", 2)
    sheet.put(f"{sheet.word('lcoh')} {sheet.number(portfolio['lcoh_cny_per_mwh'], 'CNY/MWh')}", 2)


def _put_carbon(sheet: Sheet, carbon: Mapping[str, Any]) -> None:
    sheet.put(sheet.word("carbon").format(sheet.number(carbon["boiler_t_per_a"], "t/a")), 2)
    for entry in carbon["by_factor"]:
        factor = sheet.joined([entry["valid_from"][:4], sheet.number(entry["grid_kg_per_kwh"], "kg/kWh", 4)])
        saved = entry["saved_t_per_a"]
        told = [
            sheet.word("emitted").format(sheet.number(entry["co2_t_per_a"], "t/a")),
            sheet.word("saved" if saved >= 0 else "not_saved").format(sheet.number(abs(saved), "t/a")),
        ]
        breakeven = sheet.word("breakeven").format(sheet.number(entry["breakeven_cop"]))
        if entry["better_than_boiler"] is not None:
            verdict = sheet.word("better" if entry["better_than_boiler"] else "worse")
            breakeven = sheet.bracketed(breakeven, verdict)
        title = sheet.bracketed(sheet.pick(entry["title"]), factor)
        sheet.put("- " + sheet.named(title, sheet.joined([*told, breakeven])), 3)


def _put_storage(sheet: Sheet, storage: Mapping[str, Any]) -> None:
    told = [
        sheet.word(word).format(sheet.number(storage[name], unit))
        for word, name, unit in (
            ("peak_cut", "peak_cut_kw", "kW"),
            ("air_saved", "air_source_saved_kw", "kW"),
            ("store", "energy_kwh", "kWh"),
            ("water", "volume_m3", "m3"),
        )
    ]
    text = sheet.named(sheet.word("storage"), sheet.joined(told))
    sheet.put(f"{text} [{storage['clause_id']}]", 2)


def put_checklist(sheet: Sheet, items: Sequence[Mapping[str, Any]]) -> None:
    """Add what the applicant must show or arrange, by group."""
    if not items:
        return
    titles = {o.id: sheet.pick((o.zh, o.en)) for o in OPTIONS}
    everyone = {option for item in items for option in item["options"]}
    sheet.put("")
    sheet.put(sheet.word("checklist"))
    for group, title in CHECKLIST_GROUPS.items():
        own = [item for item in items if item["group"] == group]
        if own:
            sheet.put(sheet.pick(title), 2)
        for item in own:
            text = sheet.cited(item)
            if set(item["options"]) != everyone:
                names = sheet.joined([titles[option] for option in item["options"]])
                text = sheet.bracketed(text, sheet.named(sheet.word("only_for"), names))
            sheet.put(f"□ {text}", 3)
