/* The toolbar over the map: draw, upload, measure, compare, print; and where the pointer is. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const PICTURES = {
    polygon: "M4 8 12 3l8 6-3 11H7Z",
    upload: "M12 16V4m-5 5 5-5 5 5M4 16v4h16v-4",
    distance: "M3 16 16 3l5 5L8 21ZM7 12l2 2m1-5 3 3m1-6 2 2",
    area: "M4 4h16v16H4ZM4 12l8-8M4 20 20 4M12 20l8-8",
    swipe: "M12 2v20M3 5h6v14H3M21 5h-6v14h6",
    print: "M7 9V3h10v6M7 17H4V9h16v8h-3M7 14h10v7H7Z",
  };
  const TEXTS = { polygon: "tool_polygon", upload: "tool_upload", distance: "tool_distance", area: "tool_area", swipe: "tool_swipe", print: "tool_print" };
  const actions = {
    polygon: () => OneMap.draw.begin("polygon", OneMap.areas.drawn),
    upload: () => OneMap.areas.choose(),
    distance: () => OneMap.draw.begin("distance"),
    area: () => OneMap.draw.begin("area"),
    swipe: () => OneMap.swipe.flip(),
    print: () => OneMap.printing.print(),
  };
  let box = null;

  function picture(path) {
    const drawing = L.SVG.create("svg");
    const line = L.SVG.create("path");
    drawing.setAttribute("viewBox", "0 0 24 24");
    drawing.setAttribute("aria-hidden", "true");
    line.setAttribute("d", path);
    drawing.append(line);
    return drawing;
  }

  function use(tool) {
    const again = OneMap.draw.kind() === tool;
    OneMap.draw.stop();
    if (!again) actions[tool]();
    draw();
  }

  function toolButton(tool) {
    const on = { swipe: OneMap.swipe.isOn() };
    ["polygon", "distance", "area"].forEach((kind) => { on[kind] = OneMap.draw.kind() === kind; });
    const name = text(TEXTS[tool]);
    const made = el(
      "button", { type: "button", "data-tool": tool, title: name, "aria-label": name, "aria-pressed": tool in on ? String(on[tool]) : null },
      picture(PICTURES[tool]), el("span", {}, name),
    );
    made.addEventListener("click", () => use(tool));
    return made;
  }

  function draw() {
    const focused = box.contains(document.activeElement) ? document.activeElement.dataset.tool : null;
    box.setAttribute("aria-label", text("tools"));
    // Without results there is nothing to ask of an area, and nothing to compare.
    const hidden = OneMap.config.layers[0].withheld ? ["polygon", "upload", "swipe"] : [];
    box.replaceChildren(...Object.keys(PICTURES).filter((tool) => !hidden.includes(tool)).map(toolButton));
    if (focused) box.querySelector(`[data-tool=${focused}]`).focus();
  }

  /* Longitude and latitude, and metres of EPSG:4548, of the pointer. */
  function told(point) {
    const { east, north } = OneMap.geodesy.toGrid(point);
    const fixed = (value, digits) => value.toFixed(digits);
    return text("pointer", { lon: fixed(point.lng, 6), lat: fixed(point.lat, 6), east: fixed(east, 1), north: fixed(north, 1) });
  }

  OneMap.tools = {
    draw,

    start(map) {
      OneMap.draw.start(map);
      OneMap.areas.start(map);
      OneMap.printing.start();
      box = el("div", { id: "map-tools", role: "region" });
      // It follows the pointer alone, and would be read out all the time.
      const bar = el("div", { id: "pointer-bar", "aria-hidden": "true" });
      map.getContainer().after(box, bar);
      map.on("mousemove", (event) => { bar.textContent = told(event.latlng.wrap()); });
      map.on("mouseout", () => { bar.textContent = ""; });
      OneMap.onLanguage(draw);
    },
  };
})();
