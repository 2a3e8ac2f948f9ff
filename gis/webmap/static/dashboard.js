/* The dashboard of targets: its dialog, the place that is looked at, its link and its print. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const { CITY, keyOf, nameOf, rowOf, parts } = OneMap.dashboardViews;
  const state = { place: CITY, answer: null, turn: 0 };
  const dialog = () => document.getElementById("dashboard-dialog");
  const body = () => document.getElementById("dashboard-body");

  function choose(place) {
    state.place = place;
    body().scrollTop = 0;
    draw();
    document.getElementById("dashboard-place").focus();
    OneMap.link.changed();
  }

  /* The district on the map, where it has an outline there. */
  function zoomButton() {
    const label = OneMap.config.labels.find((one) => one.zh === state.place);
    if (!label) return null;
    const button = el("button", { type: "button", id: "dashboard-zoom", class: "link" }, text("dashboard_zoom"));
    button.addEventListener("click", () => {
      dialog().close();
      OneMap.goTo("district", label.id);
    });
    return button;
  }

  function drawHead() {
    const head = document.getElementById("dashboard-head");
    const places = [CITY, ...state.answer.rows.map(keyOf)];
    const box = el("select", { id: "dashboard-place" }, places.map((key) => el("option", { value: key, selected: key === state.place }, nameOf(key))));
    box.addEventListener("change", () => choose(box.value));
    const print = el("button", { type: "button", id: "dashboard-print", class: "link" }, text("dashboard_print"));
    print.addEventListener("click", () => OneMap.printing.print());
    head.hidden = false;
    head.replaceChildren(...[
      el("label", { class: "field" }, text("dashboard_place"), box), zoomButton(),
      el("a", { href: "/api/summary?by=district&format=csv", download: true, id: "dashboard-csv" }, text("dashboard_csv")), print,
      el("span", { class: "note" }, text("dashboard_as_of", { day: state.answer.as_of })),
    ].filter(Boolean));
  }

  /* Drawn anew; the control that had the focus has it again. */
  function draw() {
    const held = dialog().contains(document.activeElement) ? document.activeElement.id : "";
    drawHead();
    body().replaceChildren(...parts(state.answer, state.place, choose, draw).filter(Boolean));
    OneMap.charts.drawAll();
    if (held && document.getElementById(held)) document.getElementById(held).focus();
  }

  /* The figures of now: those of an earlier look may have changed. */
  async function load() {
    const turn = ++state.turn;
    body().setAttribute("aria-busy", "true");
    try {
      const answer = await OneMap.getJson("/api/summary?by=district");
      if (turn !== state.turn) return;
      state.answer = answer;
      if (!rowOf(answer, state.place)) state.place = CITY;
      draw();
      document.getElementById("dashboard-place").focus();
    } catch (error) {
      if (turn !== state.turn) return;
      state.answer = null;
      document.getElementById("dashboard-head").hidden = true;
      body().replaceChildren(el("p", { class: "error", role: "alert" }, text("failed", { text: error.message })));
    }
    body().removeAttribute("aria-busy");
  }

  function open() {
    OneMap.controls.closeDrawer();
    dialog().showModal();
    document.body.classList.add("dashboard-open");
    OneMap.link.changed();
    return load();
  }

  /* On paper the charts have the width of the page, and the tables all their columns. */
  function fitPaper(on) {
    dialog().classList.toggle("on-paper", on && dialog().open);
    OneMap.charts.fit();
  }

  OneMap.dashboard = {
    isOpen: () => dialog().open,

    /* The place that is looked at, as a link names it. */
    place: () => state.place,

    /* Open at the place of a link; one that is not known is returned, and the city shown. */
    async restore(asked) {
      if (!asked.has("targets")) return [];
      const wanted = asked.get("targets");
      if (document.getElementById("dashboard-open").hidden) return [`targets=${wanted.slice(0, 40)}`];
      state.place = wanted;
      await open();
      return state.place === wanted ? [] : [`targets=${wanted.slice(0, 40)}`];
    },

    start() {
      document.getElementById("dashboard-open").addEventListener("click", open);
      document.getElementById("dashboard-close").addEventListener("click", () => dialog().close());
      dialog().addEventListener("close", () => {
        document.body.classList.remove("dashboard-open");
        OneMap.link.changed();
      });
      window.addEventListener("beforeprint", () => fitPaper(true));
      window.addEventListener("afterprint", () => fitPaper(false));
      OneMap.onLanguage(() => { if (dialog().open && state.answer) draw(); });
    },
  };
})();
