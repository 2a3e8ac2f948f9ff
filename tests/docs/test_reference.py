"""The pages that are made from the program hold all of it."""

from __future__ import annotations

import csv
import inspect
import re
from collections.abc import Iterator
from itertools import chain

import pytest
import yaml
from typer.testing import CliRunner

import gis
from api.cli import MODULES, app
from gis.rules.loader import BUILT_IN
from gis.vocabulary import FACTS, VERDICTS
from layers import LAYERS, RASTERS
from tests.docs.conftest import Site

BEIJING = BUILT_IN / "beijing"


def codes(tree) -> set[str]:
    """Return all that stands as code in a part of a page."""
    return {c.text_content() for c in tree.iter("code")}


def helped(*command: str) -> str:
    """Return what a command says of itself."""
    said = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": "200"})
    assert said.exit_code == 0
    return said.output


def public(name: str) -> Iterator[tuple[str, str]]:
    """Give a name of the package and those inside it, each with the first line of its docstring."""
    held = getattr(gis, name)
    yield f"gis.{name}", held.__doc__ or ""
    for inner, member in vars(held).items() if inspect.isclass(held) else ():
        told = inspect.isfunction(member) or isinstance(member, property | classmethod | staticmethod)
        if told and not inner.startswith("_"):
            yield f"gis.{name}.{inner}", member.__doc__ or ""


def test_every_public_name_of_the_package_is_told(site: Site):
    page = site.pages["reference/python.html"]
    for name, docstring in chain.from_iterable(map(public, gis.__all__)):
        [told] = page.xpath(f"//dt[@id='{name}']/following-sibling::dd")
        said = " ".join(docstring.split("\n")[0].replace("`", "").split())
        assert said, name
        assert said in " ".join(told.text_content().split()), name


def test_parameters_are_lists_and_no_signature_stands_in_a_text(site: Site):
    page = site.pages["reference/python.html"]
    [told] = page.xpath("//dt[@id='gis.read_mapped']/following-sibling::dd")
    names = [s.text_content() for s in told.xpath(".//dd//strong")]
    assert {"layer", "source", "source_crs", "crs"} <= set(names)
    [held] = page.xpath("//dt[@id='gis.Resources']/following-sibling::dd")
    assert {"frames", "versions", "rasters"} <= {d.text_content() for d in held.xpath("./dl/dt/code")}


@pytest.mark.parametrize("name", MODULES)
def test_every_command_and_option_is_told(site: Site, name: str):
    parts = re.findall(r"^  ([a-z]+)\s", helped(name).partition("Commands:")[2], re.MULTILINE)
    for command in [(name, part) for part in parts] or [(name,)]:
        section = site.section("reference/commands.html", "-".join(("onemap", *command)))
        options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", helped(*command).partition("Options:")[2]))
        told = " ".join(codes(section)).replace("/", " ").split()
        assert options - {"--help"} <= set(told)


def test_every_layer_and_field_is_told(site: Site):
    for spec in LAYERS.values():
        section = site.section("reference/layers.html", f"layer-{spec.id.replace('_', '-')}")
        values = {c.value for f in spec.fields for c in f.choices}
        assert {*spec.field_names, *values} <= codes(section)
        assert spec.title.zh in section.text_content()
        rows = section.xpath(".//tbody/tr")
        assert len(rows) == len(spec.fields)
        for row, field in zip(rows, spec.fields, strict=True):
            said = row.text_content()
            assert all(
                word in said for word in (field.title.zh, field.title.en, field.unit or "", field.type)
            )
            assert all(alias in said for alias in field.aliases)
    for raster in RASTERS.values():
        section = site.section("reference/layers.html", f"layer-{raster.id.replace('_', '-')}")
        assert raster.unit in section.text_content()


def test_every_column_of_results_is_told_with_its_unit(site: Site):
    rows = [
        [cell.text_content().strip() for cell in row]
        for row in site.pages["reference/results.html"].xpath("//tbody/tr")
    ]
    for column in (*FACTS, *VERDICTS):
        assert any(
            row[:3] == [column.name, column.zh, column.en] and row[4] == (column.unit or "")
            for row in rows
            if len(row) == 5
        ), column.name


def test_every_figure_of_the_rules_is_told_as_it_stands_in_the_files(site: Site):
    sections = site.pages["reference/rules.html"].xpath("//section[h2/code]")
    files = {section.xpath("string(h2/code)"): section for section in sections}
    assert set(files) == {path.name for path in BEIJING.glob("*.yaml")}
    for name, section in files.items():
        declared = yaml.safe_load((BEIJING / name).read_text(encoding="utf-8"))
        rows = [[" ".join(c.text_content().split()) for c in row] for row in section.xpath(".//tbody/tr")]
        dated = [(n, p, v) for n, p in declared.get("parameters", {}).items() for v in p["values"]]
        for row, (figure, parameter, value) in zip(rows, dated, strict=False):
            assert row[0] == f"{figure}{parameter['title']['zh']} {parameter['title']['en']}"
            assert row[1].startswith(shown(value["value"])), figure
            assert row[2] == str(value["from"])
            assert row[3].startswith(parameter["source"]["kind"])
            assert "".join(parameter["source"]["text"].split()) in "".join(row[3].split())
        assert len(rows) >= len(dated)
        ids = {row[0] for row in rows}
        assert {c["id"] for c in (*declared.get("checks", ()), *declared.get("notes", ()))} <= ids


def shown(value: object) -> str:
    """Return how a value of a rule file begins in the table; of lists and tables the first entry."""
    if isinstance(value, dict):
        return next(iter(value))
    return (
        shown(value[0])
        if isinstance(value, list)
        else f"{value:,.10g}"
        if not isinstance(value, str)
        else value
    )


def test_every_clause_is_told_in_both_languages(site: Site):
    with (BEIJING / "clauses.csv").open(encoding="utf-8") as file:
        clauses = list(csv.DictReader(file))
    for clause in clauses:
        id_ = f"clause-{clause['clause_id'].lower().replace('.', '-')}"
        said = site.section("reference/clauses.html", id_).text_content()
        assert clause["rule_in_short_zh"] in said
        assert clause["rule_in_short"] in said
