/* The map and the open panel on paper: the same view, all that is folded unfolded, title and dates. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const WIDTH_PX = 700, HEIGHT_PX = 560;
  let folded = [];

  function dataDate() {
    const days = OneMap.config.layers.map((layer) => layer.loaded_at).filter(Boolean).sort();
    return days.length ? OneMap.day(days[days.length - 1]) : text("unknown");
  }

  function prepare() {
    const map = OneMap.map.getContainer();
    const { clientWidth: width, clientHeight: height } = map;
    const style = document.documentElement.style;
    style.setProperty("--print-width", `${width}px`);
    style.setProperty("--print-height", `${height}px`);
    style.setProperty("--print-zoom", Math.min(WIDTH_PX / width, HEIGHT_PX / height, 1));
    const synthetic = OneMap.config.layers.some((layer) => layer.synthetic);
    document.getElementById("print-head").replaceChildren(
      el("h1", {}, text("document_title")),
      el("p", {}, text("print_dates", { printed: OneMap.day(Date.now()), data: dataDate() })),
      ...(synthetic ? [el("p", { class: "synthetic-hint" }, text("print_synthetic"))] : []),
    );
    folded = [...document.querySelectorAll("#parcel-panel details:not([open])")];
    folded.forEach((one) => { one.open = true; });
  }

  function restore() {
    folded.forEach((one) => { one.open = false; });
    folded = [];
  }

  OneMap.printing = {
    print: () => window.print(),

    start() {
      document.body.prepend(el("div", { id: "print-head" }));
      window.addEventListener("beforeprint", prepare);
      window.addEventListener("afterprint", restore);
    },
  };
})();
