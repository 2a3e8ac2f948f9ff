/* Rasters on the map: pictures of cells, their legend, and the values at a place. */
(function () {
  "use strict";
  const { el, text, pick, number } = OneMap;
  const PANE = "onemap-raster";
  // What a legend tells, asked for when a raster is first shown.
  const told = {};
  const isRaster = (layer) => layer.geometry === "raster";
  const entries = () => OneMap.config.layers.filter((layer) => isRaster(layer) && layer.loaded);

  const gradient = (stops) => `linear-gradient(90deg, ${stops.map(([, colour]) => colour).join(", ")})`;

  /* Colours with the values at both ends; of the potential also what it stands for, and its file. */
  function legendOf(layer) {
    const { tiles, potential, error } = told[layer.id];
    const bar = el("span", { class: "raster-bar", "aria-hidden": "true" });
    bar.style.setProperty("--stops", gradient(tiles ? tiles.stops : []));
    const digits = (value) => number(value, null, value < 10 ? 1 : 0);
    const ends = tiles ? [tiles.stops[0][0], tiles.stops[tiles.stops.length - 1][0]].map(digits) : ["", ""];
    const body = error
      ? el("p", { class: "error", role: "alert" }, text("failed", { text: error }))
      : el("div", { class: "raster-scale" }, el("span", {}, ends[0]), bar, el("span", {}, ends[1]));
    const grey = el("span", { class: "swatch swatch-fill", "aria-hidden": "true" });
    grey.style.setProperty("--colour", tiles ? tiles.excluded : null);
    return el(
      "li", { class: "raster-legend", "data-raster": layer.id },
      el("p", { class: "raster-title" }, el("b", {}, pick(layer.title)), ` ${OneMap.unit(layer.unit)}`), body,
      tiles && tiles.excluded ? el("p", { class: "raster-excluded" }, grey, text("raster_excluded")) : null,
      potential ? el("p", { class: "note" }, text("raster_potential_note", {
        balance: number(potential.reference.balance_frac, null, 2),
        hours: number(potential.reference.full_load_h),
        years: number(potential.parameters.lifetime_a),
        spacing: number(potential.parameters.borehole_spacing_m, null, 1),
        depth: number(potential.parameters.borehole_depth_m),
      })) : null,
      potential && !potential.current ? el("p", { class: "note raster-stale" }, text("raster_stale")) : null,
      potential ? el("a", { href: potential.file, download: "" }, text("raster_file")) : null,
    );
  }

  async function ask(layer) {
    told[layer.id] = {};
    try {
      const [tiles, potential] = await Promise.all([
        OneMap.getJson(`/tiles/${layer.id}.json`), layer.potential ? OneMap.getJson("/api/potential") : null,
      ]);
      told[layer.id] = { tiles, potential };
    } catch (error) {
      told[layer.id] = { error: error.message };
    }
    OneMap.rasters.drawLegend();
  }

  OneMap.rasters = {
    isRaster,

    /* The layers of Leaflet by id, for the switches. */
    grids(map) {
      map.createPane(PANE).style.zIndex = 402;
      return Object.fromEntries(entries().map(({ id, version }) => [id, L.tileLayer(`/tiles/${id}/{z}/{x}/{y}.png?v={version}`, {
        version, pane: PANE, className: "raster-tile", minZoom: map.getMinZoom(), maxZoom: map.getMaxZoom(),
      })]));
    },

    swatch() {
      return el("span", { class: "swatch swatch-raster" });
    },

    drawLegend() {
      const shown = entries().filter((layer) => OneMap.controls.shown().includes(layer.id));
      shown.filter((layer) => !told[layer.id]).forEach(ask);
      document.getElementById("legend-rasters").replaceChildren(...shown.map(legendOf));
    },

    /* What the rasters that are shown have at a place. */
    async valuesAt(lon, lat) {
      const ids = entries().map((layer) => layer.id).filter((id) => OneMap.controls.shown().includes(id));
      if (!ids.length) return [];
      const query = new URLSearchParams({ lon: lon.toFixed(7), lat: lat.toFixed(7), layers: ids.join(",") });
      return (await OneMap.getJson(`/api/rasters/values?${query}`)).values;
    },

    /* Values at a place, as a part of the panel. */
    section(values) {
      if (!values.length) return [];
      const layers = Object.fromEntries(entries().map((layer) => [layer.id, layer]));
      const shown = ({ id, unit, value }) => {
        if (value === null) return text(layers[id].potential ? "raster_none_potential" : "raster_none");
        const figure = OneMap.value(value, unit);
        return value === 0 && layers[id].potential ? `${figure}　${text("raster_excluded_short")}` : figure;
      };
      return [
        el("h3", {}, text("raster_values")),
        el("dl", { class: "figures raster-values" }, values.flatMap((one) => [el("dt", {}, pick(one.title)), el("dd", {}, shown(one))])),
      ];
    },
  };
})();
