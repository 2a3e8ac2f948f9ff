/* The address of what is shown: place, layers, filter, parcel, dashboard and language, kept in the address bar. */
(function () {
  "use strict";
  const { text } = OneMap;
  const FILTER = ["technology", "status", "district", "land_use_class", "score_min", "score_max"];
  const OWN = ["at", "layers", "parcel", "targets", ...FILTER];
  const WAIT_MS = 250;
  const state = { parcel: null, ready: false, timer: null };

  /* Latitude, longitude and zoom of the middle of the map, to about a metre. */
  function place() {
    const { lat, lng } = OneMap.map.getCenter();
    return `${lat.toFixed(5)},${lng.toFixed(5)},${OneMap.map.getZoom()}`;
  }

  const usual = () => OneMap.config.layers.filter((layer) => layer.loaded && layer.visible).map((layer) => layer.id).sort().join(",");

  /* Put what is shown into the address; what is not ours in it stays. */
  function write() {
    if (!state.ready) return;
    const url = new URL(location.href);
    OWN.forEach((name) => url.searchParams.delete(name));
    url.searchParams.set("at", place());
    const shown = OneMap.controls.shown().sort().join(",");
    if (shown !== usual()) url.searchParams.set("layers", shown || "none");
    new URLSearchParams(OneMap.filter.query()).forEach((value, name) => url.searchParams.append(name, value));
    if (state.parcel) url.searchParams.set("parcel", state.parcel);
    if (OneMap.dashboard.isOpen()) url.searchParams.set("targets", OneMap.dashboard.place());
    // Commas are as good as %2C there, and shorter to read.
    url.search = url.searchParams.toString().replace(/%2C/g, ",");
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  }

  /* Browsers refuse to have the address changed for every pixel of a drag. */
  function later() {
    clearTimeout(state.timer);
    state.timer = setTimeout(write, WAIT_MS);
  }

  function restorePlace(asked) {
    if (!asked.has("at")) return [];
    const parts = asked.get("at").split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
    const [lat, lon, zoom] = parts;
    const map = OneMap.map;
    const fits = parts.length === 3 && Math.abs(lat) <= 85 && Math.abs(lon) <= 180 && zoom >= map.getMinZoom() && zoom <= map.getMaxZoom();
    if (!fits) return [`at=${asked.get("at").slice(0, 40)}`];
    map.setView([lat, lon], Math.round(zoom), { animate: false });
    return [];
  }

  /* Show the layers of the link and no others; layers of matching may come a little later. */
  function restoreLayers(asked) {
    if (!asked.has("layers")) return [];
    const wanted = asked.get("layers").split(",").filter((id) => id && id !== "none");
    return OneMap.controls.showOnly(wanted).map((id) => `layers=${id.slice(0, 40)}`);
  }

  async function restoreParcel(asked) {
    const id = asked.get("parcel");
    if (!id) return [];
    try {
      const { geometry, properties } = await OneMap.getJson(`/ogc/collections/parcel/items/${encodeURIComponent(id)}`);
      const parcel = { parcel_id: id, name: properties.name, synthetic: properties.synthetic, geometry };
      if (!asked.has("at")) OneMap.map.fitBounds(L.geoJSON(geometry).getBounds(), { maxZoom: 16, animate: false });
      await OneMap.panel.show({ parcels: [parcel], features: [] }, parcel);
      return [];
    } catch (error) {
      return [`parcel=${id.slice(0, 40)}`];
    }
  }

  async function copy() {
    write();
    try {
      await navigator.clipboard.writeText(location.href);
      OneMap.hint(text("share_copied"));
    } catch (error) {
      OneMap.hint(text("share_failed"));
    }
  }

  OneMap.link = {
    /* Before the map is drawn: the place and the filter of the link. What is not understood is returned. */
    restoreView() {
      const asked = new URLSearchParams(location.search);
      return [...restorePlace(asked), ...OneMap.filter.restore(asked)];
    },

    /* The parcel that is selected, or null. */
    select(id) {
      state.parcel = id;
      later();
    },

    changed: later,

    /* After the layers are there: those of the link, then its parcel; from then on the address follows. */
    async start(map, wrong) {
      document.getElementById("share-copy").addEventListener("click", copy);
      const asked = new URLSearchParams(location.search);
      wrong.push(...restoreLayers(asked), ...await restoreParcel(asked), ...await OneMap.dashboard.restore(asked));
      if (wrong.length) OneMap.hint(text("share_ignored", { names: wrong.join("、") }));
      state.ready = true;
      map.on("moveend", later);
      OneMap.filter.onChange(later);
      later();
    },
  };
})();
