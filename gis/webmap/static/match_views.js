/* What a run comes to: totals, the certificate, what is left and why, and the charts of it. */
(function () {
  "use strict";
  const { el, text, pick } = OneMap;
  const { mw, count, percent, area, figure, table, technology } = OneMap.tables;
  const { titleOf, districtName } = OneMap.parts;
  const GREEN = "green_space";
  const FIELD = "geothermal_field";
  const state = { curve: null };

  const gwh = (mwh) => figure(mwh === null ? null : mwh / 1000, 0);

  function totals(summary) {
    const load = summary.heat_load_kw;
    const rows = summary.technologies.map((row) => ({ ...row, title: technology(row.technology), kw: row.allocated_kw }));
    const unmet = { title: text("unmet"), kw: summary.unmet_kw, heated_area_m2: null, parcel_count: null, allocated_mwh_per_a: null };
    const total = {
      title: text("heat_load"), kw: load, allocated_mwh_per_a: summary.heat_demand_mwh_per_a,
      parcel_count: summary.parcel_count - summary.unknown_load_count, heated_area_m2: null,
    };
    return table(text("match_totals"), [
      { name: "title", title: text("match_technology"), text: true },
      { name: "kw", title: "MW", show: (row) => mw(row.kw) },
      { name: "share", title: text("match_share"), show: (row) => percent(row.kw, load) },
      { name: "area", title: text("match_area"), show: (row) => area(row.heated_area_m2) },
      { name: "heat", title: text("match_heat"), show: (row) => gwh(row.allocated_mwh_per_a) },
      { name: "parcels", title: text("match_parcels"), show: (row) => count(row.parcel_count) },
    ], [...rows, unmet], { total });
  }

  /* In one sentence: is it the most that can be had, and what does the least share of a connection cost. */
  function certificate(rows) {
    if (!rows.length) return text("match_no_certificate");
    const sum = (name) => rows.reduce((all, row) => all + row[name], 0);
    const [most, relaxed, got] = ["most_kw", "relaxed_kw", "allocated_kw"].map(sum);
    const proven = rows.every((row) => Math.abs(row.most_kw - row.relaxed_kw) < 0.01);
    if (!proven) return text("match_not_certified", { most: mw(most), got: mw(relaxed) });
    return text("match_certified", { most: mw(most), got: mw(got), lost: mw(most - got), share: percent(most - got, most) });
  }

  function certificateTable(rows) {
    if (!rows.length) return null;
    return el("details", { class: "more" }, el("summary", {}, text("match_certificate_more")), table(text("match_certificate"), [
      { name: "technology", title: text("match_technology"), text: true, show: (row) => technology(row.technology) },
      { name: "most_kw", title: text("match_most"), show: (row) => mw(row.most_kw) },
      { name: "relaxed_kw", title: text("match_relaxed"), show: (row) => mw(row.relaxed_kw) },
      { name: "allocated_kw", title: text("match_got"), show: (row) => mw(row.allocated_kw) },
      { name: "lost", title: text("match_lost"), show: (row) => mw(row.most_kw - row.allocated_kw) },
    ], rows));
  }

  function reasons(summary) {
    const rows = summary.unmet_reasons.filter((row) => row.parcel_count > 0);
    return table(text("match_reasons"), [
      { name: "title", title: text("match_reason"), text: true, show: (row) => pick(row.title) },
      { name: "parcel_count", title: text("match_parcels"), show: (row) => count(row.parcel_count) },
      // What a parcel of unknown load lacks is not known either.
      { name: "rest_kw", title: text("match_rest"), show: (row) => mw(row.reason === "unknown_load" ? null : row.rest_kw) },
    ], rows);
  }

  function shortfall(found) {
    return text("match_shortfall_told", {
      n: count(found.project_count), short: count(found.short_count), kw: mw(found.short_kw), share: OneMap.share(found.least_share_frac),
    });
  }

  /* The first tab: totals, certificate, reasons. */
  OneMap.overviewTab = async (scenario) => {
    const { summary } = await OneMap.match.detail(scenario);
    return [
      el("p", { class: "lead" }, text("match_lead", {
        load: mw(summary.heat_load_kw), n: count(summary.parcel_count - summary.unknown_load_count),
        unknown: count(summary.unknown_load_count),
      })),
      el("h3", {}, text("match_totals")), totals(summary),
      el("h3", {}, text("match_certificate")),
      el("p", { id: "match-certificate" }, certificate(summary.certificate)), certificateTable(summary.certificate),
      el("h3", {}, text("match_reasons")), el("p", { class: "note" }, text("match_reasons_note")), reasons(summary),
      el("p", { class: "note" }, text("match_displaced_count", { n: count(summary.displaced_count) })),
      el("h3", {}, text("match_projects")), el("p", {}, shortfall(summary.shortfall)),
    ];
  };

  /* Heat by kind of source and technology: what no source of a layer gives is the parcels' own, or the air's. */
  function linksOf(summary, sources) {
    const links = new Map();
    const add = (from, id, kw) => {
      const key = `${from} ${id}`;
      const found = links.get(key) || { from, technology: id, kw: 0 };
      links.set(key, { ...found, kw: found.kw + kw });
    };
    const given = (layer) => (summary.sources.find((row) => row.source_layer === layer) || { allocated_kw: 0 }).allocated_kw;
    const total = (id) => summary.technologies.find((row) => row.technology === id).allocated_kw;
    sources.forEach((row) => add(OneMap.value(row.source_layer), row.technology, row.allocated_kw));
    add(OneMap.value(GREEN), "shallow_ground_source", given(GREEN));
    add(text("match_own_ground"), "shallow_ground_source", total("shallow_ground_source") - given(GREEN));
    add(text("match_own_wells"), "geothermal", total("geothermal") - given(FIELD));
    add(text("match_outside_air"), "air_source", total("air_source"));
    const order = OneMap.config.technologies.map((t) => t.id);
    return [...links.values()].filter((link) => link.kw >= 50)
      .sort((a, b) => order.indexOf(a.technology) - order.indexOf(b.technology));
  }

  function flowFigure(summary, sources) {
    const links = linksOf(summary, sources);
    const behind = table(text("match_sankey"), [
      { name: "from", title: text("match_kind"), text: true },
      { name: "technology", title: text("match_technology"), text: true, show: (row) => titleOf(row.technology) },
      { name: "kw", title: "MW", show: (row) => mw(row.kw) },
      { name: "share", title: text("match_share"), show: (row) => percent(row.kw, summary.heat_load_kw) },
    ], links);
    return OneMap.charts.chartFigure(
      "sankey", text("match_sankey"), OneMap.charts.sankey(links, text("heat_load"), summary.unmet_kw), behind, 620,
    );
  }

  function districtRows(summary) {
    return summary.districts.map((row) => ({
      name: districtName(row.district), unmet: row.unmet_kw, load: row.heat_load_kw,
      parts: Object.fromEntries(row.technologies.map((t) => [t.technology, t.allocated_kw])),
    })).sort((a, b) => b.load - a.load);
  }

  function districtFigure(summary) {
    const rows = districtRows(summary);
    const title = text("match_by_district");
    const chart = OneMap.charts.stackedBars(rows, OneMap.charts.power(false));
    return OneMap.charts.chartFigure("districts", title, chart, OneMap.charts.districtTable(title, rows, false), 110 + 26 * rows.length);
  }

  /* From the shortest mean connection on; what mains and their plant have left in common is counted once. */
  function supplyPoints(sources) {
    const left = new Map(sources.map((row) => [`${row.source_layer}/${row.source_id}`, row.free_kw]));
    const connected = sources.filter((row) => row.mean_length_m !== null);
    connected.sort((a, b) => a.mean_length_m - b.mean_length_m || (a.source_id < b.source_id ? -1 : 1));
    let [allocated, free] = [0, 0];
    return connected.map((row) => {
      const plant = `${row.shared_layer}/${row.shared_id}`;
      const shared = Number.isFinite(left.get(plant)) ? plant : `${row.source_layer}/${row.source_id}`;
      const mine = Math.max(Math.min(row.free_kw, left.get(shared)), 0);
      left.set(shared, left.get(shared) - mine);
      allocated += row.allocated_kw;
      free += mine;
      return { name: row.source_name || row.source_id, length: row.mean_length_m, allocated, free };
    });
  }

  function curveFigure(sources, redraw) {
    const shown = OneMap.config.match.shared.filter((t) => sources.some((row) => row.technology === t && row.mean_length_m !== null));
    if (!shown.length) return el("p", { class: "note" }, text("match_no_sources"));
    if (!shown.includes(state.curve)) [state.curve] = shown;
    const choices = shown.map((t) => el("option", { value: t, selected: t === state.curve }, titleOf(t)));
    const box = el("select", { id: "curve-technology" }, choices);
    box.addEventListener("change", () => {
      state.curve = box.value;
      redraw();
    });
    const own = sources.filter((row) => row.technology === state.curve);
    const points = supplyPoints(own);
    const titles = { length: text("match_mean_length"), allocated: text("match_allocated_sum"), free: text("match_free_sum") };
    const behind = table(text("match_curve"), [
      { name: "name", title: text("match_source"), text: true },
      { name: "length", title: titles.length, show: (row) => figure(row.length, 0) },
      { name: "allocated", title: titles.allocated, show: (row) => mw(row.allocated) },
      { name: "free", title: titles.free, show: (row) => mw(row.allocated + row.free) },
    ], points, { most: 100 });
    const title = text("match_curve_of", { name: titleOf(state.curve) });
    return el(
      "section", {}, el("label", { class: "field" }, text("match_technology"), box),
      OneMap.charts.chartFigure("curve", title, OneMap.charts.curve(points, titles, OneMap.colourOf(state.curve)), behind, 340),
      el("p", { class: "note" }, text("match_not_in_curve", { n: count(own.length - points.length) })),
    );
  }

  /* The tab of charts. */
  OneMap.chartsTab = async (scenario, leave, redraw) => {
    const [{ summary }, sources] = await Promise.all([OneMap.match.detail(scenario), OneMap.sharedSources(scenario)]);
    return [flowFigure(summary, sources), districtFigure(summary), curveFigure(sources, redraw)];
  };

  OneMap.matchDistricts = districtRows;
})();
