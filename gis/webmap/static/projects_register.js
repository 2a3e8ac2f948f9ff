/* The register: all projects that may be read, to be narrowed down and opened. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const { area, count, figure, table } = OneMap.tables;
  const { share, areaUnit, technology, district, status, link, shown, headOf, fieldOf, chooser, ask, isMissing } = OneMap.projects;
  const FILTERS = ["status", "technology", "district", "q"];
  const MOST = 50;
  const asked = new URLSearchParams(window.location.search);
  const state = { answer: null, sorting: { name: null, down: false }, ...Object.fromEntries(FILTERS.map((name) => [name, asked.get(name) || ""])) };
  // What is not on record can be looked for too; no value of a field is written like that.
  const NONE = "-";

  /* The whole register, page by page. */
  async function load() {
    const found = await ask("/api/projects");
    state.answer = found;
    if (!found) return;
    const known = new Map(found.projects.map((one) => [one.heat_project_id, one]));
    while (known.size < found.numberMatched) {
      const before = known.size;
      const { projects } = await OneMap.getJson(`/api/projects?offset=${before}`);
      projects.forEach((one) => known.set(one.heat_project_id, one));
      if (known.size === before) break;
    }
    found.projects = [...known.values()];
  }

  /* The choice stays in the address, for those who come back to it or pass it on. */
  function remember() {
    const url = new URL(window.location.href);
    FILTERS.forEach((name) => (state[name] ? url.searchParams.set(name, state[name]) : url.searchParams.delete(name)));
    window.history.replaceState(null, "", url);
  }

  const fits = (chosen, value) => !chosen || (chosen === NONE ? isMissing(value) : chosen === value);

  function found() {
    const words = state.q.trim().toLowerCase();
    return state.answer.projects.filter((one) => (
      fits(state.status, one.status) && fits(state.technology, one.technology) && fits(state.district, one.district)
      && (!words || [one.heat_project_id, one.name].some((value) => !isMissing(value) && value.toLowerCase().includes(words)))
    ));
  }

  /* The day that tells most of where a project stands. */
  const DAYS = { idea: "applied_on", approved: "approved_on", construction: "started_on", running: "commissioned_on", ended: "ended_on" };
  const dayOf = (one) => (DAYS[one.status] ? one[DAYS[one.status]] : null);

  function list() {
    const rows = found();
    const title = text("projects_register");
    return [
      el("p", { role: "status", id: "projects-found" }, text("projects_found", { n: count(rows.length), all: count(state.answer.numberMatched) })),
      rows.length ? table(title, [
        { name: "name", title: headOf("name"), text: true, show: (one) => link(one.heat_project_id, one.name || one.heat_project_id), sort: (one) => one.name || one.heat_project_id },
        { name: "heat_project_id", title: headOf("heat_project_id"), text: true },
        { name: "status", title: headOf("status"), text: true, show: (one) => status(one.status) },
        { name: "technology", title: text("match_technology"), text: true, show: (one) => technology(one.technology) },
        { name: "district", title: text("match_district"), text: true, show: (one) => district(one.district) },
        { name: "heated_area_m2", title: text("projects_area", { unit: areaUnit() }), show: (one) => area(one.heated_area_m2) },
        { name: "installed_kw", title: text("projects_installed_mw"), show: (one) => (isMissing(one.installed_kw) ? "—" : figure(one.installed_kw / 1000, 2)) },
        { name: "new_energy_share_frac", title: text("projects_new_energy_share"), show: (one) => share(one.new_energy_share_frac) },
        { name: "investor_kind", title: headOf("investor_kind"), text: true, show: (one) => shown("investor_kind", one.investor_kind) },
        { name: "day", title: text("projects_state_day"), text: true, show: (one) => dayOf(one) || "—", sort: dayOf },
        { name: "expected_on", title: headOf("expected_on"), text: true, show: (one) => one.expected_on || "—" },
      ], rows, { sorting: state.sorting, most: MOST }) : el("p", { class: "lead" }, text("projects_none_found")),
    ];
  }

  function body() {
    if (!state.answer || !state.answer.numberMatched) return [el("p", { class: "lead" }, text("projects_no_list"))];
    const place = el("div", { id: "projects-list" }, list());
    const changed = (name) => (value) => {
      state[name] = value;
      remember();
      place.replaceChildren(...list());
    };
    const { projects } = state.answer;
    const choices = (name, title) => {
      const values = [...new Set(projects.map((one) => one[name]))];
      const known = values.filter((value) => !isMissing(value)).map((value) => [value, title(value)]).sort((a, b) => a[1].localeCompare(b[1], "zh-CN"));
      return [["", text("projects_all")], ...known, ...(known.length < values.length ? [[NONE, text("projects_not_on_record")]] : [])];
    };
    const search = el("input", { type: "search", id: "projects-q", value: state.q });
    search.addEventListener("input", () => changed("q")(search.value));
    const states = Object.keys(fieldOf("status").choices);
    const byState = choices("status", (value) => shown("status", value)).sort((a, b) => states.indexOf(a[0]) - states.indexOf(b[0]));
    return [
      el(
        "div", { class: "head", role: "search", "aria-label": text("projects_register") }, el("label", { class: "field" }, text("projects_search"), search),
        chooser("projects-state", headOf("status"), [...byState.filter(([value]) => !value), ...byState.filter(([value]) => value)], state.status, changed("status")),
        chooser("projects-technology", text("match_technology"), choices("technology", (value) => OneMap.parts.titleOf(value)), state.technology, changed("technology")),
        chooser("projects-district", text("match_district"), choices("district", district), state.district, changed("district")),
      ),
      projects.length < state.answer.numberMatched ? el("p", { class: "lead" }, text("projects_cut", { n: count(projects.length), all: count(state.answer.numberMatched) })) : null,
      place,
    ];
  }

  OneMap.projects.views.register = { load, body };
})();
