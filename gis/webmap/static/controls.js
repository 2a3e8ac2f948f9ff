/* The left panel: legend with counts, and the layer switches by group. */
(function () {
  "use strict";
  const GROUPS = ["results", "resource", "restriction", "network", "reference"];
  // Each colours every parcel: one of them is shown at a time.
  const RESULTS = ["parcel_suitability", "match_parcel", "swipe"];
  // `before` is what of these was shown when the comparison began.
  const state = { map: null, grids: null, shown: new Set(), before: null, counts: null, labels: null, matched: {}, turn: 0 };
  const { el, text, pick } = OneMap;

  function swatch(layer) {
    if (RESULTS.includes(layer.id)) return el("span", { class: "swatch swatch-result" });
    if (layer.id === "site") return el("span", { class: "swatch swatch-site" });
    if (OneMap.rasters.isRaster(layer)) return OneMap.rasters.swatch();
    const { colour, dash, fill_opacity: opacity } = layer.style;
    const mark = el("span", { class: `swatch swatch-${layer.geometry}` });
    mark.style.setProperty("--colour", colour);
    mark.style.setProperty("--fill", layer.id === "parcel" ? 0 : Math.min(1, opacity));
    if (dash) mark.classList.add("dashed");
    return mark;
  }

  function gridsOf(layer) {
    if (layer.id === "swipe") return OneMap.swipe.grids();
    const names = layer.id === "match_parcel" ? ["match_parcel", "match_connection"] : [layer.id];
    return names.map((name) => state.grids[name]);
  }

  function draw(layer, on) {
    if (on) state.shown.add(layer.id); else state.shown.delete(layer.id);
    OneMap.filter.drawBadge();
    OneMap.link.changed();
    if (layer.id === "site") {
      OneMap.sites.toggle(on);
      return;
    }
    if (layer.id === "swipe") {
      OneMap.swipe.toggle(on, state.before);
      return;
    }
    gridsOf(layer).forEach((grid) => {
      if (on) state.map.addLayer(grid); else state.map.removeLayer(grid);
    });
    if (layer.id === "district") toggleLabels(on);
  }

  /* The layers of the catalogue, with matching beside the other results. */
  function layers() {
    const [results, ...others] = OneMap.config.layers;
    return [results, ...OneMap.match.layers(), ...OneMap.swipe.layers(), ...OneMap.sites.layers(), ...others];
  }

  /* Switch a layer; of two that would cover each other, the other goes. After a comparison comes what was before it. */
  function toggle(layer, on) {
    if (on && RESULTS.includes(layer.id)) {
      const others = layers().filter((other) => RESULTS.includes(other.id) && state.shown.has(other.id));
      if (layer.id === "swipe") state.before = others.length ? others[0].id : null;
      others.forEach((other) => draw(other, false));
    }
    draw(layer, on);
    if (layer.id === "swipe" && !on) layers().filter((other) => other.id === state.before).forEach((other) => draw(other, true));
    if (["site", "match_segment"].includes(layer.id) || OneMap.rasters.isRaster(layer)) drawMatch();
    if (!RESULTS.includes(layer.id)) return;
    drawMatch();
    OneMap.match.drawToggle();
  }

  function toggleLabels(on) {
    if (on) state.labels.addTo(state.map); else state.labels.remove();
  }

  /* District names, leaving out those that would cover another at this zoom. */
  function drawLabels() {
    state.labels.clearLayers();
    const taken = [];
    OneMap.config.labels.forEach((label) => {
      const at = state.map.project([label.lat, label.lon]);
      const half = L.point((OneMap.language() === "en" ? 4 : 7) * pick(label).length, 9);
      const box = L.bounds(at.subtract(half), at.add(half));
      if (taken.some((other) => other.overlaps(box))) return;
      taken.push(box);
      const name = el("span", {}, pick(label));
      const icon = L.divIcon({ className: "district-label", html: name, iconSize: null });
      state.labels.addLayer(
        L.marker([label.lat, label.lon], { icon, interactive: false, keyboard: false, pane: "onemap-labels" }),
      );
    });
  }

  function switchRow(layer) {
    const id = `switch-${layer.id}`;
    const box = el("input", { type: "checkbox", id, disabled: !layer.loaded });
    box.checked = state.shown.has(layer.id);
    box.addEventListener("change", () => {
      toggle(layer, box.checked);
      document.getElementById(id).focus();
    });
    const absent = layer.id === "parcel_suitability" || layer.potential ? "not_scored" : "not_loaded";
    const missing = layer.withheld ? "withheld" : absent;
    let note = null;
    if (!layer.loaded) note = el("span", { class: "missing" }, text(missing));
    else if (layer.id === "parcel") note = el("span", { class: "zoom-note" }, text("zoom_in_layer"));
    else if (layer.synthetic) note = el("span", { class: "mark" }, text("synthetic_mark"));
    const title = layer.description ? pick(layer.description) : null;
    return el(
      "li", { class: layer.loaded ? null : "disabled", "data-layer": layer.id },
      box, el("label", { for: id, title }, swatch(layer), el("span", { class: "layer-title" }, pick(layer.title))), note,
      layer.id === "match_parcel" ? scenarioSelect() : null,
      layer.id === "site" && OneMap.sites.sitings().length > 1 ? OneMap.sites.select("site-layer-scenario") : null,
      state.shown.has(layer.id) && layer.id !== "site" ? OneMap.opacitySlider(layer.id, pick(layer.title), gridsOf(layer)) : null,
    );
  }

  function scenarioSelect() {
    return OneMap.match.select(OneMap.match.scenario(), text("match_scenario"), (scenario) => {
      OneMap.match.choose(scenario);
      document.querySelector("[data-layer=match_parcel] select").focus();
    });
  }

  function drawSwitches() {
    const groups = GROUPS.map((group) => {
      const own = layers().filter((layer) => layer.group === group);
      return el(
        "fieldset", { "data-group": group },
        el("legend", {}, text(`group_${group}`)), el("ul", {}, own.map(switchRow)),
      );
    });
    document.getElementById("layer-switches").replaceChildren(...groups);
  }

  function count(technology) {
    if (!state.counts) return null;
    return OneMap.number(
      state.counts.filter((row) => row.technology === technology)
        .reduce((sum, row) => sum + row.parcel_count, 0),
    );
  }

  /* A colour with its title and its figures; of several, one that is missing keeps its place. */
  function legendRow(colour, title, numbers, kind) {
    const mark = el("span", { class: `swatch swatch-fill ${kind || ""}`, "aria-hidden": "true" });
    mark.style.setProperty("--colour", colour);
    const kept = numbers.length > 1 ? numbers : numbers.filter((number) => number !== null);
    return el("li", {}, mark, el("span", { class: "layer-title" }, title), kept.map((number) => el("span", { class: "count" }, number)));
  }

  const isMatch = () => state.shown.has("match_parcel");

  const isSwipe = () => state.shown.has("swipe");

  /* What the legend is of, with the scenario (null: the stored results): the layer shown, or both sides of the comparison. */
  const columns = () => (isSwipe() ? OneMap.swipe.sides() : [{ title: null, scenario: isMatch() ? OneMap.match.scenario() : null }]);

  /* MW of a technology in a run; nothing before they have arrived. */
  function matchedMw(technology, scenario) {
    const run = state.matched[scenario];
    const found = run && run.summary.technologies.find((row) => row.technology === technology);
    return found ? OneMap.tables.mw(found.allocated_kw) : null;
  }

  function drawLegend() {
    const own = columns();
    const [results, match] = [own.some(({ scenario }) => scenario === null), own.some(({ scenario }) => scenario !== null)];
    const figures = (id) => own.map(({ scenario }) => (scenario === null ? count(id) : matchedMw(id, scenario)));
    document.getElementById("legend").classList.toggle("pair", own.length > 1);
    document.getElementById("legend-title").replaceChildren(
      el("span", { class: "layer-title" }, text(isSwipe() ? "legend_swipe" : match ? "legend_match" : "legend")),
      ...own.map(({ title, scenario }) => el(
        "span", { class: "count" }, ...(title ? [text(title), el("br")] : []), scenario === null ? text("legend_count") : "MW",
      )),
    );
    const none = [results ? text("legend_none") : null, match ? text("legend_no_load") : null].filter(Boolean).join(" / ");
    document.getElementById("legend-technologies").replaceChildren(
      ...OneMap.config.technologies.map((t) => legendRow(t.colour, pick(t.title), figures(t.id))),
      legendRow(OneMap.noneColour, none, figures(null), "faint"),
    );
    const grey = "#4a545c";
    document.getElementById("legend-statuses").replaceChildren(
      ...(results ? [legendRow(grey, text("legend_suitable"), []), legendRow(grey, text("legend_conditional"), [], "hatched")] : []),
      ...(match ? [legendRow(OneMap.noneColour, text("legend_unknown_load"), [], "hatched")] : []),
    );
    document.getElementById("legend-sites").replaceChildren(...(state.shown.has("site") ? siteLegend() : []));
    document.getElementById("legend-segments").replaceChildren(...(state.shown.has("match_segment") ? segmentLegend() : []));
    OneMap.rasters.drawLegend();
    drawNote();
  }

  /* The points of sites: chosen, with their rank; others; left out. */
  const SITE_MARKS = [["site", "legend_site"], ["candidate", "legend_candidate"], ["barred", "legend_barred"]];
  const siteLegend = () => SITE_MARKS.map(([kind, title]) => el(
    "li", {}, el("span", { class: `swatch swatch-${kind}`, "aria-hidden": "true" }), el("span", { class: "layer-title" }, text(title)),
  ));

  /* Mains by what is left to them, the most first. */
  const segmentLegend = () => [
    el("li", { class: "note" }, text("legend_segments", { name: OneMap.match.titleOf(OneMap.match.scenario()) })),
    ...OneMap.leftClasses.map(({ colour, title }) => {
      const mark = el("span", { class: "swatch swatch-line", "aria-hidden": "true" });
      mark.style.setProperty("--colour", colour);
      return el("li", {}, mark, el("span", { class: "layer-title" }, text(title)));
    }),
  ];

  function drawNote() {
    const cells = state.map.getZoom() <= OneMap.config.cellMaxZoom;
    document.body.classList.toggle("cells", cells);
    const mixed = isSwipe() && columns().some(({ scenario }) => scenario === null);
    const match = isMatch() || isSwipe();
    const key = cells ? (mixed ? "swipe_cells" : match ? "legend_match_cells" : "legend_cells") : match ? "legend_match_parcels" : "legend_parcels";
    const figures = isSwipe() ? [text(mixed ? "swipe_figures_mixed" : "swipe_figures_runs")] : [];
    document.getElementById("legend-note").replaceChildren(...[...figures, text(key)].flatMap((words, at) => (at ? [el("br"), words] : [words])));
    const stale = isMatch() ? OneMap.match.staleNote(OneMap.match.scenario()) : null;
    document.getElementById("legend-stale").replaceChildren(...[stale].filter(Boolean));
  }

  /* Figures of the runs that are shown, told once they have arrived. */
  async function drawMatch() {
    const turn = ++state.turn;
    state.matched = {};
    drawSwitches();
    drawLegend();
    const scenarios = columns().map(({ scenario }) => scenario).filter((scenario) => scenario !== null);
    if (!scenarios.length) return;
    try {
      const found = await Promise.all(scenarios.map(OneMap.match.detail));
      if (turn !== state.turn) return;
      state.matched = Object.fromEntries(scenarios.map((scenario, at) => [scenario, found[at]]));
      drawLegend();
    } catch (error) {
      OneMap.hint(text("failed", { text: error.message }));
    }
  }

  function setDrawer(open) {
    const held = !open && document.getElementById("layers-panel").contains(document.activeElement);
    document.body.classList.toggle("drawer-open", open);
    const opener = document.getElementById("layers-toggle");
    opener.setAttribute("aria-expanded", String(open));
    // On a wide screen the layers stay where they are.
    if (held && opener.offsetParent) opener.focus();
  }

  OneMap.controls = {
    shown: () => [...state.shown],

    /* The layers that are shown once a comparison has ended. */
    lasting: () => [...state.shown, ...(isSwipe() && state.before ? [state.before] : [])].filter((id) => id !== "swipe"),

    /* Whether the stored results are drawn, alone or on a side of the comparison. */
    drawsResults: () => state.shown.has("parcel_suitability") || OneMap.swipe.sides().some(({ scenario }) => scenario === null),

    closeDrawer: () => setDrawer(false),

    /* Show a layer, whatever was shown. */
    show(id) {
      const layer = layers().find((one) => one.id === id);
      if (layer && !state.shown.has(id)) toggle(layer, true);
    },

    /* Take a layer away; after a comparison comes what was before it. */
    hide(id) {
      const layer = layers().find((one) => one.id === id);
      if (layer && state.shown.has(id)) toggle(layer, false);
    },

    /* Show these layers and no others; ids of none that can be shown are returned. */
    showOnly(ids) {
      const known = layers().filter((layer) => layer.loaded);
      const other = known.filter((layer) => ids.includes(layer.id) !== state.shown.has(layer.id));
      other.filter((layer) => state.shown.has(layer.id)).forEach((layer) => toggle(layer, false));
      other.filter((layer) => ids.includes(layer.id)).forEach((layer) => toggle(layer, true));
      drawSwitches();
      return ids.filter((id) => !known.some((layer) => layer.id === id));
    },

    /* Tell the legend how many parcels have what recommended. */
    count(rows) {
      state.counts = rows;
      drawLegend();
    },

    start(map, grids) {
      Object.assign(state, { map, grids: { ...grids, ...OneMap.rasters.grids(map) }, labels: L.layerGroup() });
      OneMap.config.layers.filter((layer) => layer.loaded && layer.visible).forEach((layer) => draw(layer, true));
      map.on("zoomend", () => {
        drawNote();
        drawLabels();
      });
      const opener = document.getElementById("layers-toggle");
      opener.addEventListener("click", () => setDrawer(!document.body.classList.contains("drawer-open")));
      OneMap.onLanguage(() => {
        opener.textContent = `☰ ${text("layers")}`;
        drawSwitches();
        drawLegend();
        drawLabels();
      });
      OneMap.match.onChange(drawMatch);
      OneMap.swipe.onChange(() => {
        drawMatch();
        OneMap.filter.drawBadge();
      });
      OneMap.sites.onChange(drawMatch);
      if (OneMap.config.layers.some((layer) => layer.id === "parcel_suitability" && layer.loaded)) {
        // Counted in memory: the summary of the city is work for the database, which has tiles to give now.
        OneMap.getJson("/api/parcels/summary").then((found) => {
          if (OneMap.filter.isOn()) return;
          state.counts = found.recommended;
          drawLegend();
        }).catch((error) => OneMap.hint(text("failed", { text: error.message })));
      }
    },
  };
})();
