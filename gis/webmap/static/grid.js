/* Vector tiles on canvas: styles by layer, technology and status. */
(function () {
  "use strict";
  // VectorGrid 1.3 calls this; Leaflet dropped it in 1.8.
  L.DomEvent.fakeStop = L.DomEvent.fakeStop || function () {};

  const NONE = OneMap.noneColour;
  const { colourOf } = OneMap;
  const patterns = {};

  /* Diagonal lines in the technology's colour on a light ground: conditional, not only paler. */
  function hatch(colour) {
    if (!patterns[colour]) {
      const size = 6;
      const canvas = document.createElement("canvas");
      canvas.width = canvas.height = size;
      const draw = canvas.getContext("2d");
      draw.fillStyle = colour;
      draw.globalAlpha = 0.25;
      draw.fillRect(0, 0, size, size);
      draw.globalAlpha = 1;
      draw.strokeStyle = colour;
      draw.lineWidth = 1.8;
      draw.beginPath();
      [-size, 0, size].forEach((shift) => {
        draw.moveTo(shift - 1, size + 1);
        draw.lineTo(shift + size + 1, -1);
      });
      draw.stroke();
      patterns[colour] = draw.createPattern(canvas, "repeat");
    }
    return patterns[colour];
  }

  function resultStyle(properties, zoom) {
    const cell = zoom <= OneMap.config.cellMaxZoom;
    const colour = colourOf(properties.recommended);
    const conditional = properties.recommended && properties.recommended_status !== "suitable";
    return {
      fill: true,
      // A cell is too small for hatching: there, conditional is paler.
      fillColor: conditional && !cell ? hatch(colour) : colour,
      fillOpacity: !properties.recommended ? 0.45 : conditional && cell ? 0.5 : 0.9,
      // Between cells and zoom 14 a parcel is a few pixels: an edge would cost as much as the rest and show nothing.
      stroke: cell || zoom >= 14,
      color: cell ? "#ffffff" : colour,
      weight: cell ? 0.3 : 1,
      opacity: 1,
    };
  }

  /* Parcels, or cells, by the technology that carries most of them; hatched where the load is not known. */
  function matchStyle(properties, zoom) {
    const cell = zoom <= OneMap.config.cellMaxZoom;
    const colour = colourOf(properties.matched);
    const unknown = properties.unmet_reason === "unknown_load";
    return {
      fill: true, fillColor: unknown ? hatch(NONE) : colour, fillOpacity: properties.matched || unknown ? 0.9 : 0.35,
      stroke: true, color: cell ? "#ffffff" : colour, weight: cell ? 0.3 : zoom >= 14 ? 1 : 0.5, opacity: 1,
    };
  }

  /* A line to a source: light at the edge, so that it stands out from parcels of its own colour. */
  function connectionStyle(properties, zoom) {
    const weight = zoom < 14 ? 1.6 : 2.6;
    const line = { stroke: true, fill: false, opacity: 1, lineCap: "round" };
    return [
      { ...line, color: "#ffffff", weight: weight + 2.4 },
      { ...line, color: dark(colourOf(properties.technology)), weight },
    ];
  }

  // What is left to a main from here on, in kW: from nothing (less is rounding to whole watts) upwards.
  const LEFT = [
    { least: 20000, colour: "#08519c", title: "legend_left_much" },
    { least: 5000, colour: "#4292c6", title: "legend_left_some" },
    { least: 0.01, colour: "#f0a202", title: "legend_left_little" },
    { least: -Infinity, colour: "#b2182b", title: "legend_left_none" },
  ];

  /* A main by what is left to it and what follows: light at the edge, as it lies on its own layer. */
  function segmentStyle(properties, zoom) {
    const weight = zoom < 12 ? 2.4 : 4;
    const line = { stroke: true, fill: false, opacity: 1, lineCap: "butt" };
    const { colour } = LEFT.find((one) => properties.left_kw >= one.least);
    return [{ ...line, color: "#ffffff", weight: weight + 2.4 }, { ...line, color: colour, weight }];
  }

  const dark = (colour) => `#${[1, 3, 5].map((at) => Math.round(parseInt(colour.slice(at, at + 2), 16) * 0.62)
    .toString(16).padStart(2, "0")).join("")}`;

  function layerStyle(style, geometry, zoom) {
    const line = { stroke: true, color: style.colour, weight: style.width_px, opacity: 0.95, dashArray: style.dash };
    if (geometry === "point") {
      return {
        // From afar the dots of a city would cover one another.
        radius: style.radius_px * (zoom < 10 ? 0.65 : zoom < 12 ? 0.8 : 1), fill: true, fillColor: style.colour, fillOpacity: 0.95,
        stroke: true, color: "#ffffff", weight: zoom < 12 ? 1 : 1.5, opacity: 1,
      };
    }
    if (geometry === "line") return { ...line, fill: false };
    return { ...line, fill: style.fill_opacity > 0, fillColor: style.colour, fillOpacity: style.fill_opacity * (zoom < 12 ? 1 : 0.6) };
  }

  Object.assign(OneMap, {
    leftClasses: LEFT,

    /* The style function VectorGrid asks for each feature of a layer. */
    styleOf(layer) {
      const own = { parcel_suitability: resultStyle, match_parcel: matchStyle, match_connection: connectionStyle, match_segment: segmentStyle };
      if (own[layer]) return own[layer];
      return (properties, zoom) => {
        const spec = OneMap.config.layers.find((entry) => entry.id === layer);
        // Bare parcel outlines lie over the results, so they carry no fill of their own.
        const style = layer === "parcel" ? { ...spec.style, fill_opacity: 0 } : spec.style;
        return layerStyle(style, spec.geometry, zoom);
      };
    },

    /* A canvas per tile with the screen's own pixels. */
    tileRenderer(coords, size, options) {
      const tile = L.canvas.tile(coords, size, options);
      sharpen(tile.getContainer(), size);
      return tile;
    },
  });

  // VectorGrid makes objects of every feature and draws each alone, which takes seconds for all parcels of a view.
  // What all parcels of a look have in common is drawn at once.
  const LOOKS = { parcel_suitability: ["recommended", "recommended_status"], match_parcel: ["matched", "unmet_reason"], parcel: [] };
  const createTile = L.VectorGrid.prototype.createTile;

  function sharpen(canvas, size) {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    canvas.width = size.x * ratio;
    canvas.height = size.y * ratio;
    canvas.getContext("2d").scale(ratio, ratio);
  }

  function paint(draw, path, style) {
    if (style.fill) {
      draw.globalAlpha = style.fillOpacity;
      draw.fillStyle = style.fillColor;
      draw.fill(path, "evenodd");
    }
    if (!style.stroke) return;
    draw.globalAlpha = style.opacity;
    draw.strokeStyle = style.color;
    draw.lineWidth = style.weight;
    draw.setLineDash(style.dashArray ? style.dashArray.split(/[ ,]+/).map(Number) : []);
    draw.lineJoin = "round";
    draw.stroke(path);
  }

  function paintAreas(canvas, { features, extent }, size, properties, styleFor) {
    const scale = size.x / extent;
    const looks = new Map();
    features.forEach((feature) => {
      const look = properties.map((name) => feature.properties[name]).join();
      if (!looks.has(look)) looks.set(look, { path: new Path2D(), style: styleFor(feature.properties) });
      const { path } = looks.get(look);
      // Rings end where they began; to close each as well takes Chromium longer than all the rest.
      feature.geometry.forEach((ring) => ring.forEach((point, at) => {
        if (at) path.lineTo(point.x * scale, point.y * scale); else path.moveTo(point.x * scale, point.y * scale);
      }));
    });
    looks.forEach(({ path, style }) => paint(canvas.getContext("2d"), path, style));
  }

  L.VectorGrid.include({
    createTile(coords, done) {
      const [layer] = Object.keys(this.options.vectorTileLayerStyles);
      if (!LOOKS[layer]) return createTile.call(this, coords, done);
      const size = this.getTileSize();
      const canvas = L.DomUtil.create("canvas", "leaflet-tile");
      sharpen(canvas, size);
      this._getVectorTilePromise(coords).then((tile) => {
        const styleFor = (properties) => this.options.vectorTileLayerStyles[layer](properties, coords.z);
        if (tile.layers[layer]) paintAreas(canvas, tile.layers[layer], size, LOOKS[layer], styleFor);
        L.Util.requestAnimFrame(() => done(null, canvas));
      });
      return canvas;
    },
  });
})();
