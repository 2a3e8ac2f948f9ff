"""The suitability document as it leaves the program: strict JSON, and text for a person."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from api.explain import text_of
from api.schemas_suitability import Suitability
from api.sheet import WIDTH, Language, Sheet, width
from api.suitability import Scorer
from gis.store import Store

KINDS = {
    "ground source": "s.recommended = 'shallow_ground_source'",
    "reclaimed water": "s.recommended = 'reclaimed_water'",
    "geothermal": "s.recommended = 'geothermal'",
    "waste heat": "s.recommended = 'waste_heat'",
    "air source": "s.recommended = 'air_source'",
    "biomass in reach": "NOT 'reach.failed' = ANY(s.biomass_reasons)",
    "several technologies": "cardinality(s.portfolio_technologies) > 2",
    "no heat load": "f.heat_load_kw IS NULL OR f.heat_load_kw = 0",
    "policy area": "f.geothermal_pilot_area IS NOT NULL",
}
HEADINGS = {
    "zh": ("需求", "推荐技术：", "各技术（按政策优先次序）", "组合方案", "规则集 beijing", "数据版本："),
    "en": ("Demand", "Recommended: ", "Technologies in", "Portfolio", "Rule set beijing", "Data versions: "),
}


@pytest.fixture(scope="module")
def scorer(city: Store) -> Scorer:
    return Scorer(city)


@pytest.fixture(scope="module")
def documents(city: Store, scorer: Scorer) -> dict[str, dict[str, Any]]:
    """A document of every kind of answer."""
    found = {}
    with city.engine.connect() as connection:
        for name, condition in KINDS.items():
            query = f"""
                SELECT parcel_id FROM result.parcel_suitability s JOIN result.parcel_fact f USING (parcel_id)
                WHERE {condition} ORDER BY parcel_id LIMIT 1
            """
            parcel_id = connection.scalar(sa.text(query))
            assert parcel_id, f"the sample has no parcel with {name}"
            found[name] = scorer.stored_document(city, parcel_id)
    return found


def squeezed(text: str) -> str:
    """Return a text without blanks and line ends, as lines may break anywhere."""
    return re.sub(r"\s", "", text)


def told(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield everything of a document that has words in two languages and a clause."""
    for verdict in document["technologies"]:
        yield from verdict["reasons"]
        yield from verdict["changes"]
        if verdict["why_not"]:
            yield verdict["why_not"]
    if document["portfolio"]:
        yield from document["portfolio"]["findings"]
    yield from document["checklist"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_text_tells_the_whole_document(
    documents: dict[str, dict[str, Any]], scorer: Scorer, city: Store, kind: str, language: Language
) -> None:
    document = documents[kind]
    text = text_of(document, scorer.ruleset(city.latest_run()), language)
    assert max(width(line) for line in text.splitlines()) <= WIDTH
    places = [text.index(heading) for heading in HEADINGS[language]]
    assert places == sorted(places)
    flat = squeezed(text)
    for entry in told(document):
        assert squeezed(f"{entry[language]} [{entry['clause_id']}]") in flat
    for verdict in document["technologies"]:
        assert squeezed(f"{verdict['rank']}. {verdict['title'][language]}") in flat
        spread = verdict["capacity_range_kw"]
        if spread and spread["p10"] > spread["p90"] >= 100:
            assert f"P90 {spread['p90']:,.0f}" in text
    assert ("组合方案" in text) == (language == "zh")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_portfolio_in_the_text(
    documents: dict[str, dict[str, Any]], scorer: Scorer, city: Store, language: Language
) -> None:
    plan = documents["several technologies"]["portfolio"]
    text = text_of(documents["several technologies"], scorer.ruleset(city.latest_run()), language)
    for part in plan["technologies"]:
        row = next(line for line in text.splitlines() if line.startswith(f"  {part['title'][language]}  "))
        figure = re.search(r"([\d,.]+) kW", row)
        assert figure
        assert float(figure[1].replace(",", "")) == pytest.approx(part["installed_kw"], rel=0.01)
    flat = squeezed(text)
    assert f"{plan['subsidy']['rate_frac'] * 100:.0f}%" in flat
    assert plan["subsidy"]["valid_from"] in flat
    assert squeezed(plan["subsidy"]["source"]) in flat
    for entry in plan["carbon"]["by_factor"]:
        assert squeezed(entry["title"][language]) in flat
        assert f"{entry['breakeven_cop']:.2f}".rstrip("0") in flat
    if plan["storage"]:
        assert f"{plan['storage']['volume_m3']:,.0f}m³" in flat


def test_without_a_load_there_is_no_portfolio(
    documents: dict[str, dict[str, Any]], scorer: Scorer, city: Store
) -> None:
    document = documents["no heat load"]
    assert document["portfolio"] is None
    assert "热负荷未知或为零，不作组合" in text_of(document, scorer.ruleset(city.latest_run()), "zh")


def test_biomass_is_listed_where_a_source_may_serve(documents: dict[str, dict[str, Any]]) -> None:
    for kind, document in documents.items():
        listed = [t["technology"] for t in document["technologies"]]
        assert len(listed) == 6 + ("biomass" in listed)
        assert [t["rank"] for t in document["technologies"]] == list(range(1, len(listed) + 1))
        if kind == "biomass in reach":
            assert "biomass" in listed


def test_areas_of_the_policy_are_named(
    documents: dict[str, dict[str, Any]], scorer: Scorer, city: Store
) -> None:
    document, ruleset = documents["policy area"], scorer.ruleset(city.latest_run())
    area = next(a for a in ruleset.areas if a.id == document["location"]["geothermal_pilot_area"])
    assert area.title.zh in text_of(document, ruleset, "zh")


def test_stored_documents_fit_the_schema(city: Store, scorer: Scorer) -> None:
    parcel_ids = city.read("parcel")["parcel_id"].tolist()
    for i in np.random.default_rng(5).choice(len(parcel_ids), 120, replace=False):
        Suitability.model_validate_json(orjson.dumps(scorer.stored_document(city, parcel_ids[i])))


def parts(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object inside a document, itself included."""
    if isinstance(value, dict):
        yield value
        for name, inner in value.items():
            # These are tables by name, not objects of fixed form.
            if name not in ("data_versions", "evidence"):
                yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


def test_the_schema_takes_nothing_that_is_not_declared(documents: dict[str, dict[str, Any]]) -> None:
    document = documents["several technologies"]
    Suitability.model_validate_json(orjson.dumps(document))
    for place in range(len(list(parts(document)))):
        changed = copy.deepcopy(document)
        list(parts(changed))[place]["undeclared"] = 1
        with pytest.raises(ValidationError, match="undeclared"):
            Suitability.model_validate_json(orjson.dumps(changed))


def test_lines_break_without_loss() -> None:
    text = "装机占比 100 %；单机不低于 300 kW（见 [P1309-3.6-b]），" * 12
    sheet = Sheet("zh", {})
    sheet.put(text, 3)
    lines = str(sheet).splitlines()
    assert len(lines) > 5
    assert squeezed(str(sheet)) == squeezed(text)
    assert all(width(line) <= WIDTH for line in lines)
    assert not any(line.strip()[0] in "，。；）%" for line in lines)
    assert lines[0].startswith("   装")
    assert all(line.startswith("     ") for line in lines[1:])
