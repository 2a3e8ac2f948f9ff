/* Areas that the reader draws or uploads: asked of the server, shown on the map and in the panel. */
(function () {
  "use strict";
  const { el, text, pick, number } = OneMap;
  const { titleOf, statusChip, rows } = OneMap.parts;
  const MAX_FILE_BYTES = 10e6;
  const USES = ["0701", "0801", "0802", "0803", "0804", "0805", "0806", "0807", "0901"];
  const BUILT = ["new", "existing", "renovation"];
  const REFUSED = {
    too_large: "refused_too_large", unpacks_too_large: "refused_unpacks", too_many_features: "refused_features",
    too_many_vertices: "refused_vertices", no_polygons: "refused_no_polygons", unknown_format: "refused_format",
    shapefile_alone: "refused_shapefile", broken_file: "refused_broken", no_crs: "refused_no_crs",
    wrong_crs: "refused_wrong_crs", outside_city: "refused_outside", long_name: "refused_long_name",
    too_small: "refused_too_small", bad_value: "refused_value", duplicate_id: "refused_duplicate",
  };
  // What stands between the page and the server, which has no code of its own.
  const REFUSED_BY_STATUS = { 401: "refused_rights", 403: "refused_rights", 413: "refused_too_large", 429: "refused_busy", 503: "refused_busy" };
  const SHIFTED = { gcj02: "GCJ-02", bd09: "BD-09" };
  const FIELDS = { floor_area_ratio: "area_far", floor_area_m2: "area_floor", land_use_code: "land_use", building_status: "building_status", name: "area_name", id: "parcel_id" };
  const state = { map: null, shown: null, features: [], results: null, notes: null, form: {}, file: null, crs: null };

  const hectares = (m2) => OneMap.draw.areaText(m2);
  const nameOf = (feature, place) => {
    if (feature.properties.name) return String(feature.properties.name);
    return state.notes ? text("area_nth", { n: place + 1 }) : text("area_drawn");
  };

  /* The area and the field at the place of a body that the server names. */
  function placed(pointer) {
    const [, place, , field] = /^\/features\/(\d+)(\/properties)?\/([^/]+)/.exec(pointer || "") || [];
    if (!field) return { area: "", field: "" };
    const column = state.notes && state.notes.columns[field];
    return { area: nameOf(state.features[Number(place)], Number(place)), field: column || (FIELDS[field] ? text(FIELDS[field]) : field) };
  }

  const refused = (error) => text(REFUSED[error.code] || REFUSED_BY_STATUS[error.status] || "refused_other", { text: error.message, ...placed(error.pointer) });

  function link(name, action, values) {
    const made = el("button", { type: "button", class: "link" }, text(name, values));
    made.addEventListener("click", action);
    return made;
  }

  /* Draw the areas; each opens its own result. */
  function outline() {
    state.shown.clearLayers();
    state.features.forEach((feature, place) => {
      const style = { pane: "onemap-drawn", color: "#7a0064", weight: 2.5, dashArray: "7 4", fillColor: "#7a0064", fillOpacity: 0.06, bubblingMouseEvents: false };
      const shape = L.geoJSON(feature, { ...style, style: () => style });
      shape.on("click", (event) => {
        L.DomEvent.stop(event);
        if (state.results) one(place);
      });
      state.shown.addLayer(shape);
    });
  }

  function clear() {
    Object.assign(state, { features: [], results: null, notes: null, file: null, crs: null });
    state.shown.clearLayers();
    OneMap.panel.close();
  }

  async function ask() {
    const features = state.features;
    OneMap.hint(text("area_asking"));
    const { results } = await OneMap.getJson("/api/suitability", { type: "FeatureCollection", features });
    if (features !== state.features) return;
    document.getElementById("map-hint").hidden = true;
    state.results = results;
    if (state.notes) list(); else one(0);
  }

  /* The panel of one area, as that of a stored parcel. */
  function one(place) {
    const feature = state.features[place];
    const parcel = { parcel_id: feature.id, name: nameOf(feature, place), geometry: feature.geometry };
    const head = () => [el("p", { class: "area-links" }, state.notes ? link("area_back", list) : link("area_change", form), link("area_clear", clear))];
    OneMap.panel.show({ parcels: [], features: [] }, parcel, { document: state.results[place], head });
  }

  /* A sum of what is known, with how many are not. */
  function total(values, unit) {
    const known = values.filter((value) => value !== null && value !== undefined);
    if (!known.length) return text("unknown");
    const sum = number(known.reduce((a, b) => a + b, 0), unit);
    return known.length < values.length ? text("area_some_unknown", { sum, n: values.length - known.length }) : sum;
  }

  const capacityOf = (doc) => {
    const found = doc.technologies.find((t) => t.technology === doc.recommended && (t.variant || null) === (doc.recommended_variant || null))
      || doc.technologies.find((t) => t.technology === doc.recommended);
    return found ? found.capacity_kw : null;
  };

  function byTechnology() {
    return OneMap.config.technologies.map((technology) => {
      const own = state.results.filter((doc) => doc.recommended === technology.id);
      if (!own.length) return null;
      const mark = el("span", { class: "swatch swatch-fill", "aria-hidden": "true" });
      mark.style.setProperty("--colour", technology.colour);
      return el(
        "li", { "data-technology": technology.id }, mark, el("b", {}, pick(technology.title)),
        el("span", { class: "part-kw" }, total(own.map(capacityOf), "kW")), el("span", { class: "part-more note" }, text("area_count", { n: own.length })),
      );
    }).filter(Boolean);
  }

  function totals() {
    const docs = state.results;
    const plan = (name) => total(docs.map((doc) => (doc.portfolio ? doc.portfolio[name] : null)), "t/a");
    return [
      el("h3", {}, text("area_totals")),
      rows([
        ["area_sum", total(docs.map((doc) => doc.location.area_m2), "m2")],
        ["heated_area", total(docs.map((doc) => doc.demand.heated_area_m2), "m2")],
        ["heat_load", total(docs.map((doc) => doc.demand.heat_load_kw), "kW")],
        ["heat_demand", total(docs.map((doc) => doc.demand.heat_demand_mwh_per_a), "MWh/a")],
        ["area_co2", plan("co2_t_per_a")],
        ["area_co2_saved", plan("co2_saved_t_per_a")],
      ]),
      el("h3", {}, text("area_by_technology")),
      el("p", { class: "note" }, text("area_shared_note")),
      el("ul", { class: "parts" }, byTechnology()),
    ];
  }

  function item(feature, place) {
    const doc = state.results[place];
    const made = el(
      "button", { type: "button", class: "area-item" }, el("b", {}, nameOf(feature, place)),
      doc.recommended ? statusChip(doc.recommended_status) : null,
      el("span", { class: "note" }, `${doc.recommended ? titleOf(doc.recommended) : text("legend_none")} · ${number(doc.demand.heat_load_kw, "kW")}`),
    );
    made.style.setProperty("--colour", OneMap.colourOf(doc.recommended));
    made.addEventListener("click", () => one(place));
    return el("li", {}, made);
  }

  /* The button that reads the same file in the system it looks like, or as it says itself. */
  function again(notes) {
    if (state.crs) return el("p", {}, link("area_read_as_is", () => upload(state.file, null)));
    const crs = notes && notes.suspected_crs;
    return crs ? el("p", {}, link("area_read_as", () => upload(state.file, crs), { name: SHIFTED[crs] })) : null;
  }

  function noteList() {
    const { notes } = state;
    return [
      rows([["area_file", notes.source], ["area_crs", SHIFTED[state.crs] || notes.crs], ["area_read", text("area_read_of", { n: notes.feature_count, all: notes.read_count })]]),
      again(notes),
      notes.warnings.length ? el("ul", { class: "area-warnings" }, notes.warnings.map((entry) => el("li", {}, pick(entry)))) : null,
      notes.dropped.length ? el(
        "details", { class: "more" }, el("summary", {}, text("area_dropped", { n: notes.dropped.length })),
        el("ul", {}, notes.dropped.map((entry) => el("li", {}, text("area_dropped_one", { n: entry.feature, text: pick(entry) })))),
      ) : null,
    ].filter(Boolean);
  }

  function list() {
    OneMap.panel.showOwn(() => text("area_list", { n: state.features.length }), () => [
      el("p", { class: "area-links" }, link("area_clear", clear)),
      ...noteList(), ...totals(),
      el("h3", {}, text("area_each")), el("ul", { class: "area-list" }, state.features.map(item)),
    ]);
  }

  function choice(name, values, title) {
    const made = el("select", { name }, el("option", { value: "" }, text("area_open")), values.map((value) => el("option", { value }, title(value))));
    made.value = state.form[name] || "";
    return made;
  }

  const USE_TEXTS = {
    "0701": "use_0701", "0801": "use_0801", "0802": "use_0802", "0803": "use_0803", "0804": "use_0804", "0805": "use_0805",
    "0806": "use_0806", "0807": "use_0807", "0901": "use_0901",
  };

  const numberField = (name, most) => {
    const made = el("input", { type: "number", name, min: "0", max: most, step: "any", inputmode: "decimal" });
    made.value = state.form[name] || "";
    return made;
  };

  const field = (name, control) => el("label", { class: "field" }, el("span", {}, text(name)), control);

  function formBody() {
    const [shape] = state.features;
    const ring = shape.geometry.coordinates[0].slice(1).map(([lng, lat]) => ({ lng, lat }));
    const name = el("input", { type: "text", name: "name", maxlength: "80" });
    name.value = state.form.name || "";
    const made = el(
      "form", { id: "area-form" },
      rows([["area_sum", hectares(OneMap.geodesy.areaOf(ring))]]),
      el("p", { class: "note" }, text("area_form_note")),
      field("area_name", name),
      field("land_use", choice("land_use_code", USES, (code) => text(USE_TEXTS[code]))),
      field("area_far", numberField("floor_area_ratio", "30")),
      field("area_floor", numberField("floor_area_m2", null)),
      field("building_status", choice("building_status", BUILT, (value) => OneMap.value(value))),
      el("p", { class: "error", role: "alert" }),
      el("button", { type: "submit", class: "primary" }, text("area_ask")), link("area_clear", clear),
    );
    made.addEventListener("submit", submit);
    return [made];
  }

  function form() {
    OneMap.panel.showOwn(() => text("area_drawn"), formBody);
    // On a phone the panel may have covered what was drawn.
    state.map.panInside(L.geoJSON(state.features).getBounds().getCenter(), { padding: [60, 60] });
  }

  /* Ask with the figures that were given; what was left open stays unknown, it is not 0. */
  async function submit(event) {
    event.preventDefault();
    const given = Object.fromEntries([...new FormData(event.target)].filter(([, value]) => value.trim() !== ""));
    state.form = given;
    const properties = { ...given };
    ["floor_area_ratio", "floor_area_m2"].filter((name) => name in given).forEach((name) => { properties[name] = Number(given[name]); });
    state.features = [{ ...state.features[0], properties }];
    outline();
    try {
      await ask();
    } catch (error) {
      const place = document.querySelector("#area-form [role=alert]");
      if (place) place.textContent = refused(error); else OneMap.hint(refused(error));
    }
  }

  async function send(file, crs) {
    if (file.size > MAX_FILE_BYTES) throw Object.assign(new Error(""), { code: "too_large" });
    const body = new FormData();
    if (crs) body.append("source_crs", crs);
    body.append("file", file, file.name);
    return OneMap.getJson("/api/areas", body);
  }

  /* Read a file and ask about its areas; `crs` is what its coordinates are in where it says something else. */
  async function upload(file, crs) {
    OneMap.draw.stop();
    Object.assign(state, { file, crs });
    OneMap.hint(text("area_reading", { name: file.name }));
    try {
      const found = await send(file, crs);
      Object.assign(state, { features: found.features, notes: found.notes, results: null });
      outline();
      const look = () => state.map.fitBounds(L.geoJSON(found.features).getBounds(), { padding: [50, 50], maxZoom: 16 });
      look();
      await ask();
      look(); // beside or above the panel, which is open now
    } catch (error) {
      document.getElementById("map-hint").hidden = true;
      OneMap.panel.showOwn(() => text("area_failed"), () => [
        el("p", { class: "error", role: "alert" }, refused(error)), el("p", { class: "note" }, text("area_takes")), again(null),
      ].filter(Boolean));
    }
  }

  OneMap.areas = {
    choose: () => document.getElementById("area-file").click(),

    /* Take a ring that was drawn (points of the map) and ask what is known of it. */
    drawn(points) {
      const ring = [...points, points[0]].map(({ lng, lat }) => [lng, lat]);
      Object.assign(state, { results: null, notes: null, form: {}, file: null, crs: null });
      state.features = [{ type: "Feature", id: "drawn-1", geometry: { type: "Polygon", coordinates: [ring] }, properties: {} }];
      outline();
      form();
    },

    start(map) {
      Object.assign(state, { map, shown: L.layerGroup().addTo(map) });
      const input = el("input", { type: "file", id: "area-file", hidden: true, accept: ".geojson,.json,.zip,.kml,.kmz" });
      document.body.append(input);
      input.addEventListener("change", () => {
        if (input.files.length) upload(input.files[0], null);
        input.value = "";
      });
      const place = map.getContainer();
      const over = (on) => place.classList.toggle("drop-here", on);
      place.addEventListener("dragover", (event) => {
        event.preventDefault();
        over(true);
      });
      place.addEventListener("dragleave", () => over(false));
      place.addEventListener("drop", (event) => {
        event.preventDefault();
        over(false);
        if (!OneMap.config.layers[0].withheld && event.dataTransfer.files.length) upload(event.dataTransfer.files[0], null);
      });
    },
  };
})();
