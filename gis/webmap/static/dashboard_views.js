/* What the dashboard shows of a place: its figures, where it stands, its technologies, and all districts. */
(function () {
  "use strict";
  const { el, text, pick, share } = OneMap;
  const { area, count, mw, percent, table, technology } = OneMap.tables;
  const CITY = "all";
  const NONE = "none";
  const COUNTS = ["parcel_count", "unknown_heated_area_count", "unknown_heat_load_count"];
  const SUMS = ["heated_area_m2", "heat_load_kw"];
  const KINDS = {
    policy: "dashboard_kind_policy", standard: "dashboard_kind_standard", study: "dashboard_kind_study", assumption: "dashboard_kind_assumption",
  };
  const state = { measure: "area", technologies: { name: "heated_area_m2", down: true }, overview: { name: "heated_area_m2", down: true } };

  const keyOf = (row) => row.district || NONE;
  const nameOf = (key) => (key === CITY ? text("dashboard_city") : OneMap.parts.districtName(key === NONE ? null : key));
  const rowOf = (answer, key) => (key === CITY ? answer.total : answer.rows.find((row) => keyOf(row) === key));
  const unit = () => text("dashboard_area_unit");
  const frac = (value) => (value === null ? "—" : share(value));

  /* The sum of what is known: null where of no parcel it is. */
  function sum(groups, name, parcels) {
    const known = groups.map((group) => group[name]).filter((value) => value !== null);
    return known.length || (parcels && !groups.length) ? known.reduce((all, value) => all + value, 0) : null;
  }

  /* Parcels by recommended technology, last those without. */
  function technologiesOf(row) {
    return [...OneMap.config.technologies.map((t) => t.id), null].map((id) => {
      const groups = row.recommended.filter((group) => group.technology === id);
      const counts = COUNTS.map((name) => [name, groups.reduce((all, group) => all + group[name], 0)]);
      const sums = SUMS.map((name) => [name, sum(groups, name, row.parcel_count)]);
      return { id, ...Object.fromEntries([...counts, ...sums]) };
    });
  }

  function lead({ targets }) {
    const city = targets.city_heated_area;
    const told = { city: area(city.heated_area_m2), unit: unit(), since: city.valid_from };
    const known = city.loaded_share_frac !== null;
    const sentence = known ? text("dashboard_loaded", {
      ...told, loaded: area(city.loaded_share_frac * city.heated_area_m2), share: share(city.loaded_share_frac),
    }) : text("dashboard_nothing_loaded", told);
    const synthetic = OneMap.config.layers.some((layer) => layer.synthetic);
    return [
      el("p", { class: "lead", id: "dashboard-lead" }, sentence),
      el("p", { class: "note" }, text("dashboard_city_source", { kind: text(KINDS[city.kind]), text: city.source })),
      synthetic ? el("p", { class: "synthetic-hint" }, text("dashboard_synthetic")) : null,
    ];
  }

  function card(title, value, note) {
    return el("div", {}, el("dt", {}, title), el("dd", {}, el("b", {}, value), note ? el("small", {}, note) : null));
  }

  const missing = (n) => (n ? text("dashboard_unknown", { n: count(n) }) : null);
  const withUnit = (m2) => (m2 === null ? text("unknown") : `${area(m2)} ${unit()}`);

  function cards(row) {
    const least = share(OneMap.config.newBuildShare);
    return el(
      "dl", { class: "cards", id: "dashboard-cards" },
      card(text("dashboard_parcels"), count(row.parcel_count)),
      card(text("dashboard_area"), withUnit(row.heated_area_m2), missing(row.unknown_heated_area_count)),
      card(text("dashboard_load"), row.heat_load_kw === null ? text("unknown") : `${mw(row.heat_load_kw)} MW`, missing(row.unknown_heat_load_count)),
      card(text("dashboard_share"), share(row.new_energy_share_frac), text("dashboard_share_without_air", { share: share(row.new_energy_share_without_air_frac) })),
      card(text("dashboard_reached", { least }), withUnit(row.new_energy_heated_area_m2)),
    );
  }

  function targetList({ targets }) {
    const clause = OneMap.config.clauses[targets.clause_id];
    const least = (value) => text("dashboard_at_least", { value });
    return el("div", { id: "dashboard-targets" }, el(
      "dl", { class: "cards" },
      card(text("dashboard_target_2025_area"), withUnit(targets.target_2025_area_m2)),
      card(text("dashboard_target_2025"), least(share(targets.target_2025_share_frac))),
      card(text("dashboard_target_2030"), least(share(targets.target_2030_share_frac)), clause ? clause.source : targets.clause_id),
    ), el("p", { class: "note" }, text("dashboard_targets_note")));
  }

  /* What each basis counts, and of when it is; or why there is nothing. */
  function basisNote(base) {
    const told = base.missing
      ? [pick(base.missing)]
      : [pick(base.note), base.made_at ? text("dashboard_made_at", { day: OneMap.day(base.made_at) }) : ""];
    return el(
      "li", { class: "note" }, text("dashboard_basis_note", { title: pick(base.title), note: told.join("") }),
      base.current === false ? el("span", { class: "stale" }, text("dashboard_stale")) : null,
    );
  }

  function standingFigure(answer, key) {
    const row = rowOf(answer, key);
    const inCity = key === CITY;
    const { targets, bases } = answer;
    const loaded = targets.city_heated_area.loaded_share_frac;
    const told = row.standings.map((standing, place) => ({ ...standing, title: pick(bases[place].title), here: !bases[place].missing }));
    const bars = told.filter((one) => one.here).map((one) => ({
      basis: one.basis, title: one.title, share: inCity ? one.city_share_frac : one.loaded_share_frac,
      // How many projects are not on record nobody knows; of a district only the loaded parcels are looked at.
      rest: one.basis === "running" || (inCity && loaded === null) ? null : inCity ? Math.max(0, 1 - loaded) : 0,
    }));
    const title = inCity ? text("dashboard_of_city") : text("dashboard_of_place", { name: nameOf(key) });
    const behind = table(title, [
      { name: "title", title: text("dashboard_basis"), text: true },
      { name: "heated_area_m2", title: text("match_area"), show: (one) => area(one.heated_area_m2) },
      { name: "loaded_share_frac", title: text("dashboard_over_loaded"), show: (one) => frac(one.loaded_share_frac) },
      {
        name: "city_share_frac", title: text("dashboard_over_city", { year: targets.city_heated_area.valid_from.slice(0, 4) }),
        show: (one) => frac(one.city_share_frac),
      },
      { name: "target_2025_frac", title: text("dashboard_over_target"), show: (one) => frac(one.target_2025_frac) },
      { name: "unknown_count", title: text("dashboard_left_out"), show: (one) => count(one.unknown_count) },
    ], told);
    const drawn = bars.some((bar) => bar.share !== null)
      ? OneMap.charts.chartFigure("standings", title, OneMap.dashboardCharts.standings(bars, targets), behind, 90 + 46 * bars.length)
      : el("figure", { class: "match-figure" }, el("figcaption", {}, title), el("p", { class: "note" }, text("dashboard_no_area")), behind);
    return el(
      "section", { id: "dashboard-standings" }, unfolded(drawn), inCity ? null : el("p", { class: "note" }, text("dashboard_of_place_note")),
      el("ul", { class: "basis-notes" }, bases.map(basisNote)),
    );
  }

  /* The table beside a chart is open here: these are figures to work with. */
  function unfolded(drawn) {
    drawn.querySelectorAll("details").forEach((part) => { part.open = true; });
    return drawn;
  }

  const technologyName = (id) => (id ? technology(id) : text("legend_none"));

  function technologyTable(answer, key) {
    const row = rowOf(answer, key);
    const title = text("dashboard_technologies", { name: nameOf(key) });
    const total = { ...row, id: "total" };
    return el("section", { id: "dashboard-technologies" }, el("h3", {}, title), table(title, [
      { name: "id", title: text("match_technology"), text: true, show: (one) => (one.id === "total" ? text("dashboard_total") : technologyName(one.id)) },
      { name: "parcel_count", title: text("match_parcels"), show: (one) => count(one.parcel_count) },
      { name: "heated_area_m2", title: text("match_area"), show: (one) => area(one.heated_area_m2) },
      { name: "share", title: text("dashboard_share_of_area"), show: (one) => percent(one.heated_area_m2, row.heated_area_m2) },
      { name: "heat_load_kw", title: text("dashboard_load_mw"), show: (one) => mw(one.heat_load_kw) },
      { name: "unknown_heated_area_count", title: text("dashboard_no_area_count"), show: (one) => count(one.unknown_heated_area_count) },
      { name: "unknown_heat_load_count", title: text("dashboard_no_load_count"), show: (one) => count(one.unknown_heat_load_count) },
    ], technologiesOf(row), { total }));
  }

  /* A district as the tables and bars by district take it. */
  function flat(row) {
    const all = technologiesOf(row);
    return {
      ...row, key: keyOf(row), name: nameOf(keyOf(row)), whole: row.heated_area_m2,
      parts: Object.fromEntries(all.filter((one) => one.id).map((one) => [one.id, one.heated_area_m2])), unmet: all[all.length - 1].heated_area_m2,
      bases: Object.fromEntries(row.standings.map((standing) => [standing.basis, standing.heated_area_m2])),
    };
  }

  function nameColumn(choose) {
    return {
      name: "name", title: text("match_district"), text: true,
      show(row) {
        if (!row.key) return row.name;
        const button = el("button", { type: "button", class: "link", "data-place": row.key }, row.name);
        button.addEventListener("click", () => choose(row.key));
        return button;
      },
      sort: (row) => row.name,
    };
  }

  const totalOf = (answer) => ({ ...flat(answer.total), key: null, name: text("dashboard_total") });

  function districtFigure(answer, key, choose) {
    const rows = answer.rows.map(flat);
    const bars = rows.filter((row) => row.whole !== null).sort((a, b) => b.whole - a.whole);
    const inShares = state.measure === "share";
    const shown = (value, row) => (inShares ? percent(value, row.whole) : area(value));
    const sorted = (value, row) => (inShares && value !== null ? (row.whole ? value / row.whole : null) : value);
    const title = text("dashboard_districts");
    const behind = table(title, [
      nameColumn(choose),
      { name: "heated_area_m2", title: text("match_area"), show: (row) => area(row.heated_area_m2) },
      ...OneMap.config.technologies.map((t) => ({
        name: t.id, title: OneMap.parts.titleOf(t.id), show: (row) => shown(row.parts[t.id], row), sort: (row) => sorted(row.parts[t.id], row),
      })),
      { name: "none", title: text("legend_none"), show: (row) => shown(row.unmet, row), sort: (row) => sorted(row.unmet, row) },
      { name: "unknown_heated_area_count", title: text("dashboard_no_area_count"), show: (row) => count(row.unknown_heated_area_count) },
    ], rows, { sorting: state.technologies, total: totalOf(answer) });
    const option = OneMap.dashboardCharts.districts(bars, state.measure, key);
    return unfolded(OneMap.charts.chartFigure("by-district", title, option, behind, 110 + 26 * bars.length, (at) => choose(bars[at].key)));
  }

  function measureBox(redraw) {
    const names = { area: text("dashboard_by_area", { unit: unit() }), share: text("dashboard_by_share") };
    const box = el("select", { id: "dashboard-measure" }, Object.entries(names).map(
      ([name, title]) => el("option", { value: name, selected: name === state.measure }, title),
    ));
    box.addEventListener("change", () => {
      state.measure = box.value;
      redraw();
    });
    return el("label", { class: "field" }, text("dashboard_measure"), box);
  }

  function overview(answer, choose) {
    const told = answer.bases.filter((base) => !base.missing);
    const title = text("dashboard_overview");
    return el("section", { id: "dashboard-overview" }, el("h3", {}, title), el("p", { class: "note" }, text("dashboard_overview_note", { unit: unit() })), table(title, [
      nameColumn(choose),
      { name: "parcel_count", title: text("match_parcels"), show: (row) => count(row.parcel_count) },
      { name: "heated_area_m2", title: text("dashboard_area"), show: (row) => area(row.heated_area_m2) },
      { name: "heat_load_kw", title: text("dashboard_load_mw"), show: (row) => mw(row.heat_load_kw) },
      { name: "new_energy_share_frac", title: text("dashboard_share_short"), show: (row) => frac(row.new_energy_share_frac) },
      { name: "new_energy_share_without_air_frac", title: text("dashboard_without_air_short"), show: (row) => frac(row.new_energy_share_without_air_frac) },
      ...told.map((base) => ({ name: base.id, title: pick(base.title), show: (row) => area(row.bases[base.id]), sort: (row) => row.bases[base.id] })),
    ], answer.rows.map(flat), { sorting: state.overview, total: totalOf(answer) }));
  }

  /* All that is shown of a place; `choose` goes to another one, `redraw` shows this one anew. */
  function parts(answer, key, choose, redraw) {
    return [
      ...lead(answer), el("h3", { id: "dashboard-name" }, nameOf(key)), cards(rowOf(answer, key)),
      el("h3", {}, text("dashboard_targets")), targetList(answer), standingFigure(answer, key),
      technologyTable(answer, key),
      el("section", { id: "dashboard-districts" }, measureBox(redraw), districtFigure(answer, key, choose), el("p", { class: "note" }, text("dashboard_districts_note"))),
      overview(answer, choose),
    ];
  }

  OneMap.dashboardViews = { CITY, keyOf, nameOf, rowOf, parts };
})();
