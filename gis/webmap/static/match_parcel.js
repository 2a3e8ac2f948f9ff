/* What a parcel gets from whom in a matching run, and where features lie. */
(function () {
  "use strict";
  const { el, text, number, share } = OneMap;
  const { titleOf } = OneMap.parts;
  const OWN = { shallow_ground_source: "match_own_ground", geothermal: "match_own_wells", air_source: "match_air" };
  const LEAST_KW = 0.0005;
  const features = new Map();
  let mark = null;

  function featureOf(layer, id) {
    const key = `${layer}/${id}`;
    if (!features.has(key)) {
      const asked = OneMap.getJson(`/api/features/${layer}/${encodeURIComponent(id)}`);
      asked.catch(() => features.delete(key));
      features.set(key, asked);
    }
    return features.get(key);
  }

  /* A source as people call it: its layer and its name, or its number where it has none. */
  async function sourceName(layer, id) {
    const found = await featureOf(layer, id).catch(() => null);
    return text("match_source_name", { layer: OneMap.value(layer), name: (found && found.name) || id });
  }

  /* Parts of the load in the order of technologies; of one, what the parcel has of its own comes first. */
  function partsOf(found) {
    const order = OneMap.config.technologies.map((t) => t.id);
    const connected = found.connections.map((c) => ({ ...c, kw: c.allocated_kw }));
    const own = Object.keys(OWN).map((technology) => {
      const given = connected.filter((c) => c.technology === technology).reduce((sum, c) => sum + c.kw, 0);
      return { technology, kw: found.parcel[`${technology}_kw`] - given, own: OWN[technology] };
    });
    return [...own, ...connected].filter((part) => part.kw > LEAST_KW)
      .sort((a, b) => order.indexOf(a.technology) - order.indexOf(b.technology));
  }

  function bar(parts, parcel) {
    const pieces = parts.map((part) => {
      const piece = el("span", { class: "piece", "data-technology": part.technology });
      piece.style.width = `${(part.kw / parcel.heat_load_kw) * 100}%`;
      piece.style.background = OneMap.colourOf(part.technology);
      return piece;
    });
    const told = parts.map((part) => `${titleOf(part.technology)} ${share(part.kw / parcel.heat_load_kw)}`);
    return el("div", { class: "stack", role: "img", "aria-label": told.join(", ") }, el("div", { class: "pieces" }, pieces));
  }

  async function partItem(part, loadKw) {
    const swatch = el("span", { class: "swatch swatch-fill", "aria-hidden": "true" });
    swatch.style.setProperty("--colour", OneMap.colourOf(part.technology));
    const from = part.own ? text(part.own) : text("match_from", {
      source: await sourceName(part.source_layer, part.source_id), length: number(part.length_m, "m"),
    });
    return el(
      "li", { "data-technology": part.technology, "data-source": part.source_id },
      swatch, el("b", {}, titleOf(part.technology)),
      el("span", { class: "part-kw" }, `${number(part.kw, "kW")} · ${share(part.kw / loadKw)}`),
      el("span", { class: "part-more note" }, from, part.own ? null : goButton(part.source_layer, part.source_id)),
    );
  }

  function goButton(layer, id) {
    const button = el("button", { type: "button", class: "link" }, text("match_show"));
    button.addEventListener("click", () => OneMap.goTo(layer, id));
    return button;
  }

  function holderItem(holder) {
    const button = el("button", { type: "button", class: "link" }, text("parcel", { id: holder.parcel_id }));
    button.addEventListener("click", () => OneMap.goTo("parcel", holder.parcel_id));
    return el("li", {}, button, text("match_holder", {
      kw: number(holder.allocated_kw, "kW"), length: number(holder.length_m, "m"),
    }));
  }

  async function displaced(found) {
    const { displaced_layer: layer, displaced_id: id } = found.parcel;
    if (!id) return null;
    return el(
      "details", { class: "more displaced", open: found.holders.length > 0 && found.holders.length < 6 },
      el("summary", {}, text("match_displaced", { source: await sourceName(layer, id) })),
      found.holders.length
        ? el("ul", {}, found.holders.map(holderItem)) : el("p", { class: "note" }, text("match_no_holder")),
    );
  }

  async function body(found) {
    const { parcel } = found;
    if (parcel.heat_load_kw === null) return [el("p", { class: "note" }, text("match_unknown_load"))];
    if (!(parcel.heat_load_kw > 0)) return [el("p", { class: "note" }, text("match_no_load"))];
    const parts = partsOf(found);
    const reason = OneMap.config.match.reasons[parcel.unmet_reason];
    return [
      bar(parts, parcel),
      el("ul", { class: "parts" }, await Promise.all(parts.map((part) => partItem(part, parcel.heat_load_kw)))),
      OneMap.parts.rows([
        ["unmet", number(parcel.unmet_kw, "kW")],
        ["new_energy_share", share(parcel.installed_share_frac)],
        ["without_air", share(parcel.share_without_air_frac)],
        parcel.shortfall_kw > 0 ? ["match_shortfall", number(parcel.shortfall_kw, "kW")] : null,
      ]),
      reason ? el("p", { class: "why-not" }, el("b", {}, text("match_why")), OneMap.pick(reason)) : null,
      await displaced(found),
    ];
  }

  async function fill(place, scenario, id) {
    let parts;
    try {
      parts = await body(await OneMap.match.parcel(scenario, id));
    } catch (error) {
      parts = [el("p", { class: "note" }, text("match_not_in_run", { text: error.message }))];
    }
    place.replaceChildren(...parts.filter(Boolean));
  }

  /* The section of the parcel panel; nothing where no run is kept. */
  OneMap.matchSection = (id) => {
    const scenario = OneMap.match.scenario();
    if (!scenario) return null;
    const place = el("div", {}, el("p", { class: "note" }, text("loading")));
    fill(place, scenario, id);
    return el(
      "section", { id: "parcel-match" }, el("h3", {}, text("match")),
      el("p", { class: "note" }, text("match_scenario_is", { name: OneMap.match.titleOf(scenario) })),
      OneMap.match.staleNote(scenario), place,
    );
  };

  /* Fly to a feature of a layer and ring it for as long as nothing else is looked at. */
  OneMap.goTo = async (layer, id) => {
    let found;
    try {
      found = await featureOf(layer, id);
    } catch (error) {
      OneMap.hint(text("failed", { text: error.message }));
      return;
    }
    if (!found.bbox) {
      OneMap.hint(text("match_no_place", { name: found.name || id }));
      return;
    }
    OneMap.ring(null);
    const [west, south, east, north] = found.bbox;
    OneMap.map.fitBounds([[south, west], [north, east]], { maxZoom: 15, padding: [40, 40] });
    OneMap.ring(L.latLngBounds([[south, west], [north, east]]), found.name || id);
  };

  /* Ring a place with its name, or (null) take the ring away. */
  OneMap.ring = (bounds, name) => {
    if (mark) mark.remove();
    mark = null;
    if (!bounds) return;
    const style = { pane: "onemap-selection", interactive: false, fill: false, color: "#111827", weight: 2.5, dashArray: "6 4" };
    const around = bounds.getNorthEast().distanceTo(bounds.getSouthWest()) < 30
      ? L.circleMarker(bounds.getCenter(), { ...style, radius: 16 }) : L.rectangle(bounds, style);
    const label = L.marker(bounds.getCenter(), {
      icon: L.divIcon({ className: "district-label ring-label", html: el("span", {}, name), iconSize: null }),
      interactive: false, keyboard: false, pane: "onemap-labels",
    });
    mark = L.layerGroup([around, label]).addTo(OneMap.map);
  };
})();
