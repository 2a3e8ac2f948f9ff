/* The address of what is shown: place, layers, run, comparison, filter, parcel, dashboard and language. */
(function () {
  "use strict";
  const { text } = OneMap;
  const FILTER = ["technology", "status", "district", "land_use_class", "score_min", "score_max"];
  const OWN = ["at", "layers", "scenario", "compare", "parcel", "targets", ...FILTER];
  const WAIT_MS = 250;
  // The run that is shown where a link names none.
  const USUAL_RUN = "base";
  const state = { parcel: null, ready: false, timer: null, gone: [] };

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
    const shown = OneMap.controls.lasting().sort().join(",");
    if (shown !== usual()) url.searchParams.set("layers", shown || "none");
    const scenario = OneMap.match.scenario();
    if (scenario && scenario !== USUAL_RUN) url.searchParams.set("scenario", scenario);
    if (OneMap.swipe.isOn()) url.searchParams.set("compare", OneMap.swipe.query());
    new URLSearchParams(OneMap.filter.query()).forEach((value, name) => url.searchParams.append(name, value));
    if (state.parcel) url.searchParams.set("parcel", state.parcel);
    if (OneMap.dashboard.isOpen()) url.searchParams.set("targets", OneMap.dashboard.place());
    // Commas and colons are as good as %2C and %3A there, and shorter to read.
    url.search = url.searchParams.toString().replace(/%2C/g, ",").replace(/%3A/g, ":");
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

  /* Whether a run of the link is there; of one that is not, the name is kept to be told. */
  function hasRun(scenario) {
    const found = OneMap.match.run(scenario) !== null;
    if (!found) state.gone.push(scenario.slice(0, 40));
    return found;
  }

  function restoreScenario(asked) {
    const scenario = asked.get("scenario");
    if (!scenario) return [];
    if (!OneMap.match.isListed()) return [`scenario=${scenario.slice(0, 40)}`];
    if (hasRun(scenario)) OneMap.match.choose(scenario);
    return [];
  }

  function restoreComparison(asked) {
    if (!asked.has("compare")) return [];
    const found = OneMap.match.isListed() ? OneMap.swipe.read(asked.get("compare")) : null;
    if (!found) return [`compare=${asked.get("compare").slice(0, 40)}`];
    if (found.scenarios.map(hasRun).every(Boolean)) OneMap.swipe.open(found.pair, found.percent);
    return [];
  }

  /* What of the link could not be shown, in words; nothing where all was. */
  function told(wrong) {
    const gone = [...new Set(state.gone)];
    return [
      wrong.length ? text("share_ignored", { names: wrong.join("、") }) : null,
      gone.length ? text("share_gone", { names: gone.join("、") }) : null,
    ].filter(Boolean).join(" ");
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
      wrong.push(
        ...restoreScenario(asked), ...restoreLayers(asked), ...restoreComparison(asked), ...await restoreParcel(asked),
        ...await OneMap.dashboard.restore(asked),
      );
      const words = told(wrong);
      if (words) OneMap.hint(words);
      state.ready = true;
      map.on("moveend", later);
      OneMap.filter.onChange(later);
      later();
    },
  };
})();
