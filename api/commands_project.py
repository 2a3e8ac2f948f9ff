"""`onemap project`: the register of heat projects."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

import typer

from api import commands_evaluate
from api.progress import say, say_json
from gis.errors import NotFoundError
from gis.register import document, listed, project_of
from gis.register.record import PROJECT, SPEC, ProjectStatus, choice_title, share_text, value_text
from gis.settings import Settings
from gis.store import open_store
from gis.store.projects import page
from gis.store.rulesets import ruleset_of
from gis.vocabulary import Technology
from gis.wording import Language, Wording

app = typer.Typer(help="Show heat projects, their pre-check and their support.", no_args_is_help=True)

MANY = 1_000_000
WORDS = {
    "next": ("可变更为", "may become"),
    "faults": ("登记问题", "faults"),
    "precheck": ("申请预审", "pre-check"),
    "complete": ("齐备", "complete"),
    "incomplete": ("不齐备", "incomplete"),
    "not_eligible": ("不符合", "not eligible"),
    "unknown": ("待核实", "to be verified"),
    "met": ("符合", "met"),
    "missing": ("缺", "missing"),
    "failed": ("不符合", "failed"),
    "lacking": ("应补填", "to be told"),
    "subsidy": ("市政府固定资产投资支持", "municipal investment support"),
    "none": ("无", "none"),
    "no_rate": ("未核定，原因如下", "no rate, because"),
    "amount": ("金额", "amount"),
    "as_of": ("按 {} 的规定", "by the rules of {}"),
    "share": ("新能源装机占比", "new-energy share"),
    "count": ("共 {} 个项目", "{} projects"),
}
_LISTED = {"heat_project_id": 12, "status": 14, "technology": 22, "heated_area_m2": 14, "installed_kw": 12}


def register(app_: typer.Typer) -> None:
    """Add the commands of this module."""
    commands_evaluate.register(app)
    app_.add_typer(app, name="project")


@app.command(name="list")
def list_(
    status: Annotated[ProjectStatus | None, typer.Option(help="Those in this state.")] = None,
    technology: Annotated[Technology | None, typer.Option(help="Those of this main technology.")] = None,
    district: Annotated[str | None, typer.Option(help="Those of this district, by name.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
    lang: Annotated[Language, typer.Option(help="Language of the total.")] = "zh",
) -> None:
    """List the heat projects of the register by key."""
    asked: dict[str, str | None] = {"status": status, "technology": technology, "district": district}
    with open_store(Settings()) as store, store.engine.connect() as connection:
        rows, count = page(connection, {n: v for n, v in asked.items() if v is not None}, MANY, 0)
    projects = [listed(project_of(row)) for row in rows]
    if as_json:
        say_json({"projects": projects, "numberMatched": count})
        return
    for one in projects:
        told = "".join(f"{_cell(one[name]):<{width}}" for name, width in _LISTED.items())
        share = one["new_energy_share_frac"]
        say(f"{told}{'-' if share is None else share_text(share):<10}{one['name'] or ''}", file=sys.stdout)
    say(Wording(lang, WORDS).word("count").format(f"{count:,}"), file=sys.stdout)


@app.command()
def show(
    project_id: Annotated[str, typer.Argument(metavar="ID", help="Key of the project.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all as JSON, as the API answers.")] = False,
    lang: Annotated[Language, typer.Option(help="Language of titles and sentences.")] = "zh",
) -> None:
    """Show a project: its record, states that may follow, the pre-check of its application, its support."""
    with open_store(Settings()) as store:
        with store.engine.connect() as connection:
            rows, _ = page(connection, {SPEC.key: project_id}, 1, 0)
        if not rows:
            raise NotFoundError(
                f"The layer {PROJECT} has no project {project_id!r}; `onemap project list` lists all."
            )
        told = document(project_of(rows[0]), ruleset_of(store, store.latest_run()), date.today())
    if as_json:
        say_json(told)
        return
    for line in lines(told, Wording(lang, WORDS)):
        say(line, file=sys.stdout)


def lines(told: dict[str, Any], w: Wording) -> Iterator[str]:
    """Yield what `gis.register.document` tells of a project as lines for people."""
    project = project_of(told["project"])
    for field in SPEC.fields:
        if project[field.name] is not None:
            yield w.named(w.pick(field.title.model_dump()), value_text(project, field.name, w.language))
    if project.new_energy_share_frac is not None:
        yield w.named(w.word("share"), share_text(project.new_energy_share_frac))
    follows = [choice_title("status", n["status"], w.language) for n in told["next_states"]]
    yield w.named(w.word("next"), w.joined(follows) if follows else w.word("none"))
    if told["faults"]:
        yield w.word("faults")
        yield from (f"  {w.pick(fault)}" for fault in told["faults"])
    check = told["precheck"]
    day = w.word("as_of").format(check["as_of"])
    yield w.bracketed(w.named(w.word("precheck"), w.word(check["result"])), day)
    for item in check["items"]:
        yield f"  {w.word(item['result'])}  {w.cited(item)}"
    if check["missing"]:
        lacking = [w.pick(one["title"]) for one in check["missing"]]
        yield f"  {w.named(w.word('lacking'), w.joined(lacking))}"
    support = told["subsidy"]
    rate = support["rate_frac"]
    yield w.named(w.word("subsidy"), w.word("no_rate") if rate is None else share_text(rate))
    if support["amount_cny"] is not None:
        money = f"{support['amount_cny']:,.2f} {w.pick(('元', 'CNY'))}"
        yield f"  {w.named(w.word('amount'), money)}"
    yield from (f"  {w.cited(reason)}" for reason in support["reasons"])


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if isinstance(value, float) else str(value)
