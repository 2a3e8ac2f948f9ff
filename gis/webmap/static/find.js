/* The search box: parcels by number, places and sources by name, and places by coordinates. */
(function () {
  "use strict";
  const { el, text, pick } = OneMap;
  const WAIT_MS = 150;
  const MOST = 30;
  const PARCEL_ZOOM = 17;
  const POINT_ZOOM = 16;
  // Areas that show themselves once they fill the map; of others the layer is switched on and the place ringed.
  const AREAS = ["parcel", "district", "township"];
  const state = { asked: 0, timer: null, query: "", found: null, error: null, active: -1, open: false, mark: null };

  const box = () => document.getElementById("find");
  const input = () => document.getElementById("find-input");
  const list = () => document.getElementById("find-list");
  const hits = () => (state.found ? state.found : []);
  const optionId = (place) => `find-option-${place}`;
  const degrees = (hit) => `${hit.lon.toFixed(6)}, ${hit.lat.toFixed(6)}`;
  const side = (value, positive, negative) => `${Math.abs(value).toFixed(6)}° ${value < 0 ? negative : positive}`;
  const named = (hit) => `${side(hit.lon, "E", "W")}, ${side(hit.lat, "N", "S")}`;
  const layerOf = (hit) => OneMap.config.layers.find((layer) => layer.id === hit.layer);

  function groupTitle(hit) {
    return hit.kind === "coordinate" ? text("find_coordinates") : pick(layerOf(hit).title);
  }

  /* The part of a name that was asked for, marked. */
  function marked(words) {
    const at = words.toLowerCase().indexOf(state.query.toLowerCase());
    if (at < 0) return [words];
    const end = at + state.query.length;
    return [words.slice(0, at), el("mark", {}, words.slice(at, end)), words.slice(end)];
  }

  function optionParts(hit) {
    if (hit.kind === "coordinate") {
      return [
        el("b", {}, named(hit)), el("span", { class: "find-note" }, text("find_read_as", { text: pick(hit.read_as) })),
        hit.note ? el("span", { class: "find-note outside" }, pick(hit.note)) : null,
      ];
    }
    return [
      el("b", {}, marked(hit.name || hit.id)),
      hit.name ? el("span", { class: "find-note" }, marked(hit.id)) : null,
      hit.district && hit.layer !== "district" ? el("span", { class: "find-note" }, hit.district) : null,
    ];
  }

  function option(hit, place) {
    const item = el("div", {
      role: "option", id: optionId(place), class: "find-option", "aria-selected": String(place === state.active),
    }, optionParts(hit));
    // The focus stays in the box, as a combobox has it.
    item.addEventListener("mousedown", (event) => event.preventDefault());
    item.addEventListener("click", () => choose(hit));
    return item;
  }

  /* Hits by layer, in the order of the best match of each. */
  function byLayer(found) {
    const groups = new Map();
    found.forEach((hit) => groups.set(hit.layer, [...(groups.get(hit.layer) || []), hit]));
    return [...groups.values()];
  }

  function groups() {
    let place = 0;
    return byLayer(hits()).map((own, number) => el(
      "div", { role: "group", "aria-labelledby": `find-group-${number}` },
      el("div", { class: "find-group", id: `find-group-${number}`, role: "presentation" }, groupTitle(own[0])),
      own.map((hit) => option(hit, place++)),
    ));
  }

  function told() {
    if (state.error) return text("failed", { text: state.error });
    if (!state.found) return "";
    return state.found.length ? text("find_count", { n: state.found.length }) : text("find_nothing", { query: state.query });
  }

  function draw() {
    const shown = state.open && hits().length > 0;
    const words = state.open ? told() : "";
    list().replaceChildren(...(shown ? groups() : []));
    list().hidden = !shown;
    const status = document.getElementById("find-status");
    status.textContent = words;
    status.classList.toggle("find-message", Boolean(words) && !shown);
    input().setAttribute("aria-expanded", String(shown));
    if (shown && state.active >= 0) input().setAttribute("aria-activedescendant", optionId(state.active));
    else input().removeAttribute("aria-activedescendant");
    document.getElementById("find-clear").hidden = !input().value;
  }

  async function ask() {
    const query = input().value.trim();
    const turn = ++state.asked;
    const answer = { query, found: null, error: null, active: -1 };
    if (query) {
      try {
        const { results } = await OneMap.getJson(`/api/search?${new URLSearchParams({ q: query, limit: MOST })}`);
        answer.found = byLayer(results).flat();
      } catch (error) {
        answer.error = error.message;
      }
      if (turn !== state.asked) return;
    }
    Object.assign(state, answer, { open: Boolean(query) && document.activeElement === input() });
    draw();
  }

  function typed() {
    clearTimeout(state.timer);
    // What is on its way answers an older question.
    state.asked += 1;
    document.getElementById("find-clear").hidden = !input().value;
    state.timer = setTimeout(ask, WAIT_MS);
  }

  function close() {
    clearTimeout(state.timer);
    state.asked += 1;
    Object.assign(state, { open: false, active: -1 });
    draw();
  }

  function fold() {
    close();
    box().classList.remove("unfolded");
    document.getElementById("find-open").setAttribute("aria-expanded", "false");
  }

  function unmark() {
    if (state.mark) state.mark.remove();
    state.mark = null;
  }

  function clear() {
    input().value = "";
    unmark();
    OneMap.ring(null);
    clearTimeout(state.timer);
    ask();
    input().focus();
  }

  function showPoint(hit) {
    const at = [hit.lat, hit.lon];
    OneMap.map.setView(at, Math.max(OneMap.map.getZoom(), POINT_ZOOM), { animate: false });
    const icon = L.divIcon({ className: "find-mark", html: el("span", {}, named(hit)), iconSize: [24, 24] });
    state.mark = L.marker(at, { icon, interactive: false, keyboard: false, pane: "onemap-labels" }).addTo(OneMap.map);
    OneMap.identify(L.latLng(at));
  }

  async function showFeature(hit) {
    if (!hit.bbox) {
      OneMap.hint(text("find_no_shape"));
      return;
    }
    const [west, south, east, north] = hit.bbox;
    const bounds = L.latLngBounds([[south, west], [north, east]]);
    const look = () => OneMap.map.fitBounds(bounds, { maxZoom: PARCEL_ZOOM, padding: [40, 40], animate: false });
    look();
    if (hit.layer === "parcel") {
      await OneMap.identify(L.latLng(hit.lat, hit.lon), hit.id);
      look(); // beside or above the panel, which is open now
    }
    if (AREAS.includes(hit.layer)) return;
    OneMap.controls.show(hit.layer);
    OneMap.ring(bounds, hit.name || hit.id);
  }

  function choose(hit) {
    if (hit.kind === "coordinate" && hit.inside === false) {
      OneMap.hint(pick(hit.note));
      return;
    }
    input().value = hit.kind === "coordinate" ? degrees(hit) : hit.name || hit.id;
    fold();
    unmark();
    OneMap.ring(null);
    OneMap.controls.closeDrawer();
    if (hit.kind === "coordinate") showPoint(hit); else showFeature(hit);
  }

  function move(step) {
    if (!hits().length) return;
    const ends = { first: 0, last: hits().length - 1 };
    const next = step in ends ? ends[step] : state.active + step;
    Object.assign(state, { open: true, active: (next + hits().length) % hits().length });
    draw();
    document.getElementById(optionId(state.active)).scrollIntoView({ block: "nearest" });
  }

  async function enter() {
    clearTimeout(state.timer);
    if (input().value.trim() !== state.query || !state.found) await ask();
    // Typed on meanwhile: this is no longer what was asked for.
    if (input().value.trim() !== state.query) return;
    const hit = hits()[Math.max(0, state.active)];
    if (hit) choose(hit);
  }

  function escape() {
    if (state.open) close();
    else if (box().classList.contains("unfolded")) {
      fold();
      document.getElementById("find-open").focus();
    } else clear();
  }

  function pressed(event) {
    if (event.isComposing) return;
    const open = state.open && hits().length > 0;
    const actions = {
      ArrowDown: () => move(state.active < 0 ? "first" : 1),
      ArrowUp: () => move(state.active < 0 ? "last" : -1),
      Enter: enter,
      // With nothing to close or clear here it is meant for the panel.
      Escape: state.open || input().value || box().classList.contains("unfolded") ? escape : null,
      Home: open && state.active >= 0 ? () => move("first") : null,
      End: open && state.active >= 0 ? () => move("last") : null,
    };
    if (!actions[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    actions[event.key]();
  }

  function build() {
    const opener = el("button", { type: "button", id: "find-open", "aria-expanded": "false", "aria-controls": "find-box" });
    const field = el("input", {
      id: "find-input", type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: 100,
      enterkeyhint: "search", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "find-list",
    });
    const clearer = el("button", { type: "button", id: "find-clear", hidden: true }, "×");
    box().replaceChildren(opener, el(
      "div", { id: "find-box" }, field, clearer,
      el("div", { id: "find-list", role: "listbox", hidden: true }), el("div", { id: "find-status", role: "status" }),
    ));
    opener.addEventListener("click", () => {
      const unfolded = box().classList.toggle("unfolded");
      opener.setAttribute("aria-expanded", String(unfolded));
      if (unfolded) field.focus();
    });
    clearer.addEventListener("click", clear);
    field.addEventListener("input", typed);
    field.addEventListener("keydown", pressed);
    field.addEventListener("blur", close);
    field.addEventListener("focus", () => {
      state.open = Boolean(field.value) && hits().length > 0 && field.value.trim() === state.query;
      draw();
    });
  }

  OneMap.find = {
    start(map) {
      build();
      map.on("click", unmark);
      OneMap.onLanguage(() => {
        [["find-open", "find_label"], ["find-clear", "find_clear"], ["find-input", "find_label"], ["find-list", "find_results"]]
          .forEach(([id, name]) => document.getElementById(id).setAttribute("aria-label", text(name)));
        input().placeholder = text("find_placeholder");
        input().title = text("find_example");
        draw();
      });
    },
  };
})();
