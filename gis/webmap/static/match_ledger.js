/* The ledger of sources: what each has, what is taken, what is left, what one more MW is worth. */
(function () {
  "use strict";
  const { el, text, pick } = OneMap;
  const { mw, figure, count, table } = OneMap.tables;
  const GREEN = "green_space";
  const ROWS = 100;
  const POWERS = {
    exploitable_kw: "match_exploitable", committed_kw: "match_committed", reserved_kw: "match_reserved",
    remaining_kw: "match_remaining", allocated_kw: "match_allocated", free_kw: "match_free",
  };
  const state = { layer: "", sorting: { name: "allocated_kw", down: true } };

  const titled = (name) => pick(OneMap.config.match.sources[name]);

  function nameButton(row, leave) {
    const button = el("button", { type: "button", class: "link" }, row.source_name || row.source_id);
    button.addEventListener("click", () => {
      leave();
      OneMap.goTo(row.source_layer, row.source_id);
    });
    return button;
  }

  /* Gain of one more MW, told apart by technology and length: it may only take the place of a later technology. */
  function worth(row) {
    if (row.gain_kw === null) return "—";
    const parts = OneMap.config.match.shared
      .filter((t) => Math.abs(row[`gain_${t}_kw`] || 0) >= 0.5)
      .map((t) => `${OneMap.parts.titleOf(t)} ${figure(row[`gain_${t}_kw`], 0, true)} kW`);
    if (row.gain_mw_m) parts.push(text("match_gain_length", { n: figure(row.gain_mw_m, 0, true) }));
    return el("span", {}, figure(row.gain_kw, 0, true), parts.map((part) => el("small", {}, part)));
  }

  /* A column of words, which is sorted by what it shows. */
  const said = (name, title, show) => ({ name, title, text: true, show, sort: (row) => show(row) || null });

  function columns(leave) {
    const powers = Object.entries(POWERS).map(([name, title]) => ({ name, title: text(title), show: (row) => mw(row[name]) }));
    return [
      {
        name: "source_name", title: text("match_source"), text: true,
        show: (row) => nameButton(row, leave), sort: (row) => row.source_name || row.source_id,
      },
      said("source_layer", text("match_kind"), (row) => OneMap.value(row.source_layer)),
      ...powers,
      { name: "parcel_count", title: text("match_parcels"), show: (row) => count(row.parcel_count) },
      { name: "mean_length_m", title: text("match_mean_length"), show: (row) => figure(row.mean_length_m, 0) },
      { name: "gain_kw", title: text("match_worth"), show: worth },
      said("basis", titled("basis"), (row) => words("bases", row.basis)),
      said("exclusion", titled("exclusion"), (row) => (row.exclusion ? words("exclusions", row.exclusion) : "")),
    ];
  }

  function words(list, value) {
    const found = OneMap.config.match[list][value];
    return found ? pick(found) : "—";
  }

  function layerSelect(layers, redraw) {
    const shared = el("option", { value: "", selected: state.layer === "" }, text("match_all_shared"));
    const box = el("select", { id: "ledger-layer" }, shared, layers.map((row) => el(
      "option", { value: row.source_layer, selected: state.layer === row.source_layer },
      text("match_layer_count", { layer: OneMap.value(row.source_layer), n: count(row.source_count) }),
    )));
    box.addEventListener("change", () => {
      state.layer = box.value;
      redraw();
    });
    return el("label", { class: "field" }, text("match_kind"), box);
  }

  /* Sources of all layers that several parcels share; green space, of which there is most, only by itself. */
  OneMap.sharedSources = async (scenario) => {
    const { summary } = await OneMap.match.detail(scenario);
    const layers = summary.sources.map((row) => row.source_layer).filter((layer) => layer !== GREEN);
    return (await Promise.all(layers.map((layer) => OneMap.match.sources(scenario, layer)))).flat();
  };

  /* The tab of the ledger; `leave` closes the panel, so that the map can be seen. */
  OneMap.ledgerTab = async (scenario, leave, redraw) => {
    const { summary } = await OneMap.match.detail(scenario);
    if (!summary.sources.some((row) => row.source_layer === state.layer)) state.layer = "";
    const rows = state.layer
      ? await OneMap.match.sources(scenario, state.layer) : await OneMap.sharedSources(scenario);
    return [
      el("p", { class: "note" }, text("match_ledger_note")),
      layerSelect(summary.sources, redraw),
      rows.length
        ? table(text("match_ledger"), columns(leave), rows, { sorting: state.sorting, most: ROWS })
        : el("p", { class: "note" }, text("match_no_sources")),
    ];
  };
})();
