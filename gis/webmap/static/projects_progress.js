/* Progress: heated area by year against the targets, by technology and district. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const { area, count, table } = OneMap.tables;
  const { share, areaUnit, areaWithUnit, district, card, cards, section, chooser, ask } = OneMap.projects;
  const state = { answer: null, asOf: "", withoutAir: false, withTargets: true, year: null, sorting: { name: "heated_area_m2", down: true } };

  const own = (areas) => (state.withoutAir ? areas.without_air_area_m2 : areas.counted_area_m2);
  const ownShare = (one) => (state.withoutAir ? one.share_without_air_frac : one.share_frac);
  const present = () => state.answer.years.find((year) => year.basis === "present");
  const unknownNote = (areas) => (areas.unknown_area_count ? text("projects_unknown_areas", { n: areas.unknown_area_count, all: areas.project_count }) : null);

  async function load() {
    const day = state.asOf;
    const found = await ask(`/api/targets${day ? `?as_of=${day}` : ""}`);
    // Another day may have been asked for meanwhile.
    if (day !== state.asOf) return;
    state.answer = found;
    if (found && !found.years.some((year) => year.year === state.year && year.basis !== "forecast")) state.year = present().year;
  }

  function check(id, words, name, redraw) {
    const box = el("input", { type: "checkbox", id, checked: state[name] });
    box.addEventListener("change", () => {
      state[name] = box.checked;
      redraw();
    });
    return el("label", { class: "field" }, box, words);
  }

  function head(again, redraw) {
    const day = el("input", { type: "date", id: "projects-as-of", value: state.asOf || (state.answer ? state.answer.as_of : "") });
    day.addEventListener("change", () => {
      state.asOf = day.value;
      again();
    });
    const print = el("button", { type: "button", class: "link", id: "projects-print" }, text("dashboard_print"));
    print.addEventListener("click", () => window.print());
    const asked = new URLSearchParams({ format: "csv", ...(state.asOf ? { as_of: state.asOf } : {}) });
    return el(
      "div", { class: "head" }, el("label", { class: "field" }, text("projects_as_of"), day),
      check("projects-without-air", text("projects_without_air"), "withoutAir", redraw), check("projects-with-targets", text("projects_with_targets"), "withTargets", redraw),
      state.answer ? el("a", { href: `/api/targets?${asked}`, download: true, id: "projects-csv" }, text("dashboard_csv")) : null, print,
    );
  }

  function sums() {
    const now = present();
    const gap = (target) => (state.withoutAir ? target.gap_without_air_m2 : target.gap_m2);
    const told = (target) => {
      const left = gap(target);
      if (left === null) return text("unknown");
      return left > 0 ? areaWithUnit(left) : text("projects_over", { area: areaWithUnit(-left) });
    };
    const maybe = ({ undated }) => (undated.project_count ? [el("br"), text("projects_maybe_note", { n: count(undated.project_count), area: areaWithUnit(own(undated)) })] : []);
    return cards([
      card(text("projects_now", { n: count(now.areas.project_count) }), areaWithUnit(own(now.areas)), unknownNote(now.areas)),
      card(text("projects_share"), ownShare(now) === null ? text("unknown") : share(ownShare(now), 2), now.city_area ? text("projects_of_city", { area: areaWithUnit(now.city_area.heated_area_m2), day: now.city_area.valid_from }) : null),
      ...state.answer.targets.map((target) => card(
        text(target.basis === "past" ? "projects_gap_past" : "projects_gap_forecast", { year: target.year }), told(target),
        [text("projects_of_need", { area: areaWithUnit(target.needed_area_m2), clause: target.clause_id || "—" }), ...maybe(target)],
      )),
    ]);
  }

  function yearTable() {
    const title = text("projects_years");
    return table(title, [
      { name: "year", title: text("projects_year"), text: true, show: (one) => OneMap.projectCharts.yearName(one).replace("\n", " ") },
      { name: "on", title: text("projects_on"), text: true },
      { name: "heated", title: text("projects_area", { unit: areaUnit() }), show: (one) => area(one.areas.heated_area_m2) },
      { name: "without", title: text("projects_area_without_air", { unit: areaUnit() }), show: (one) => area(one.areas.without_air_area_m2) },
      { name: "share", title: text("projects_share"), show: (one) => share(one.share_frac, 2) },
      { name: "share_without", title: text("projects_share_without_air"), show: (one) => share(one.share_without_air_frac, 2) },
      { name: "city", title: text("projects_city_area", { unit: areaUnit() }), show: (one) => (one.city_area ? area(one.city_area.heated_area_m2) : "—") },
      { name: "n", title: text("projects_count"), show: (one) => count(one.areas.project_count) },
      { name: "unknown", title: text("projects_no_area_count"), show: (one) => count(one.areas.unknown_area_count) },
    ], state.answer.years);
  }

  function chart() {
    const title = text(state.withoutAir ? "projects_chart_without_air" : "projects_chart", { unit: areaUnit() });
    return OneMap.charts.chartFigure("years", title, OneMap.projectCharts.years(state.answer, state), yearTable(), 400);
  }

  function targets() {
    const title = text("projects_targets");
    return section("projects-targets", title, table(title, [
      { name: "year", title: text("projects_year"), text: true },
      { name: "share", title: text("projects_target_share"), show: (one) => share(one.share_frac, 0) },
      { name: "area", title: text("projects_target_area", { unit: areaUnit() }), show: (one) => area(one.area_m2) },
      { name: "needed", title: text("projects_needed", { unit: areaUnit() }), show: (one) => area(one.needed_area_m2) },
      { name: "basis", title: text("projects_basis"), text: true, show: (one) => text(one.basis === "past" ? "projects_basis_past" : "projects_basis_forecast") },
      { name: "reached", title: text("projects_reached", { unit: areaUnit() }), show: (one) => area(own(one.reached)) },
      { name: "reached_share", title: text("projects_share"), show: (one) => share(state.withoutAir ? one.reached_share_without_air_frac : one.reached_share_frac, 2) },
      { name: "gap", title: text("projects_gap", { unit: areaUnit() }), show: (one) => area(state.withoutAir ? one.gap_without_air_m2 : one.gap_m2) },
      { name: "undated", title: text("projects_maybe", { unit: areaUnit() }), show: (one) => (one.undated.project_count ? area(own(one.undated)) : count(0)) },
    ], state.answer.targets), el("p", { class: "note" }, text("projects_targets_note")));
  }

  /* What stands apart: projects to come by year, and those whose days, status or area are not known. */
  function apart() {
    const { pipeline, ideas, running_undated: running, ended_undated: ended, status_unknown: stateless } = state.answer;
    const rows = [
      ...pipeline.years.map((one) => [text("projects_pipeline_year", { year: one.year }), one.areas]),
      [text("projects_pipeline_overdue"), pipeline.overdue], [text("projects_pipeline_undated"), pipeline.undated],
      ...ideas.years.map((one) => [text("projects_idea_year", { year: one.year }), one.areas]),
      [text("projects_idea_overdue"), ideas.overdue], [text("projects_idea_undated"), ideas.undated],
      [text("projects_running_undated"), running], [text("projects_ended_undated"), ended], [text("projects_status_unknown"), stateless],
    ].filter(([, areas]) => areas.project_count).map(([name, areas]) => ({ name, areas }));
    if (!rows.length) return null;
    const title = text("projects_apart");
    return section("projects-apart", title, table(title, [
      { name: "name", title: text("projects_kind"), text: true },
      { name: "n", title: text("projects_count"), show: (one) => count(one.areas.project_count) },
      { name: "area", title: text("projects_area", { unit: areaUnit() }), show: (one) => area(one.areas.heated_area_m2) },
      { name: "without", title: text("projects_area_without_air", { unit: areaUnit() }), show: (one) => area(one.areas.without_air_area_m2) },
      { name: "unknown", title: text("projects_no_area_count"), show: (one) => count(one.areas.unknown_area_count) },
    ], rows), el("p", { class: "note" }, text("projects_apart_note")));
  }

  /* A row a district with a column a technology, of the chosen year. */
  function byDistrict(redraw) {
    const rows = state.answer.rows.filter((row) => row.basis === "running" && row.year === state.year && !(state.withoutAir && row.technology === "air_source"));
    const shownIds = [...OneMap.config.technologies.map((one) => one.id), null].filter((id) => rows.some((row) => row.technology === id));
    const sum = (list) => {
      const known = list.filter((row) => row.heated_area_m2 !== null);
      return known.length || !list.length ? known.reduce((all, row) => all + row.heated_area_m2, 0) : null;
    };
    const line = (name, list) => ({
      name, heated_area_m2: sum(list), project_count: list.reduce((all, row) => all + row.project_count, 0), unknown: list.reduce((all, row) => all + row.unknown_area_count, 0),
      parts: new Map(shownIds.map((id) => [id, list.some((row) => row.technology === id) ? sum(list.filter((row) => row.technology === id)) : 0])),
    });
    const names = [...new Set(rows.map((row) => row.district))];
    const years = state.answer.years.filter((year) => year.basis !== "forecast");
    const title = text("projects_by_district", { year: OneMap.projectCharts.yearName(years.find((year) => year.year === state.year)) });
    return section(
      "projects-districts", title,
      chooser("projects-year", text("projects_year"), years.map((year) => [String(year.year), OneMap.projectCharts.yearName(year)]), String(state.year), (year) => {
        state.year = Number(year);
        redraw();
      }),
      table(title, [
        { name: "name", title: text("match_district"), text: true },
        { name: "project_count", title: text("projects_count"), show: (row) => count(row.project_count) },
        { name: "heated_area_m2", title: text("projects_area", { unit: areaUnit() }), show: (row) => area(row.heated_area_m2) },
        ...shownIds.map((id) => ({ name: id || "none", title: id ? OneMap.parts.titleOf(id) : text("projects_no_technology"), show: (row) => area(row.parts.get(id)), sort: (row) => row.parts.get(id) })),
        { name: "unknown", title: text("projects_no_area_count"), show: (row) => count(row.unknown) },
      ], names.map((name) => line(district(name), rows.filter((row) => row.district === name))), { sorting: state.sorting, total: line(text("dashboard_total"), rows) }),
      el("p", { class: "note" }, text("projects_split_note")),
    );
  }

  function denominators() {
    const figures = state.answer.city_areas;
    return section(
      "projects-denominators", text("projects_denominators"),
      el("ul", {}, figures.map((one) => el("li", {}, text("projects_denominator", { day: one.valid_from, area: areaWithUnit(one.heated_area_m2) })))),
      figures.length ? el("p", { class: "note" }, text(figures[0].kind === "assumption" ? "projects_denominator_assumed" : "projects_denominator_source", { text: figures[0].source })) : null,
    );
  }

  function body(again, redraw) {
    if (!state.answer) return [head(again, redraw), el("p", { class: "lead" }, text("projects_no_register"))];
    return [
      head(again, redraw), el("p", { class: "lead" }, text("projects_lead", { day: state.answer.as_of, version: state.answer.version })),
      sums(), chart(), targets(), apart(), byDistrict(redraw), denominators(),
    ];
  }

  OneMap.projects.views.progress = { load, body };
})();
