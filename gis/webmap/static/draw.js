/* Drawing on the map: vertices by click, tap or keyboard, with running figures. */
(function () {
  "use strict";
  const { el, text, number } = OneMap;
  const NEAR_PX = 12, SAME_PX = 4;
  const STYLE = { pane: "onemap-drawn", interactive: false, color: "#7a0064", weight: 3, fillColor: "#7a0064", fillOpacity: 0.12 };
  const state = { kind: null, done: null, points: [], cursor: null, kept: false, drawn: null };

  const isArea = () => state.kind !== "distance";
  const least = () => (isArea() ? 3 : 2);
  const pixels = (a, b) => OneMap.map.latLngToContainerPoint(a).distanceTo(OneMap.map.latLngToContainerPoint(b));

  /* A length or an area with the unit that people use for its size. */
  const lengthText = (m) => (m < 2000 ? number(m, "m", m < 100 ? 1 : 0) : number(m / 1000, "km", 2));
  const areaText = (m2) => (m2 < 1e6 ? text("draw_hectares", { m2: number(m2, "m2"), ha: number(m2 / 1e4, null, 2) }) : `${number(m2 / 1e6, null, 3)} km²`);

  function figure(points) {
    if (points.length < 2) return "";
    if (!isArea()) return text("draw_length", { value: lengthText(OneMap.geodesy.lengthOf(points)) });
    const round = OneMap.geodesy.lengthOf([...points, points[0]]);
    return points.length < 3 ? "" : text("draw_area_is", { value: areaText(OneMap.geodesy.areaOf(points)), round: lengthText(round) });
  }

  function label(point, words) {
    const icon = L.divIcon({ className: "draw-label", html: el("span", {}, words), iconSize: null });
    return L.marker(point, { icon, interactive: false, keyboard: false, pane: "onemap-labels" });
  }

  function sketch() {
    state.drawn.clearLayers();
    const moving = state.cursor && !state.kept ? [...state.points, state.cursor] : state.points;
    if (moving.length > 1) {
      const shape = isArea() && moving.length > 2 ? L.polygon(moving, STYLE) : L.polyline(moving, { ...STYLE, fill: false });
      state.drawn.addLayer(shape);
    }
    state.points.forEach((point, place) => {
      state.drawn.addLayer(L.circleMarker(point, { ...STYLE, radius: 4.5, color: "#ffffff", weight: 2, fillOpacity: 1 }));
      if (!isArea() && place > 0) {
        state.drawn.addLayer(label(point, lengthText(OneMap.geodesy.lengthOf(state.points.slice(0, place + 1)))));
      }
    });
    document.getElementById("draw-figure").textContent = figure(moving);
  }

  function button(name, action, disabled) {
    const made = el("button", { type: "button", disabled, "data-action": name }, text(name));
    made.addEventListener("click", action);
    return made;
  }

  /* What to do next, and buttons for those who have no keyboard or double click. */
  function bar() {
    const box = document.getElementById("draw-status");
    if (state.kind === null && box.contains(document.activeElement)) OneMap.focusOn(null);
    box.hidden = state.kind === null;
    if (box.hidden) return;
    const steps = { polygon: "draw_how_area", area: "draw_how_area", distance: "draw_how_length" };
    document.getElementById("draw-how").textContent = state.kept ? text("draw_note") : text(steps[state.kind]);
    document.getElementById("draw-count").textContent = state.points.length ? text("draw_points", { n: state.points.length }) : "";
    const place = document.getElementById("draw-buttons");
    const held = place.contains(document.activeElement) ? document.activeElement.dataset.action : null;
    place.replaceChildren(...(state.kept ? [button("draw_clear", stop)] : [
      button("draw_finish", finish, state.points.length < least()),
      button("draw_undo", undo, !state.points.length), button("draw_cancel", stop),
    ]));
    if (held) OneMap.focusOn(place.querySelector(`[data-action=${held}]:enabled`));
  }

  function redraw() {
    sketch();
    bar();
  }

  function add(point) {
    const { points } = state;
    if (points.length && pixels(points[points.length - 1], point) < SAME_PX) return;
    if (isArea() && points.length > 2 && pixels(points[0], point) < NEAR_PX) {
      finish();
      return;
    }
    points.push(point);
    redraw();
  }

  function undo() {
    state.points.pop();
    redraw();
  }

  /* Whether two sides that do not meet at a vertex cross. */
  function crosses(points) {
    const at = points.map(OneMap.geodesy.toGrid);
    const side = (a, b, c) => Math.sign((b.east - a.east) * (c.north - a.north) - (b.north - a.north) * (c.east - a.east));
    const next = (i) => at[(i + 1) % at.length];
    return at.some((a, i) => at.some((c, j) => {
      if (j <= i + 1 || (i === 0 && j === at.length - 1)) return false;
      const [b, d] = [next(i), next(j)];
      return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0;
    }));
  }

  function finish() {
    if (state.points.length < least()) return;
    if (isArea() && crosses(state.points)) {
      OneMap.hint(text("draw_crosses"));
      return;
    }
    const { done, points } = state;
    if (done) {
      stop();
      done(points);
      return;
    }
    state.kept = true;
    settle();
    redraw();
  }

  const wheel = () => setTimeout(() => OneMap.map.doubleClickZoom.enable(), 300);

  function settle() {
    document.body.classList.remove("drawing");
    wheel();
  }

  function stop() {
    if (state.kind === null) return;
    Object.assign(state, { kind: null, done: null, points: [], cursor: null, kept: false });
    state.drawn.clearLayers();
    settle();
    bar();
    OneMap.tools.draw();
  }

  const running = () => state.kind !== null && !state.kept;

  function pressed(event) {
    if (event.key === "Escape" && state.kind !== null) {
      event.stopPropagation();
      stop();
      return;
    }
    if (!running() || event.target.closest("button, input, select, textarea, summary, a, dialog")) return;
    const acts = { Enter: finish, Backspace: undo, " ": () => add(OneMap.map.getCenter()) };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }

  OneMap.draw = {
    lengthText,

    areaText,

    /* Whether clicks on the map are vertices now. */
    active: running,

    kind: () => state.kind,

    stop,

    /* Draw a "polygon" (given to `done`), or measure a "distance" or an "area". */
    begin(kind, done) {
      stop();
      Object.assign(state, { kind, done: done || null });
      OneMap.map.doubleClickZoom.disable();
      document.body.classList.add("drawing");
      redraw();
      OneMap.map.getContainer().focus({ preventScroll: true });
    },

    start(map) {
      map.createPane("onemap-drawn").style.zIndex = 455;
      state.drawn = L.layerGroup().addTo(map);
      document.body.append(el(
        "div", { id: "draw-status", hidden: true },
        el("b", { id: "draw-figure", "aria-hidden": "true" }),
        el("span", { role: "status" }, el("span", { id: "draw-count" }), " ", el("span", { id: "draw-how" })),
        el("span", { id: "draw-buttons" }),
      ));
      map.on("click", (event) => { if (running()) add(event.latlng.wrap()); });
      map.on("dblclick", () => { if (running()) finish(); });
      map.on("mousemove", (event) => {
        if (!running()) return;
        state.cursor = event.latlng;
        sketch();
      });
      document.addEventListener("keydown", pressed, true);
      OneMap.onLanguage(() => { if (state.kind !== null) redraw(); });
    },
  };
})();
