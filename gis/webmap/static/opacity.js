/* How strongly each layer is drawn, as long as the page is open. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const chosen = {};

  /* The slider of a layer that is shown by `grids`. */
  OneMap.opacitySlider = (layer, title, grids) => {
    const made = el("input", {
      type: "range", class: "opacity", min: "10", max: "100", step: "5", "data-opacity": layer,
      "aria-label": text("opacity", { title }), title: text("opacity", { title }),
    });
    const tell = () => made.setAttribute("aria-valuetext", `${made.value}%`);
    made.value = chosen[layer] || 100;
    made.addEventListener("input", () => {
      chosen[layer] = Number(made.value);
      grids.forEach((grid) => grid.setOpacity(chosen[layer] / 100));
      tell();
    });
    tell();
    return made;
  };
})();
