/* Two states of the map on the two sides of a divider: the stored results, or runs of matching. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const RESULTS = "parcel_suitability", RUNS = ["match_parcel", "match_connection"];
  const PREFIX = "match:";
  const SIDES = [["left", "swipe_left"], ["right", "swipe_right"]];
  const STEP_PERCENT = 2, LEAP_PERCENT = 10, MIDDLE_PERCENT = 50;
  const state = { on: false, chosen: null, percent: MIDDLE_PERCENT, grids: null, divider: null, cards: null, grip_px: 0 };
  const listeners = [];

  /* The scenario of a choice; null for the stored results. */
  const scenarioOf = (choice) => (choice.startsWith(PREFIX) ? choice.slice(PREFIX.length) : null);

  /* What a side can show, as the link names it. */
  function choices() {
    const [results] = OneMap.config.layers;
    return [...(results.loaded ? [RESULTS] : []), ...OneMap.match.runs().map((run) => PREFIX + run.scenario)];
  }

  /* What is shown now on the left; on the right a run that is another, the usual one where it can be. */
  function usual(before) {
    const all = choices();
    const run = PREFIX + OneMap.match.scenario();
    if (before !== "match_parcel" && all[0] === RESULTS) return [RESULTS, run];
    const others = all.filter((choice) => choice !== run && choice !== RESULTS);
    return [run, others.find((choice) => choice === `${PREFIX}base`) || others[0] || RESULTS];
  }

  /* Put the divider in its place and cut the layers of each side there; the panes move with the map, the cut does not. */
  function cut() {
    if (!state.on) return;
    const { map, grids, divider, percent } = state;
    const size = map.getSize();
    const at = Math.round(size.x * percent / 100);
    const corner = map.containerPointToLayerPoint([0, 0]);
    const ends = [[0, at], [at, size.x]];
    grids.forEach((own, side) => Object.values(own).filter((grid) => map.hasLayer(grid)).forEach((grid) => {
      const [west, east] = ends[side].map((x) => `${corner.x + x}px`);
      const [north, south] = [0, size.y].map((y) => `${corner.y + y}px`);
      grid.getContainer().style.clipPath = `polygon(${west} ${north}, ${east} ${north}, ${east} ${south}, ${west} ${south})`;
    }));
    divider.style.left = `${at}px`;
    divider.setAttribute("aria-valuenow", String(Math.round(percent)));
    divider.setAttribute("aria-valuetext", text("swipe_place", { percent: Math.round(percent) }));
  }

  function move(percent) {
    state.percent = Math.round(Math.min(100, Math.max(0, percent)) * 10) / 10;
    cut();
    OneMap.link.changed();
  }

  function pressed(event) {
    const moved = {
      ArrowLeft: -STEP_PERCENT, ArrowDown: -STEP_PERCENT, ArrowRight: STEP_PERCENT, ArrowUp: STEP_PERCENT,
      PageDown: -LEAP_PERCENT, PageUp: LEAP_PERCENT, Home: -100, End: 100,
    }[event.key];
    if (!moved || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    move(state.percent + moved);
  }

  /* Drag from wherever the divider was taken hold of, by mouse, pen or finger. */
  function dragging(divider) {
    const left = () => state.map.getContainer().getBoundingClientRect().left;
    divider.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      state.grip_px = event.clientX - left() - parseFloat(divider.style.left);
      divider.setPointerCapture(event.pointerId);
    });
    divider.addEventListener("pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      move((event.clientX - left() - state.grip_px) / state.map.getSize().x * 100);
    });
  }

  function choose(side, choice) {
    const [kept, other] = [state.chosen[side], state.chosen[1 - side]];
    // What the other side shows changes places: the same on both would be no comparison.
    const next = choice === other ? kept : other;
    state.chosen = side === 0 ? [choice, next] : [next, choice];
    tell();
  }

  function picker(side, id, label) {
    const option = (choice) => {
      const scenario = scenarioOf(choice);
      const title = scenario === null ? text("swipe_results") : OneMap.match.titleOf(scenario);
      return el("option", { value: choice, selected: choice === state.chosen[side] }, title);
    };
    const [results, runs] = [true, false].map((stored) => choices().filter((choice) => (scenarioOf(choice) === null) === stored));
    const box = el(
      "select", { id, "aria-label": label }, results.map(option), el("optgroup", { label: text("swipe_runs") }, runs.map(option)),
    );
    box.addEventListener("change", () => choose(side, box.value));
    return box;
  }

  function closer() {
    const made = el("button", { type: "button", id: "swipe-leave", "aria-label": text("swipe_leave"), title: text("swipe_leave") }, "×");
    made.addEventListener("click", () => {
      OneMap.controls.hide("swipe");
      document.querySelector("[data-tool=swipe]").focus();
    });
    return made;
  }

  /* What a side shows, of which day, and what to know of it. */
  function drawCard(card, side) {
    const [name, title] = SIDES[side];
    const scenario = scenarioOf(state.chosen[side]);
    const run = scenario === null ? OneMap.config.layers[0].run : OneMap.match.run(scenario);
    const filtered = text(scenario === null ? "swipe_filtered" : "swipe_not_filtered");
    const focused = card.contains(document.activeElement) ? document.activeElement.id : "";
    card.setAttribute("aria-label", text(title));
    card.replaceChildren(
      el("div", { class: "row" }, el("b", {}, text(title)), picker(side, `swipe-${name}`, text(title)), side === 1 ? closer() : ""),
      el("p", { class: "note" }, text(scenario === null ? "swipe_scored" : "swipe_matched", { day: OneMap.day(run.finished_at), as_of: run.as_of })),
      ...(run.current ? [] : [el("p", { class: "stale" }, text("swipe_stale"))]),
      ...(OneMap.filter.isOn() ? [el("p", { class: "note filtered" }, filtered)] : []),
    );
    if (focused) document.getElementById(focused).focus();
  }

  function drawCards() {
    if (state.on) state.cards.forEach(drawCard);
  }

  /* Put the layers of a side on the map, and take away those it does not show. */
  function drawSide(own, side) {
    const scenario = state.on ? scenarioOf(state.chosen[side]) : null;
    if (scenario !== null) RUNS.forEach((name) => OneMap.match.aim(own[name], scenario));
    Object.entries(own).forEach(([name, grid]) => {
      if (state.on && RUNS.includes(name) === (scenario !== null)) state.map.addLayer(grid); else state.map.removeLayer(grid);
    });
  }

  function draw() {
    state.grids.forEach(drawSide);
    [state.divider, ...state.cards].forEach((part) => { part.hidden = !state.on; });
    document.body.classList.toggle("swiping", state.on);
    drawCards();
    cut();
  }

  function tell() {
    draw();
    listeners.forEach((listener) => listener());
    OneMap.tools.draw();
    OneMap.link.changed();
  }

  /* A grid as another, for one side; it is clipped and asked for by itself. */
  const copyOf = (grid) => L.vectorGrid.protobuf(grid._url, { ...grid.options });

  function build(map) {
    const divider = el("div", {
      id: "swipe-divider", role: "slider", tabindex: "0", hidden: true, "data-label": "swipe_divider", "aria-valuemin": "0", "aria-valuemax": "100",
    });
    divider.addEventListener("keydown", pressed);
    dragging(divider);
    const cards = SIDES.map(([name]) => el("div", { class: `swipe-card ${name}`, role: "group", hidden: true }));
    [divider, ...cards].forEach((part) => {
      L.DomEvent.disableClickPropagation(part);
      L.DomEvent.disableScrollPropagation(part);
      map.getContainer().append(part);
    });
    Object.assign(state, { divider, cards });
  }

  OneMap.swipe = {
    onChange(listener) { listeners.push(listener); },

    start(map, grids) {
      state.map = map;
      state.grids = SIDES.map(() => Object.fromEntries([RESULTS, ...RUNS].map((name) => [name, copyOf(grids[name])])));
      build(map);
      map.on("move resize", cut);
      OneMap.onLanguage(() => { drawCards(); cut(); });
      OneMap.match.onChange(draw);
      OneMap.filter.onChange(drawCards);
    },

    isOn: () => state.on,

    /* The grids of both sides, and those of them that draw the stored results. */
    grids: () => state.grids.flatMap(Object.values),

    resultGrids: () => state.grids.map((own) => own[RESULTS]),

    /* The entry among the layers, once there are two things to compare. */
    layers: () => (choices().length > 1 ? [{
      id: "swipe", group: "results", geometry: "polygon", loaded: true,
      title: { zh: OneMap.config.strings.swipe.zh, en: OneMap.config.strings.swipe.en },
      synthetic: OneMap.config.layers[0].synthetic,
    }] : []),

    /* The two sides by name and scenario (null: the stored results), none without a comparison. */
    sides: () => (state.on ? SIDES.map(([, title], side) => ({ title, scenario: scenarioOf(state.chosen[side]) })) : []),

    /* Begin with what was shown before, or end; called by the layer's switch. */
    toggle(on, before) {
      Object.assign(state, on ? { on, chosen: state.chosen || usual(before) } : { on, chosen: null, percent: MIDDLE_PERCENT });
      tell();
    },

    /* Compare these two, as the link names them. */
    open(pair, percent = state.percent) {
      Object.assign(state, { chosen: pair, percent });
      if (state.on) tell(); else OneMap.controls.show("swipe");
    },

    /* Compare two runs by their scenarios. */
    openRuns: (scenarios) => OneMap.swipe.open(scenarios.map((scenario) => PREFIX + scenario)),

    /* Begin or end by the toolbar. */
    flip() {
      if (state.on) OneMap.controls.hide("swipe");
      else if (choices().length < 2) OneMap.hint(text(OneMap.match.isListed() ? "swipe_nothing" : "loading"));
      else OneMap.controls.show("swipe");
    },

    /* The comparison as text for a link. */
    query: () => [...state.chosen, state.percent].join(","),

    /* What such a text means: the pair, its scenarios and the divider's place; null where it is none. */
    read(asked) {
      const [left, right, place, ...more] = asked.split(",");
      const percent = place && place.trim() !== "" ? Number(place) : NaN;
      const pair = [left, right];
      const fits = (choice) => choice && (scenarioOf(choice) || (choice === RESULTS && choices().includes(RESULTS)));
      if (more.length || left === right || !pair.every(fits) || !(percent >= 0 && percent <= 100)) return null;
      return { pair, percent, scenarios: pair.map(scenarioOf).filter((scenario) => scenario !== null) };
    },
  };
})();
