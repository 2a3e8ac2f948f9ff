// Parcels by technology on a map of their own, with nothing but Leaflet; every text is set as text.
function drawParcels(map, data) {
  "use strict";
  function el(tag, name, text) {
    const made = document.createElement(tag);
    made.className = name;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  function tooltip(layer) {
    const table = el("table", "parcel-tip");
    layer.feature.properties.t.forEach((text, i) => {
      const row = table.appendChild(el("tr", ""));
      row.append(el("th", "", data.names[i]), el("td", "", text));
    });
    return table;
  }
  L.geoJSON(data.parcels, {
    style: (feature) => {
      const colour = data.legend[feature.properties.k].colour;
      return { color: colour, weight: 1, fillColor: colour, fillOpacity: 0.75 };
    },
  }).bindTooltip(tooltip, { sticky: true, opacity: 1 }).addTo(map);
  const legend = L.control({ position: "bottomright" });
  legend.onAdd = () => {
    const box = el("div", "parcel-legend");
    box.appendChild(el("strong", "", data.title));
    data.legend.forEach((entry) => {
      const row = box.appendChild(el("div", "row"));
      const swatch = row.appendChild(el("span", "swatch"));
      swatch.style.background = entry.colour;
      row.append(el("span", "", entry.title), el("span", "count", entry.count));
    });
    return box;
  };
  legend.addTo(map);
  L.control.scale({ imperial: false }).addTo(map);
  map.attributionControl.setPrefix("OneMap · Leaflet");
}
