/* What the verdicts of the open parcel rest on, drawn on the map for the technology that is looked at. */
(function () {
  "use strict";
  const { el, text, pick, number } = OneMap;
  // As other areas, under the results: their tint does not change the colours of the legend.
  const AREA = { stroke: false, fillOpacity: 0.2, pane: "onemap-evidence-area" };
  const EDGE = { fill: false, weight: 2, opacity: 0.9, dashArray: "7 4" };
  const state = { parcel: null, features: null, wanted: true, hovered: null, unfolded: null, group: null };

  const body = () => document.getElementById("panel-body");
  const ownOf = (technology, variant) => (state.features || []).filter(
    ({ properties: p }) => p.technology === technology && (p.variant || "") === (variant || ""),
  );
  const layerTitle = (id) => pick(OneMap.config.layers.find((layer) => layer.id === id).title);
  const away = (p) => (p.distance_m > 0 ? number(p.distance_m, "m", p.distance_m < 100 ? 1 : 0) : text("evidence_here"));
  const titleOf = (p) => `${layerTitle(p.layer)}${p.name || p.id ? ` ${p.name || p.id}` : ""}`;

  function label(at, p) {
    const words = el("span", {}, el("b", {}, p.name || layerTitle(p.layer)), ` ${p.kind === "way" ? away(p) : ""}`);
    words.style.setProperty("--colour", OneMap.colourOf(p.technology));
    const icon = L.divIcon({ className: "evidence-label", html: words, iconSize: null });
    return L.marker(at, { icon, interactive: false, keyboard: false, pane: "onemap-labels" });
  }

  const drawn = (feature, style) => L.geoJSON(feature.geometry, { pane: "onemap-evidence", interactive: false, ...style, style });

  /* A way as a line with a light border, and a dot where it ends. */
  function wayShapes(feature, colour) {
    const { coordinates, type } = feature.geometry;
    const [lon, lat] = type === "Point" ? coordinates : coordinates[coordinates.length - 1];
    const end = L.circleMarker([lat, lon], {
      pane: "onemap-evidence", interactive: false, radius: 6, color: "#ffffff", weight: 2, fillColor: colour, fillOpacity: 1,
    });
    const lines = type === "Point" ? [] : [
      drawn(feature, { color: "#ffffff", weight: 7, opacity: 0.9 }), drawn(feature, { color: colour, weight: 3.5 }),
    ];
    return [...lines, end, label([lat, lon], feature.properties)];
  }

  /* The place of an outline that is nearest to the middle of the parcel: there its name stands. */
  function nearPlace(feature) {
    const middle = L.geoJSON(state.parcel.geometry).getBounds().getCenter();
    const lines = feature.geometry.type === "LineString" ? [feature.geometry.coordinates] : feature.geometry.coordinates;
    return lines.flat().map(([lon, lat]) => L.latLng(lat, lon))
      .reduce((best, at) => (at.distanceTo(middle) < best.distanceTo(middle) ? at : best));
  }

  function shapes(feature) {
    const colour = OneMap.colourOf(feature.properties.technology);
    if (feature.properties.kind === "way") return wayShapes(feature, colour);
    if (feature.properties.kind === "area") return [drawn(feature, { ...AREA, fillColor: colour })];
    return [drawn(feature, { ...EDGE, color: colour }), label(nearPlace(feature), feature.properties)];
  }

  /* The option under the pointer or with the focus, else the one unfolded last. */
  function looked() {
    const open = [...body().querySelectorAll(".option[open]")];
    return [state.hovered, state.unfolded].find((option) => option && option.isConnected && (option === state.hovered || option.open))
      || open[open.length - 1] || null;
  }

  function draw() {
    state.group.clearLayers();
    const option = state.parcel && state.wanted && state.features ? looked() : null;
    if (!option) return;
    ownOf(option.dataset.technology, option.dataset.variant).flatMap(shapes).forEach((one) => state.group.addLayer(one));
  }

  function goTo(feature) {
    const bounds = L.geoJSON(state.parcel.geometry).getBounds();
    if (feature.properties.kind === "way") bounds.extend(L.geoJSON(feature.geometry).getBounds());
    OneMap.map.fitBounds(bounds, { maxZoom: 17, padding: [50, 50] });
  }

  function item(feature) {
    const { properties: p } = feature;
    const button = el(
      "button", { type: "button", class: "link" }, titleOf(p),
    );
    button.addEventListener("click", () => goTo(feature));
    return el(
      "li", {}, button, el("span", { class: "distance" }, away(p)),
      p.current ? null : el("p", { class: "note" }, text("evidence_older")),
    );
  }

  /* The list of what is drawn for one option. */
  function fill(place) {
    const { technology, variant } = place.dataset;
    const listed = ownOf(technology, variant).filter(({ properties: p }) => p.kind !== "edge");
    place.replaceChildren(...(listed.length ? [
      el("h4", {}, text("evidence_map")), el("ul", {}, listed.map(item)),
    ] : []));
  }

  function mark(option) {
    if (option === state.hovered) return;
    state.hovered = option;
    draw();
  }

  function toggled(event) {
    if (!event.target.matches(".option")) return;
    if (event.target.open) state.unfolded = event.target;
    draw();
  }

  OneMap.evidence = {
    /* Ask for what the verdicts of a parcel rest on; null takes it off the map. */
    async show(parcel) {
      Object.assign(state, { parcel, features: null, hovered: null, unfolded: null });
      draw();
      if (!parcel) return;
      try {
        const found = await OneMap.getJson(`/api/parcels/${encodeURIComponent(parcel.parcel_id)}/evidence`);
        if (state.parcel !== parcel) return;
        state.features = found.features;
      } catch (error) {
        // The panel itself tells what is wrong with the parcel's results.
        if (state.parcel === parcel) state.features = [];
        return;
      }
      body().querySelectorAll(".evidence-places").forEach(fill);
      draw();
    },

    /* The place in an option for the list of what is drawn. */
    section(entry) {
      const place = el("div", { class: "evidence-places", "data-technology": entry.technology, "data-variant": entry.variant });
      fill(place);
      return place;
    },

    /* The switch above the ranking. */
    control() {
      const box = el("input", { type: "checkbox" });
      box.checked = state.wanted;
      box.addEventListener("change", () => {
        state.wanted = box.checked;
        draw();
      });
      return el("label", { class: "evidence-switch" }, box, text("evidence_switch"));
    },

    start(map) {
      map.createPane("onemap-evidence").style.cssText = "z-index: 455; pointer-events: none";
      map.createPane("onemap-evidence-area").style.cssText = "z-index: 405; pointer-events: none";
      state.group = L.layerGroup().addTo(map);
      body().addEventListener("toggle", toggled, true);
      body().addEventListener("pointerover", (event) => {
        if (event.pointerType === "mouse") mark(event.target.closest(".option"));
      });
      body().addEventListener("pointerleave", () => mark(null));
      body().addEventListener("focusin", (event) => mark(event.target.closest(".option")));
    },
  };
})();
