/* The filter of parcels: facets with counts, the range of the score, and what passes. */
(function () {
  "use strict";
  const { el, text, pick, number } = OneMap;
  const FACETS = ["technology", "status", "district", "land_use_class"];
  const TITLES = {
    technology: "filter_technology", status: "filter_status", district: "filter_district", land_use_class: "filter_land_use_class",
  };
  const MISSING = {
    technology: "filter_none_technology", status: "filter_none_status", district: "filter_none_district", land_use_class: "filter_none_land_use_class",
  };
  const ENDS = { score_min: "filter_score_min", score_max: "filter_score_max" };
  const WAIT_MS = 80;
  const empty = () => ({ technology: [], status: [], district: [], land_use_class: [], score_min: null, score_max: null });
  const state = { grids: [], wanted: empty(), found: null, counted: null, all: null, turn: 0, timer: null, open: new Set(["technology"]) };
  const listeners = [];

  const isOn = () => state.wanted.score_min !== null || state.wanted.score_max !== null
    || FACETS.some((facet) => state.wanted[facet].length > 0);

  /* The filter as query parameters; the same filter is always the same text. */
  function query(wanted) {
    const asked = new URLSearchParams();
    FACETS.forEach((facet) => [...wanted[facet]].sort().forEach((word) => asked.append(facet, word)));
    ["score_min", "score_max"].filter((end) => wanted[end] !== null).forEach((end) => asked.set(end, String(wanted[end])));
    return asked.toString();
  }

  const NAMES = {
    technology: (word) => OneMap.parts.titleOf(word),
    status: (word) => pick(OneMap.config.statuses[word]),
    district: (word) => OneMap.parts.districtName(word),
    land_use_class: (word) => (OneMap.config.landUses[word] ? pick(OneMap.config.landUses[word]) : word),
  };
  const nameOf = (facet, word) => (word === "none" ? text(MISSING[facet]) : NAMES[facet](word));

  function choose(facet, word, on) {
    const others = state.wanted[facet].filter((other) => other !== word);
    state.wanted = { ...state.wanted, [facet]: on ? [...others, word] : others };
    changed();
  }

  /* Ask a little later: whoever ticks three boxes asks once. */
  function changed() {
    clearTimeout(state.timer);
    state.timer = setTimeout(() => {
      drawTiles();
      refresh();
      listeners.forEach((listener) => listener());
    }, WAIT_MS);
  }

  function drawTiles() {
    const asked = query(state.wanted);
    const filter = asked ? `&${asked}` : "";
    state.grids.filter((grid) => grid.options.filter !== filter).forEach((grid) => {
      grid.options.filter = filter;
      if (OneMap.map.hasLayer(grid)) grid.redraw();
    });
  }

  /* Take out what no parcel has, as a link may name; there is no box to untick it by. */
  function dropStray(found) {
    const stray = FACETS.flatMap((facet) => state.wanted[facet]
      .filter((word) => !found.facets[facet].some((one) => one.value === word)).map((word) => ({ facet, word })));
    if (!stray.length) return false;
    stray.forEach(({ facet, word }) => {
      state.wanted = { ...state.wanted, [facet]: state.wanted[facet].filter((other) => other !== word) };
    });
    OneMap.hint(text("share_ignored", { names: stray.map(({ facet, word }) => `${facet}=${word}`).join("、") }));
    changed();
    return true;
  }

  async function refresh() {
    const turn = ++state.turn;
    try {
      const asked = query(state.wanted);
      const found = await OneMap.getJson(`/api/parcels/summary${asked ? `?${asked}` : ""}`);
      if (turn !== state.turn || dropStray(found)) return;
      Object.assign(state, { found, counted: asked });
      OneMap.controls.count(found.recommended);
      draw();
    } catch (error) {
      if (turn === state.turn) OneMap.hint(text("failed", { text: error.message }));
    }
  }

  function option(facet, { value, parcel_count: count }) {
    const id = `filter-${facet}-${value}`;
    const box = el("input", { type: "checkbox", id, value });
    box.checked = state.wanted[facet].includes(value);
    box.addEventListener("change", () => choose(facet, value, box.checked));
    const mark = facet === "technology" ? el("span", { class: `swatch swatch-fill${value === "none" ? " faint" : ""}`, "aria-hidden": "true" }) : null;
    if (mark) mark.style.setProperty("--colour", OneMap.colourOf(value));
    return el(
      "li", { class: count ? null : "empty" },
      el("label", { for: id }, box, mark, el("span", { class: "layer-title" }, nameOf(facet, value)), el("span", { class: "count" }, number(count))),
    );
  }

  function facetPart(facet) {
    const chosen = state.wanted[facet].length;
    const part = el(
      "details", { class: "facet", "data-facet": facet, open: state.open.has(facet) || chosen > 0 },
      el("summary", {}, text(TITLES[facet]), chosen ? el("span", { class: "count" }, text("filter_chosen", { n: chosen })) : null),
      el("div", { role: "group", "aria-label": text(TITLES[facet]) }, el("ul", {}, state.found.facets[facet].map((one) => option(facet, one)))),
    );
    part.addEventListener("toggle", () => (part.open ? state.open.add(facet) : state.open.delete(facet)));
    return part;
  }

  /* Bars of the parcels by score; what is beyond the range is pale. */
  function histogram() {
    const { bin_width: width, parcel_counts: counts, unscored_count: none } = state.found.scores;
    const most = Math.max(...counts, 1);
    const top = counts.indexOf(Math.max(...counts));
    const { score_min: low, score_max: high } = state.wanted;
    const bars = counts.map((n, place) => {
      const [from, to] = [place * width, (place + 1) * width];
      const out = (low !== null && to <= low) || (high !== null && from > high);
      const bar = el("span", { class: out ? "out" : null, title: text("filter_bin", { low: from, high: to, n: number(n) }) });
      bar.style.height = n ? `${Math.max(4, (n / most) * 100)}%` : "0";
      return bar;
    });
    const told = text("filter_scores", { low: top * width, high: (top + 1) * width, n: number(counts[top]), none: number(none) });
    return el("div", { class: "histogram", role: "img", "aria-label": told }, bars);
  }

  function end(name) {
    const input = el("input", {
      type: "number", min: "0", max: "100", step: "any", inputmode: "decimal", id: `filter-${name}`,
      placeholder: name === "score_min" ? "0" : "100", value: state.wanted[name], "aria-label": text(ENDS[name]),
    });
    input.addEventListener("input", setScores);
    return input;
  }

  function setScores() {
    const inputs = ["min", "max"].map((name) => document.getElementById(`filter-score_${name}`));
    const [low, high] = inputs.map((input) => (input.value.trim() === "" && input.validity.valid ? null : Number(input.value)));
    const ends = [low, high].filter((value) => value !== null);
    const wrong = inputs.some((input) => !input.validity.valid) || ends.some((value) => !(value >= 0 && value <= 100)) || (ends.length === 2 && low > high);
    document.getElementById("filter-wrong").textContent = wrong ? text("filter_score_wrong") : "";
    if (wrong) return;
    state.wanted = { ...state.wanted, score_min: low, score_max: high };
    changed();
  }

  function scorePart() {
    return el(
      "fieldset", { class: "facet scores" }, el("legend", {}, text("filter_score")), histogram(),
      el("div", { class: "ends" }, end("score_min"), el("span", { "aria-hidden": "true" }, "–"), end("score_max")),
      el("p", { id: "filter-wrong", class: "error", role: "alert" }),
    );
  }

  function amounts() {
    const { heated_area_m2: area, heat_load_kw: load, unknown_heated_area_count: noArea, unknown_heat_load_count: noLoad } = state.found;
    const told = (value, missing) => el("dd", {}, value, missing ? el("span", { class: "note" }, text("filter_unknown", { n: number(missing) })) : null);
    const scaled = (value, by, unit) => (value === null ? text("unknown") : number(value / by, unit, value / by < 100 ? 1 : 0));
    return el(
      "dl", { class: "figures" },
      el("dt", {}, text("filter_area")), told(scaled(area, 1e4, OneMap.language() === "en" ? "ha" : "万m2"), noArea),
      el("dt", {}, text("filter_load")), told(scaled(load, 1e3, "MW"), noLoad),
    );
  }

  /* Over the map, so that nobody takes a part of the parcels for all of them. */
  function drawBadge() {
    const badge = document.getElementById("filter-badge");
    badge.hidden = !state.found || !isOn() || !OneMap.controls.drawsResults();
    if (!badge.hidden) badge.firstElementChild.textContent = text("filter_badge", { n: number(state.found.parcel_count), all: number(state.all) });
  }

  /* Drawn anew with new counts; the control that had the focus has it again. */
  function draw() {
    drawBadge();
    if (!state.found) return;
    const body = document.getElementById("filter-body");
    const held = body.contains(document.activeElement) ? document.activeElement : null;
    document.getElementById("filter-found").textContent = text("filter_found", { n: number(state.found.parcel_count), all: number(state.all) });
    document.getElementById("filter-clear").hidden = !isOn();
    document.getElementById("filter-amounts").replaceChildren(amounts());
    // What is being typed stays: the ends of the score are not drawn anew while one of them is in use.
    const typing = held && held.closest(".scores");
    if (typing) {
      typing.querySelector(".histogram").replaceWith(histogram());
      body.querySelectorAll("details.facet").forEach((part) => part.replaceWith(facetPart(part.dataset.facet)));
      return;
    }
    const held_summary = held && held.tagName === "SUMMARY" ? held.parentElement.dataset.facet : null;
    body.replaceChildren(...FACETS.map(facetPart), scorePart());
    const again = held_summary ? body.querySelector(`[data-facet=${held_summary}] summary`) : held && document.getElementById(held.id);
    if (again) again.focus();
  }

  function clear() {
    state.wanted = empty();
    draw();
    changed();
    OneMap.focusOn(document.querySelector("#filter > details > summary"));
  }

  const shown = (layer) => OneMap.controls.shown().includes(layer);

  OneMap.filter = {
    isOn, drawBadge,

    /* What keeps parcels off the map, as for a link: nothing while their outlines show them all. */
    hides: () => (shown("parcel_suitability") && !shown("parcel") ? query(state.wanted) : ""),

    clear,

    /* That parcels at a place are hidden, with the button to see them: `found` is what was identified there. */
    hidden(found) {
      const button = el("button", { type: "button", class: "link" }, text("filter_reveal"));
      button.addEventListener("click", found.reveal);
      return [text("filter_hides", { n: number(found.hidden_parcel_count) }), " ", button];
    },

    onChange(listener) { listeners.push(listener); },

    /* The filter as text for a link, and as CQL2 for an export (null: everything). */
    query: () => query(state.wanted),

    cql2: () => state.found.filter,

    /* Whether what is counted is what is chosen. */
    isCounted: () => state.found !== null && state.counted === query(state.wanted),

    /* How many parcels pass, and how many there are. */
    count: () => (state.found ? state.found.parcel_count : 0),

    total: () => state.all,

    /* Take over a filter from a link; the names of what is no part of any filter are returned. */
    restore(asked) {
      const known = {
        technology: OneMap.config.technologies.map((t) => t.id), status: Object.keys(OneMap.config.statuses), land_use_class: Object.keys(OneMap.config.landUses),
      };
      const next = empty();
      const wrong = [];
      FACETS.forEach((facet) => asked.getAll(facet).forEach((word) => {
        const fits = word && word.length <= 60 && next[facet].length < 60;
        const meant = word === "none" || !known[facet] || known[facet].includes(word);
        if (fits && meant) next[facet] = [...new Set([...next[facet], word])];
        else wrong.push(`${facet}=${word.slice(0, 30)}`);
      }));
      ["score_min", "score_max"].filter((name) => asked.has(name)).forEach((name) => {
        const value = asked.get(name).trim() === "" ? NaN : Number(asked.get(name));
        if (value >= 0 && value <= 100) next[name] = value;
        else wrong.push(`${name}=${asked.get(name).slice(0, 30)}`);
      });
      if (next.score_min !== null && next.score_max !== null && next.score_min > next.score_max) {
        wrong.push(`score_min=${next.score_min}`);
        Object.assign(next, { score_min: null, score_max: null });
      }
      state.wanted = next;
      return wrong;
    },

    /* `grids` draw the stored results, wherever they are shown. */
    async start(grids) {
      state.grids = grids;
      const section = document.getElementById("filter");
      const [results, ...others] = OneMap.config.layers;
      section.hidden = results.withheld || !results.loaded || others.some((layer) => layer.id === "parcel" && layer.withheld);
      if (section.hidden) return;
      ["filter-clear", "filter-badge-clear"].forEach((id) => document.getElementById(id).addEventListener("click", clear));
      const part = section.querySelector("details");
      part.open = isOn();
      OneMap.onLanguage(draw);
      state.all = results.feature_count;
      drawTiles();
      // Nobody who only looks at the map has the parcels counted by facet.
      if (isOn()) await refresh();
      part.addEventListener("toggle", () => { if (part.open && !state.found) refresh(); });
    },
  };
})();
