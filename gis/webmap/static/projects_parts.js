/* What the parts of the page of projects share: fields of the register, signs of checks, links. */
(function () {
  "use strict";
  const { el, text, pick } = OneMap;
  const { figure, area } = OneMap.tables;
  const SIGNS = { met: "✓", missing: "!", failed: "✕", unknown: "?" };
  const RESULTS = { met: "projects_met", missing: "projects_missing", failed: "projects_failed_check", unknown: "projects_undecided" };

  const fieldOf = (name) => OneMap.config.fields.find((one) => one.name === name);
  /* The name of a field; `headOf` as heads and labels have it. */
  const titleOf = (name) => (fieldOf(name) ? pick(fieldOf(name).title) : name);
  const headOf = (name) => titleOf(name).replace(/^./, (first) => first.toUpperCase());
  const isMissing = (value) => value === null || value === undefined || value === "";

  /* A value of a field as a reader has it, a dash where it is missing. */
  function shown(name, value) {
    if (isMissing(value)) return "—";
    const field = fieldOf(name);
    if (field && Object.hasOwn(field.choices, value)) return pick(field.choices[value]);
    if (typeof value === "boolean") return text(value ? "yes" : "no");
    if (typeof value !== "number") return String(value);
    if (name.endsWith("_frac")) return OneMap.share(value);
    return OneMap.number(value, field ? field.unit : null, Math.abs(value) < 100 ? 2 : 0);
  }

  const status = (value) => el("span", { class: `chip state-${value || "none"}` }, shown("status", value));
  const technology = (id) => (id ? OneMap.tables.technology(id) : text("projects_no_technology"));
  const district = (name) => OneMap.parts.districtName(name);
  const link = (id, words) => el("a", { href: OneMap.page("/projects", { project: id }) }, words);
  const share = (value, digits) => (isMissing(value) ? "—" : `${figure(value * 100, digits === undefined ? 1 : digits)}%`);
  const areaUnit = () => text("dashboard_area_unit");
  const areaWithUnit = (m2) => (isMissing(m2) ? text("unknown") : `${area(m2)} ${areaUnit()}`);

  /* A list of names and values; those without a value are left out where `least` says so. */
  const facts = (pairs) => el("dl", { class: "figures" }, pairs.filter(Boolean).flatMap(([name, value]) => [
    el("dt", {}, name), el("dd", { class: value === "—" ? "unknown" : null, title: value === "—" ? text("unknown") : null }, value),
  ]));

  const card = (name, value, note) => el("div", {}, el("dt", {}, name), el("dd", {}, el("b", {}, value), note ? el("small", {}, note) : null));
  const cards = (list) => el("dl", { class: "cards" }, list.filter(Boolean));

  /* A check with its sign, its sentence and the clause behind it. */
  const check = (one) => el(
    "li", { class: `check result-${one.result}` },
    el("span", { class: "chip" }, el("span", { class: "icon", "aria-hidden": "true" }, SIGNS[one.result] || "?"), text(RESULTS[one.result] || "projects_undecided")),
    el("span", {}, pick(one), one.clause_id ? [" ", el("cite", {}, `[${one.clause_id}]`)] : null),
  );
  const checks = (list) => el("ul", { class: "checks" }, list.map(check));

  const section = (id, title, ...children) => el("section", { id }, el("h2", {}, title), ...children.filter(Boolean));

  /* What a route answers; null where there is nothing to answer of (404). */
  async function ask(path) {
    try {
      return await OneMap.getJson(path);
    } catch (error) {
      if (error.status !== 404) throw error;
      return null;
    }
  }

  /* A box to choose from: `choices` are [value, words]. */
  function chooser(id, label, choices, value, chosen) {
    const box = el("select", { id }, choices.map(([one, words]) => el("option", { value: one, selected: one === value }, words)));
    box.addEventListener("change", () => chosen(box.value));
    return el("label", { class: "field" }, label, box);
  }

  /* The season that the link asks for, as a query; nothing of it asks for the last one. */
  function askedSeason() {
    const year = new URLSearchParams(location.search).get("season");
    return year ? `?${new URLSearchParams({ season: year })}` : "";
  }

  /* A box of the seasons that were measured, the last first; the choice is kept in the link. */
  function seasons(id, years, season, chosen) {
    if (years.length < 2) return null;
    const choices = [...years].sort((a, b) => b - a).map((year) => [String(year), `${year}–${year + 1}`]);
    return el("div", { class: "head" }, chooser(id, text("projects_choose_season"), choices, String(season), (year) => {
      const url = new URL(location.href);
      url.searchParams.set("season", year);
      history.replaceState(null, "", url);
      chosen();
    }));
  }

  OneMap.projects = {
    fieldOf, titleOf, headOf, shown, status, technology, district, link, share, areaUnit, areaWithUnit, facts, card, cards, checks, section, ask, chooser, askedSeason, seasons, isMissing, views: {},
  };
})();
