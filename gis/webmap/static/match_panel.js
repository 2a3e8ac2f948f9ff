/* The dialog of citywide matching: its tabs, the choice of a scenario, opening and closing. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const TABS = [
    ["overview", "match_tab_overview"], ["ledger", "match_tab_ledger"], ["charts", "match_tab_charts"],
    ["compare", "match_tab_compare"], ["sites", "sites"], ["run", "match_tab_run"],
  ];
  // What can be had without a run.
  const FREE = ["run", "sites"];
  const state = { tab: "overview", turn: 0 };
  const dialog = () => document.getElementById("match-dialog");

  function leave() {
    dialog().close();
    OneMap.controls.closeDrawer();
  }

  const makers = {
    overview: (...all) => OneMap.overviewTab(...all), ledger: (...all) => OneMap.ledgerTab(...all),
    charts: (...all) => OneMap.chartsTab(...all), compare: (...all) => OneMap.compareTab(...all), sites: (...all) => OneMap.sitesTab(...all),
    run: (...all) => OneMap.runTab(...all),
  };

  async function drawBody() {
    const turn = ++state.turn;
    const place = document.getElementById("match-body");
    const scenario = OneMap.match.scenario();
    place.setAttribute("aria-busy", "true");
    let parts;
    try {
      parts = scenario || FREE.includes(state.tab)
        ? await makers[state.tab](scenario, leave, drawBody) : [el("p", { class: "note" }, text("match_no_run"))];
    } catch (error) {
      parts = [el("p", { class: "error", role: "alert" }, text("failed", { text: error.message }))];
    }
    if (turn !== state.turn) return;
    // A choice that has just been made keeps the focus where it is drawn anew.
    const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
    place.replaceChildren(...parts.filter(Boolean));
    OneMap.charts.drawAll();
    place.removeAttribute("aria-busy");
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus();
  }

  function tabButton([name, title], place) {
    const on = name === state.tab;
    const button = el("button", {
      type: "button", role: "tab", id: `match-tab-${name}`,
      "aria-selected": String(on), "aria-controls": "match-body", tabindex: on ? "0" : "-1",
    }, text(title));
    button.addEventListener("click", () => open(name));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      open(TABS[(place + step + TABS.length) % TABS.length][0]);
    });
    return button;
  }

  function open(tab) {
    state.tab = tab;
    document.getElementById("match-body").scrollTop = 0;
    draw();
    document.getElementById(`match-tab-${tab}`).focus();
  }

  function drawHead() {
    const scenario = OneMap.match.scenario();
    const run = OneMap.match.run(scenario);
    const place = document.getElementById("match-head");
    const choice = run ? [
      el("label", { class: "field" }, text("match_scenario"), OneMap.match.select(scenario, text("match_scenario"), OneMap.match.choose)),
      el("p", { class: "note" }, OneMap.match.assumed(run), el("br"), text("match_run_of", {
        day: OneMap.day(run.finished_at), as_of: run.as_of,
      })),
    ] : [];
    const focused = place.contains(document.activeElement);
    place.hidden = [...FREE, "compare"].includes(state.tab) || !run;
    place.replaceChildren(...choice, ...[run ? OneMap.match.staleNote(scenario) : null].filter(Boolean));
    if (focused && !place.hidden) place.querySelector("select").focus();
  }

  function draw() {
    const tabs = document.getElementById("match-tabs");
    const focused = tabs.contains(document.activeElement);
    tabs.replaceChildren(...TABS.map(tabButton));
    if (focused) document.getElementById(`match-tab-${state.tab}`).focus();
    document.getElementById("match-body").setAttribute("aria-labelledby", `match-tab-${state.tab}`);
    drawHead();
    return drawBody();
  }

  OneMap.matchPanel = {
    isOpen: () => dialog().open,

    start() {
      document.getElementById("match-open").addEventListener("click", () => {
        dialog().showModal();
        OneMap.charts.load().catch(() => {});
        open(OneMap.match.scenario() || FREE.includes(state.tab) ? state.tab : "run");
      });
      document.getElementById("match-close").addEventListener("click", () => dialog().close());
      OneMap.onLanguage(() => { if (dialog().open) draw(); });
      // The tab of a new run says by itself how far it is; drawn anew it would lose the form's focus.
      OneMap.match.onChange(() => { if (dialog().open && !FREE.includes(state.tab)) draw(); });
      OneMap.sites.onChange(() => { if (dialog().open && state.tab === "sites") drawBody(); });
    },
  };
})();
