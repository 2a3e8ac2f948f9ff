/* Runs of citywide matching: which there are, which one is shown, and what they tell. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const state = { runs: [], job: null, versions: {}, scenario: null, pair: null, grids: null, listed: false };
  const listeners = [];
  const kept = new Map();

  const runOf = (name) => state.runs.find((run) => run.scenario === name) || null;

  /* What was asked for once of a run is not asked for again until it is matched anew. */
  function once(scenario, path, other) {
    const key = [path, ...[scenario, other].filter(Boolean).map((name) => `${name} ${runOf(name).finished_at}`)].join(" ");
    if (!kept.has(key)) {
      const asked = OneMap.getJson(`/api/matches/${scenario}${path}`);
      asked.catch(() => kept.delete(key));
      kept.set(key, asked);
    }
    return kept.get(key);
  }

  /* Have a grid of tiles draw a run; what it draws already is not asked for again. */
  function aim(grid, scenario) {
    const next = { scenario, version: state.versions[scenario] || "" };
    if (grid.options.scenario === next.scenario && grid.options.version === next.version) return;
    Object.assign(grid.options, next);
    if (OneMap.map.hasLayer(grid)) grid.redraw();
  }

  function drawTiles() {
    if (!state.scenario) return;
    [state.grids.match_parcel, state.grids.match_connection, state.grids.match_segment].forEach((grid) => aim(grid, state.scenario));
  }

  function tell() {
    drawTiles();
    drawToggle();
    listeners.forEach((listener) => listener());
    OneMap.link.changed();
  }

  /* The name of a scenario as it is shown. */
  function titleOf(scenario) {
    return scenario === "base" ? text("match_base") : scenario;
  }

  /* What a run assumes other than the map and the rules say, in words. */
  function assumed(run) {
    const { order, capacity_frac: capacity, reach_frac: reach } = run.settings;
    const changes = Object.entries(capacity).map(([what, factor]) => {
      const [layer, id] = what.split("/");
      const named = OneMap.config.technologies.some((t) => t.id === layer)
        ? OneMap.parts.titleOf(layer) : OneMap.value(layer);
      return text("match_capacity_of", { what: id ? `${named} ${id}` : named, share: OneMap.share(factor) });
    });
    if (reach !== 1) changes.push(text("match_reach_of", { share: OneMap.share(reach) }));
    return [text(order === "cost" ? "match_by_cost" : "match_by_priority"), ...changes].join(text("semicolon"));
  }

  /* A select of scenarios; `chosen` is told of every change. */
  function select(scenario, label, chosen) {
    const box = el("select", { "aria-label": label }, state.runs.map((run) => el(
      "option", { value: run.scenario, selected: run.scenario === scenario }, titleOf(run.scenario),
    )));
    box.addEventListener("change", () => chosen(box.value));
    return box;
  }

  /* Says so where a run is of other layers than the present ones. */
  function staleNote(scenario) {
    const run = runOf(scenario);
    if (!run || run.current) return null;
    return el("p", { class: "stale", role: "note" }, text("match_stale", { day: OneMap.day(run.finished_at) }));
  }

  /* On the map: from one of two scenarios to the other. */
  function drawToggle() {
    const box = document.getElementById("match-toggle");
    const pair = state.pair && state.pair.every(runOf) ? state.pair : null;
    box.hidden = !pair || !OneMap.controls.shown().includes("match_parcel");
    if (box.hidden) return;
    const buttons = pair.map((name) => {
      const button = el("button", { type: "button", "aria-pressed": String(name === state.scenario) }, titleOf(name));
      button.addEventListener("click", () => {
        OneMap.match.choose(name);
        box.querySelector("[aria-pressed=true]").focus();
      });
      return button;
    });
    const close = el("button", { type: "button", class: "toggle-close", "aria-label": text("close") }, "×");
    close.addEventListener("click", () => OneMap.match.compare(null));
    box.replaceChildren(...buttons, close);
  }

  OneMap.match = {
    titleOf, assumed, aim, select, staleNote, drawToggle,

    start(grids) {
      state.grids = grids;
      return OneMap.match.refresh();
    },

    onChange(listener) { listeners.push(listener); },

    runs: () => state.runs,

    run: runOf,

    job: () => state.job,

    scenario: () => state.scenario,

    /* Whether it is known which runs there are. */
    isListed: () => state.listed,

    /* What a run comes to, its ledger of a layer, what a parcel gets, what has changed against another run. */
    detail: (scenario) => once(scenario, ""),

    sources: (scenario, layer) => once(scenario, `/sources?layer=${layer}`).then((answer) => answer.sources),

    parcel: (scenario, id) => once(scenario, `/parcels/${encodeURIComponent(id)}`),

    changes: (scenario, other) => once(scenario, `/against/${other}`, other),

    /* Ask which runs there are; the one that is shown stays, or is the first. */
    async refresh() {
      const [listed, versions] = await Promise.all([
        OneMap.getJson("/api/matches"), OneMap.getJson("/api/tiles/matches"),
      ]);
      const known = JSON.stringify([state.runs, state.versions]);
      Object.assign(state, { runs: listed.runs, job: listed.job, versions, listed: true });
      if (known === JSON.stringify([state.runs, state.versions])) return;
      if (!runOf(state.scenario)) {
        const first = runOf("base") || state.runs[0];
        state.scenario = first ? first.scenario : null;
      }
      tell();
    },

    choose(scenario) {
      state.scenario = scenario;
      tell();
    },

    /* Put a toggle between two scenarios on the map, or (null) take it away. */
    compare(pair) {
      state.pair = pair;
      if (pair) state.scenario = pair[0];
      tell();
    },

    /* The entries among the layers, once something was matched. */
    layers: () => (state.runs.length ? [{
      id: "match_parcel", group: "results", geometry: "polygon", loaded: true,
      title: { zh: OneMap.config.strings.match.zh, en: OneMap.config.strings.match.en },
      synthetic: OneMap.config.layers.some((layer) => layer.id === "parcel" && layer.synthetic),
    }, {
      id: "match_segment", group: "results", geometry: "line", loaded: true,
      title: { zh: OneMap.config.strings.match_segment.zh, en: OneMap.config.strings.match_segment.en },
      style: { colour: OneMap.leftClasses[0].colour, fill_opacity: 0, dash: null },
      synthetic: OneMap.config.layers.some((layer) => layer.id === "reclaimed_water_pipeline" && layer.synthetic),
    }] : []),
  };
})();
