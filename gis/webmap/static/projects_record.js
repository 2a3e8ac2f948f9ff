/* One project: its record, what its next state needs, the pre-check, the subsidy, and a season's evaluation. */
(function () {
  "use strict";
  const { el, text, pick } = OneMap;
  const { figure } = OneMap.tables;
  const { fieldOf, titleOf, headOf, shown, status, district, facts, checks, section, ask, askedSeason, areaWithUnit, share, card, cards, isMissing } = OneMap.projects;
  const state = { id: null, answer: null, season: null };
  // Told elsewhere on the page, or of no use to who reads it.
  const APART = new Set(["heat_project_id", "name", "status", "parcel_ids"]);
  const RESULTS = { complete: "projects_complete", incomplete: "projects_incomplete", not_eligible: "projects_not_eligible", unknown: "projects_undecided" };

  const path = (rest) => `/api/projects/${encodeURIComponent(state.id)}${rest}`;

  async function load(id) {
    state.id = id;
    [state.answer, state.season] = await Promise.all([ask(path("")), ask(path(`/evaluation${askedSeason()}`))]);
  }

  /* Parcels are links to the map, which opens on them. */
  function parcels(value) {
    if (isMissing(value)) return null;
    const ids = value.split("、").map((one) => one.trim()).filter(Boolean);
    return [headOf("parcel_ids"), el("span", { class: "parcels" }, ids.map((id) => el("a", { href: OneMap.page("/", { parcel: id }) }, id)))];
  }

  function record(project) {
    const known = Object.keys(project).filter((name) => !APART.has(name) && !isMissing(project[name]) && fieldOf(name));
    const blank = Object.keys(project).filter((name) => !APART.has(name) && isMissing(project[name]) && fieldOf(name));
    const order = OneMap.config.fields.map((field) => field.name);
    known.sort((a, b) => order.indexOf(a) - order.indexOf(b));
    return section(
      "project-record", text("projects_record"),
      facts([...known.map((name) => [headOf(name), name === "district" ? district(project[name]) : shown(name, project[name])]), parcels(project.parcel_ids)]),
      blank.length ? el("details", { class: "more" }, el("summary", {}, text("projects_blank", { n: blank.length })), el("p", { class: "note" }, blank.map(titleOf).join(between()))) : null,
    );
  }

  const between = () => (OneMap.language() === "en" ? ", " : "、");
  /* A sentence with the clause behind it. */
  const sentence = (one) => el("li", {}, pick(one), one.clause_id ? [" ", el("cite", {}, `[${one.clause_id}]`)] : null);

  function states({ next_states: next, faults }) {
    return section(
      "project-states", text("projects_states"),
      faults.length ? el("div", { class: "stale" }, el("b", {}, text("projects_faults")), el("ul", {}, faults.map(sentence))) : null,
      next.length ? el("ul", { class: "next" }, next.map((one) => el(
        "li", {}, status(one.status), " ", text(one.needs.length ? "projects_needs" : "projects_needs_nothing"), one.needs.length ? el("ul", {}, one.needs.map(sentence)) : null,
      ))) : el("p", { class: "note" }, text("projects_no_next")),
    );
  }

  function precheck({ result, items, missing }) {
    const count = (kind) => items.filter((one) => one.result === kind).length;
    return section(
      "project-precheck", text("projects_precheck"),
      el("p", { class: `verdict result-${result}` }, el("b", {}, text(RESULTS[result] || "projects_undecided")), " ", text("projects_precheck_counts", { met: count("met"), missing: count("missing"), failed: count("failed"), unknown: count("unknown") })),
      missing.length ? el("p", {}, text("projects_missing_list", { list: missing.map((one) => pick(one.title)).join(between()) })) : null,
      checks(items),
    );
  }

  /* Money in the unit of the language: 万元 or million CNY. */
  function money(cny) {
    const english = OneMap.language() === "en";
    return isMissing(cny) ? text("unknown") : text("projects_money", { n: figure(cny / (english ? 1e6 : 1e4), english ? 2 : 1) });
  }

  function subsidy(told) {
    return section(
      "project-subsidy", text("projects_subsidy"),
      cards([
        card(text("projects_rate"), isMissing(told.rate_frac) ? text("unknown") : share(told.rate_frac, 0), text("projects_by_day", { day: told.as_of })),
        card(text("projects_amount"), money(told.amount_cny)),
      ]),
      el("ul", { class: "reasons" }, told.reasons.map(sentence)),
    );
  }

  function head(project) {
    return [
      el("p", { class: "back" }, el("a", { href: OneMap.page("/projects", { part: "register" }) }, text("projects_back"))),
      el("h2", { class: "project-name", tabindex: "-1" }, project.name || project.heat_project_id),
      el("p", { class: "under" }, status(project.status), " ", el("code", {}, project.heat_project_id), project.synthetic ? el("span", { class: "mark" }, text("projects_synthetic")) : null),
      cards([
        card(text("projects_area_alone"), areaWithUnit(project.heated_area_m2)),
        card(headOf("installed_kw"), isMissing(project.installed_kw) ? text("unknown") : OneMap.number(project.installed_kw, "kW")),
        card(text("projects_new_energy_share"), isMissing(project.new_energy_share_frac) ? text("unknown") : share(project.new_energy_share_frac)),
        card(headOf("commissioned_on"), project.commissioned_on || text("unknown")),
      ]),
    ];
  }

  function body(again) {
    const season = OneMap.projectSeason(state.id, state.season, again);
    if (!state.answer) return [el("p", { class: "lead" }, text("projects_no_project", { id: state.id })), state.season ? season : null];
    const { answer } = state;
    return [...head(answer.project), season, el("div", { class: "sections" }, states(answer), subsidy(answer.subsidy)), precheck(answer.precheck), record(answer.project)];
  }

  OneMap.projects.views.record = { load, body };
})();
