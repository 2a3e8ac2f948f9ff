/* The city's evaluation: a table by year, the ranking of a season with outliers, and measured ranges. */
(function () {
  "use strict";
  const { el, text, pick } = OneMap;
  const { figure, count, table } = OneMap.tables;
  const { share, technology, district, link, section, ask, chooser, askedSeason, seasons, isMissing } = OneMap.projects;
  const state = {
    yearly: null, season: null, basis: "calendar",
    sorting: { name: "rank", down: false }, years: { name: null, down: false },
  };
  const MOST = 50;

  async function load() {
    const { basis } = state;
    const [yearly, season] = await Promise.all([ask(`/api/evaluations/yearly?basis=${basis}`), ask(`/api/evaluations${askedSeason()}`)]);
    // Other years may have been asked for meanwhile.
    if (basis === state.basis) Object.assign(state, { yearly, season });
  }

  const scaled = (value, by) => (isMissing(value) ? null : value / by);

  function yearTable(again) {
    const { yearly } = state;
    if (!yearly || !yearly.rows.length) return section("projects-yearly", text("projects_yearly"), el("p", { class: "lead" }, text("projects_not_measured_city")));
    const title = text("projects_yearly");
    const asked = new URLSearchParams({ basis: state.basis, format: "csv" });
    return section(
      "projects-yearly", title,
      el("div", { class: "head" }, chooser("projects-basis", text("projects_year_basis"), [["calendar", text("projects_calendar")], ["heating", text("projects_heating_year")]], state.basis, (basis) => {
        state.basis = basis;
        again();
      }), el("a", { href: `/api/evaluations/yearly?${asked}`, download: true }, text("dashboard_csv"))),
      table(title, [
        { name: "year", title: text("projects_year"), text: true, sort: (row) => Number(row.year) },
        { name: "technology", title: text("match_technology"), text: true, show: (row) => technology(row.technology) },
        { name: "district", title: text("match_district"), text: true, show: (row) => district(row.district) },
        { name: "project_count", title: text("projects_count"), show: (row) => count(row.project_count) },
        { name: "measured_count", title: text("projects_measured_count"), show: (row) => count(row.measured_count) },
        { name: "heat_kwh", title: text("projects_heat_mwh"), show: (row) => figure(scaled(row.heat_kwh, 1000), 0) },
        { name: "electricity_kwh", title: text("projects_electricity_mwh"), show: (row) => figure(scaled(row.electricity_kwh, 1000), 0) },
        { name: "cop", title: text("projects_cop"), show: (row) => figure(row.cop, 2) },
        { name: "water_m3", title: text("projects_water_m3"), show: (row) => figure(row.water_m3, 0) },
        { name: "co2_t", title: text("projects_co2_t"), show: (row) => figure(row.co2_t, 0) },
        { name: "avoided_t", title: text("projects_avoided_t"), show: (row) => figure(row.avoided_t, 0) },
        { name: "coverage_frac", title: text("projects_coverage_short"), show: (row) => share(row.coverage_frac) },
      ], yearly.rows, { sorting: state.years, most: MOST }),
    );
  }

  function ranking(again) {
    const title = text("projects_ranking", { year: state.season.season });
    const { season, seasons: years } = state.season;
    return section("projects-ranking", title, seasons("projects-season-of", years, season, again), el("p", { class: "note" }, text("projects_ranking_note")), table(title, [
      { name: "name", title: text("projects_project"), text: true, show: (row) => link(row.heat_project_id, row.name || row.heat_project_id), sort: (row) => row.name || row.heat_project_id },
      { name: "rank", title: text("projects_rank"), show: (row) => count(row.rank) },
      { name: "technology", title: text("match_technology"), text: true, show: (row) => technology(row.technology) },
      { name: "cop", title: text("projects_season_cop"), show: (row) => figure(row.cop, 2) },
      { name: "kwh_per_m2", title: text("projects_kwh_per_m2"), show: (row) => figure(row.kwh_per_m2, 1) },
      { name: "coverage_frac", title: text("projects_coverage_short"), show: (row) => share(row.coverage_frac) },
      {
        name: "outlier", title: text("projects_outlier"), text: true, sort: (row) => (row.outlier ? 0 : 1),
        show: (row) => (row.outlier ? el("span", { class: "outlier" }, el("b", {}, `! ${text("projects_outlier")}`), row.reasons.length ? el("small", {}, row.reasons.map(pick).join(OneMap.language() === "en" ? "; " : "；")) : null) : text("projects_inside")),
      },
    ], state.season.projects, { sorting: state.sorting, most: MOST }));
  }

  const titleOf = (one) => pick(one.title);

  /* Ranges of one unit share an axis. */
  function distributions() {
    const { distributions: list } = state.season;
    if (!list.length) return null;
    const units = [...new Set(list.map((one) => one.unit))];
    const title = text("projects_distributions");
    return section("projects-distributions", title, el("p", { class: "note" }, text("projects_distributions_note")), ...units.map((unit) => {
      const here = list.filter((one) => one.unit === unit);
      const caption = unit === "1" ? text("projects_ranges") : text("projects_ranges_unit", { unit: OneMap.unit(unit) });
      const behind = table(caption, [
        { name: "name", title: text("projects_figure"), text: true, show: titleOf },
        { name: "n", title: text("projects_count"), show: (one) => count(one.n) },
        { name: "q1", title: text("projects_q1"), show: (one) => figure(one.q1, 2) },
        { name: "median", title: text("projects_median"), show: (one) => figure(one.median, 2) },
        { name: "q3", title: text("projects_q3"), show: (one) => figure(one.q3, 2) },
        { name: "model", title: text("projects_model"), show: (one) => figure(one.model, 2) },
        { name: "low", title: text("projects_model_low"), show: (one) => figure(one.low, 2) },
        { name: "high", title: text("projects_model_high"), show: (one) => figure(one.high, 2) },
        { name: "within", title: text("projects_within"), show: (one) => (isMissing(one.within) ? "—" : text(one.within ? "yes" : "no")) },
      ], here);
      return OneMap.charts.chartFigure(`ranges-${unit}`, caption, OneMap.projectCharts.ranges(here, titleOf), behind, 90 + 44 * here.length);
    }));
  }

  function body(again) {
    const told = state.season && state.season.projects.length ? [ranking(again), distributions()] : [
      section("projects-ranking", text("projects_ranking_alone"), el("p", { class: "lead" }, text("projects_not_measured_city"))),
    ];
    return [el("p", { class: "lead" }, text("projects_city_lead")), yearTable(again), ...told];
  }

  OneMap.projects.views.evaluation = { load, body };
})();
