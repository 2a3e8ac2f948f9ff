/* Wires the map: panes, scale, clicks, selection, language. */
(function () {
  "use strict";
  // Areas lie under the results, so that their tint does not change the colours of the legend.
  const PANES = { area: 403, result: 410, outline: 420, line: 440, point: 450, selection: 460, labels: 470 };
  const CLEAR_PX = 40;
  let selection = null;
  let asked = 0;
  let hintTimer = null;

  /* Ask what lies at a place and show it: the parcel that is wanted, or else the smallest of those that pass a filter. */
  async function identify(map, at, wanted, filter) {
    const turn = ++asked;
    const { lng, lat } = at.wrap();
    const layers = OneMap.controls.shown().filter(
      (id) => !OneMap.config.layers.some((layer) => layer.id === id && OneMap.rasters.isRaster(layer)) && !["parcel_suitability", "match_parcel", "match_segment", "swipe", "site", "parcel", "district", "township"].includes(id),
    );
    const query = new URLSearchParams({
      lon: lng.toFixed(7), lat: lat.toFixed(7), zoom: String(Math.round(map.getZoom())), layers: layers.join(","),
    });
    new URLSearchParams(filter).forEach((value, name) => query.append(name, value));
    const waiting = setTimeout(() => OneMap.hint(OneMap.text("loading")), 300);
    try {
      const [found, rasters] = await Promise.all([OneMap.getJson(`/api/identify?${query}`), OneMap.rasters.valuesAt(lng, lat)]);
      clearTimeout(waiting);
      if (turn !== asked) return;
      found.rasters = rasters;
      found.reveal = () => {
        OneMap.filter.clear();
        identify(map, at);
      };
      if (found.parcels.length || found.features.length || rasters.length) {
        document.getElementById("map-hint").hidden = true;
        OneMap.panel.show(found, found.parcels.find((p) => p.parcel_id === wanted) || found.parcels[0]);
      } else if (found.hidden_parcel_count) {
        OneMap.panel.close();
        OneMap.hint(OneMap.filter.hidden(found));
      } else {
        OneMap.panel.close();
        OneMap.hint(OneMap.text(map.getZoom() <= OneMap.config.cellMaxZoom + 1 ? "zoom_hint" : "nothing_here"));
      }
    } catch (error) {
      OneMap.hint(OneMap.text("failed", { text: error.message }));
    } finally {
      clearTimeout(waiting);
    }
  }

  /* Move the map until the whole of some bounds is clear of its edges, or their middle where they are too large. */
  function bringIntoSight(map, bounds) {
    const room = map.getSize();
    const box = L.bounds(map.latLngToContainerPoint(bounds.getNorthWest()), map.latLngToContainerPoint(bounds.getSouthEast()));
    const size = box.getSize();
    const fits = size.x + 2 * CLEAR_PX <= room.x && size.y + 2 * CLEAR_PX <= room.y;
    const [least, most] = fits ? [box.min, box.max] : [box.getCenter(), box.getCenter()];
    const step = (low, high, end) => Math.min(0, low - CLEAR_PX) + Math.max(0, high + CLEAR_PX - end);
    const by = L.point(step(least.x, most.x, room.x), step(least.y, most.y, room.y));
    if (by.x || by.y) map.panBy(by);
  }

  Object.assign(OneMap, {
    /* Outline the selected parcel and keep it in view beside or above the panel. */
    select(parcel) {
      if (selection) selection.remove();
      selection = null;
      const map = OneMap.map;
      map.invalidateSize({ pan: false });
      if (!parcel) return;
      const style = { fill: false, opacity: 1, pane: "onemap-selection", interactive: false };
      selection = L.layerGroup([
        L.geoJSON(parcel.geometry, { ...style, style: { ...style, color: "#ffffff", weight: 5 } }),
        L.geoJSON(parcel.geometry, { ...style, style: { ...style, color: "#111827", weight: 2 } }),
      ]).addTo(map);
      bringIntoSight(map, L.geoJSON(parcel.geometry).getBounds());
    },

    identify: (at, wanted) => identify(OneMap.map, at, wanted),

    /* Give the focus back to where it came from, or to the map where that is gone or hidden. */
    focusOn(element) {
      if (element && element.isConnected) element.focus({ preventScroll: true });
      if (document.activeElement !== element) OneMap.map.getContainer().focus({ preventScroll: true });
    },

    /* A short message over the map, gone by itself. */
    hint(...message) {
      const box = document.getElementById("map-hint");
      box.replaceChildren(...message.flat());
      box.hidden = false;
      clearTimeout(hintTimer);
      hintTimer = setTimeout(() => { box.hidden = true; }, 5000);
    },

    start(map, grids) {
      OneMap.map = map;
      OneMap.config = JSON.parse(document.getElementById("onemap-config").textContent);
      Object.entries(PANES).forEach(([name, order]) => {
        const pane = map.createPane(`onemap-${name}`);
        pane.style.zIndex = order;
        if (name === "labels" || name === "selection") pane.style.pointerEvents = "none";
      });
      L.control.scale({ imperial: false, position: "bottomleft", maxWidth: 120 }).addTo(map);
      let zoom = null;
      OneMap.onLanguage(() => {
        if (zoom) zoom.remove();
        zoom = L.control.zoom({
          position: "topleft", zoomInTitle: OneMap.text("zoom_in"), zoomOutTitle: OneMap.text("zoom_out"),
        }).addTo(map);
      });
      // Whoever goes by keyboard comes to the map after the bar and the layers, as it is seen.
      const container = map.getContainer();
      document.getElementById("layers-panel").after(container);
      container.setAttribute("role", "main");
      container.dataset.label = "map_label";
      const [west, south, east, north] = OneMap.config.bounds;
      map.invalidateSize();
      map.fitBounds([[south, west], [north, east]], { padding: [2, 2], animate: false });
      const misread = OneMap.link.restoreView();
      OneMap.swipe.start(map, grids);
      OneMap.filter.start([grids.parcel_suitability, ...OneMap.swipe.resultGrids()]);
      OneMap.controls.start(map, grids);
      OneMap.panel.start();
      OneMap.find.start(map);
      OneMap.evidence.start(map);
      OneMap.clauses.start();
      OneMap.tools.start(map);
      OneMap.matchPanel.start();
      OneMap.dashboard.start();
      const failed = (error) => OneMap.hint(OneMap.text("failed", { text: error.message }));
      const waited = [OneMap.sign.start().then(OneMap.exports.start).catch(failed)];
      const [results] = OneMap.config.layers;
      ["match-entry", "dashboard-open"].forEach((id) => { document.getElementById(id).hidden = results.withheld; });
      if (!results.withheld) {
        OneMap.changes.start(map);
        waited.push(OneMap.sites.start(map).catch(failed), OneMap.match.start(grids).catch(failed));
      }
      Promise.all(waited).then(() => OneMap.link.start(map, misread));
      const badge = document.getElementById("synthetic-badge");
      badge.hidden = !OneMap.config.layers.some((layer) => layer.synthetic);
      const button = document.getElementById("language-switch");
      button.addEventListener("click", () => OneMap.setLanguage(OneMap.language() === "en" ? "zh" : "en"));
      OneMap.onLanguage(() => {
        button.textContent = OneMap.text("other_language");
        button.setAttribute("aria-label", OneMap.text("other_language_label"));
        button.lang = OneMap.language() === "en" ? "zh-CN" : "en";
      });
      map.on("click", (event) => {
        if (OneMap.draw.active()) return;
        OneMap.controls.closeDrawer();
        OneMap.ring(null);
        identify(map, event.latlng, null, OneMap.filter.hides());
      });
      document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || OneMap.matchPanel.isOpen() || OneMap.dashboard.isOpen()) return;
        if (document.body.classList.contains("drawer-open")) OneMap.controls.closeDrawer();
        else if (OneMap.panel.isOpen()) OneMap.panel.close();
      });
      OneMap.applyLanguage();
    },
  });
})();
