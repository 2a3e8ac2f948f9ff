/* What changed between two runs: asked for, told in counts and causes, and drawn on the map. */
(function () {
  "use strict";
  const { el, text, pick, number } = OneMap;
  const MOST = 5000;
  const LISTED = 10;
  const NONE = "none";
  // Clear of the tools at the right edge, on a phone too.
  const POPUP = { maxWidth: 240, autoPanPaddingTopLeft: [20, 60], autoPanPaddingBottomRight: [70, 20] };
  const CAUSES = { rules: "changes_rules", as_of: "changes_as_of", software: "changes_software", together: "changes_together" };
  const state = { runs: null, before: "", after: "", job: null, features: null, only: null, group: null };

  const work = OneMap.jobOf({
    id: "changes", path: "/api/diffs", ended: fetchParcels,
    source: () => ({
      job: () => state.job,
      async refresh(asked) {
        state.job = asked || await OneMap.getJson(`/api/jobs/${state.job.job_id}`);
      },
    }),
    told: {
      running: (job) => text(job.state === "waiting" ? "job_waiting" : "changes_running"),
      failed: (job) => text("changes_failed", { text: job.error }),
      done: () => [],
    },
  });

  function causeTitle(cause) {
    const layer = OneMap.config.layers.find((one) => one.id === cause);
    if (layer) return pick(layer.title);
    if (cause.startsWith("rules/")) return text("changes_rule_file", { file: cause.slice(6) });
    return CAUSES[cause] ? text(CAUSES[cause]) : cause;
  }

  const technologyTitle = (id) => (id && id !== NONE ? OneMap.parts.titleOf(id) : text("legend_none"));
  const causesOf = (p) => (p.because || "").split(" ").filter(Boolean);
  const from = (p) => p.recommended_before || NONE;
  const to = (p) => p.recommended_after || NONE;

  function passes({ properties: p }) {
    if (!state.only) return true;
    if (state.only.cause) return causesOf(p).includes(state.only.cause);
    return from(p) === state.only.before && to(p) === state.only.after;
  }

  /* The largest of those that are looked at: more than a browser draws quickly tells nothing more. */
  const looked = () => (state.features || []).filter(passes)
    .sort((a, b) => (b.properties.heated_area_m2_after || 0) - (a.properties.heated_area_m2_after || 0));

  function told(p) {
    const side = (technology, status, score) => [
      technologyTitle(technology), status ? pick(OneMap.config.statuses[status]) : null, score === null ? null : number(score, "points"),
    ].filter(Boolean).join(" · ");
    return el(
      "div", { class: "site-told" }, el("h3", {}, p.parcel_id),
      el("p", {}, text("changes_before_is", { text: side(p.recommended_before, p.recommended_status_before, p.recommended_score_before) })),
      el("p", {}, text("changes_after_is", { text: side(p.recommended_after, p.recommended_status_after, p.recommended_score_after) })),
      el("p", {}, text("changes_because_is", { text: causesOf(p).map(causeTitle).join(text("changes_and")) })),
    );
  }

  function drawShapes() {
    if (state.group) state.group.remove();
    state.group = null;
    const features = looked().slice(0, MOST);
    if (!features.length) return;
    const style = ({ properties: p }) => ({
      pane: "onemap-changes", color: "#111827", weight: 2, dashArray: "5 3",
      fillColor: to(p) === NONE ? "#ffffff" : OneMap.colourOf(to(p)), fillOpacity: 0.75,
    });
    state.group = L.geoJSON({ type: "FeatureCollection", features }, {
      style, pane: "onemap-changes", bubblingMouseEvents: false,
      onEachFeature: (feature, shape) => shape.bindPopup(() => told(feature.properties), POPUP),
    }).addTo(OneMap.map);
  }

  function goTo(feature) {
    const bounds = L.geoJSON(feature.geometry).getBounds();
    OneMap.controls.closeDrawer();
    OneMap.map.fitBounds(bounds, { maxZoom: 16, animate: false });
    L.popup(POPUP).setLatLng(bounds.getCenter()).setContent(told(feature.properties)).openOn(OneMap.map);
  }

  const link = (words, act, pressed) => {
    const button = el("button", { type: "button", class: "link", "aria-pressed": pressed === undefined ? null : String(pressed) }, words);
    button.addEventListener("click", act);
    return button;
  };

  /* A row's name as a switch: on, the map and the list show these parcels alone. */
  function only(words, wanted) {
    const same = JSON.stringify(state.only) === JSON.stringify(wanted);
    return link(words, () => {
      state.only = same ? null : wanted;
      drawShapes();
      drawTold();
    }, same);
  }

  function drawTold() {
    const place = document.getElementById("changes-told");
    if (!state.features || !state.job || !state.job.result) {
      place.replaceChildren();
      return;
    }
    const { table } = OneMap.tables;
    const { result } = state.job;
    const parcels = { name: "parcel_count", title: text("changes_parcels") };
    const shown = looked();
    place.replaceChildren(...[
      el("p", { class: "lead", id: "changes-lead" }, text("changes_lead", {
        n: number(result.changed_count), all: number(result.compared_count), other: number(result.other_technology_count),
      })),
      result.only_before_count || result.only_after_count ? el("p", { class: "note" }, text("changes_came", {
        gone: number(result.only_before_count), came: number(result.only_after_count),
      })) : null,
      result.causes.length ? table(text("changes_causes"), [
        { name: "cause", title: text("changes_cause"), text: true, show: (row) => only(causeTitle(row.cause), { cause: row.cause }) },
        parcels,
      ], result.causes) : null,
      result.moves.length ? table(text("changes_moves"), [
        {
          name: "move", title: text("changes_move"), text: true,
          show: (row) => only(`${technologyTitle(row.before)} → ${technologyTitle(row.after)}`, { before: row.before, after: row.after }),
        },
        parcels,
      ], result.moves) : null,
      shown.length > MOST ? el("p", { class: "note" }, text("changes_most", { n: number(MOST), all: number(shown.length) })) : null,
      shown.length ? el("p", { class: "note" }, text("changes_largest")) : null,
      el("ul", { id: "changes-list" }, shown.slice(0, LISTED).map((feature) => el("li", {}, link(feature.properties.parcel_id, () => goTo(feature))))),
      link(text("changes_close"), close),
    ].filter(Boolean));
  }

  async function fetchParcels(job) {
    try {
      state.features = (await OneMap.getJson(`/api/diffs/${job.job_id}/file`)).features;
      state.only = null;
      drawShapes();
      drawTold();
    } catch (error) {
      OneMap.hint(text("failed", { text: error.message }));
    }
  }

  function close() {
    Object.assign(state, { job: null, features: null, only: null });
    drawShapes();
    draw();
    document.querySelector("#changes summary").focus();
  }

  function select(name, words) {
    const made = el("select", { id: `changes-${name}` }, state.runs.map((run) => el(
      "option", { value: `run ${run.number}`, selected: state[name] === `run ${run.number}` },
      text("changes_run", { n: run.number, day: OneMap.day(run.at) }),
    )));
    made.addEventListener("change", () => { state[name] = made.value; });
    return OneMap.field(words, made);
  }

  function draw() {
    const form = document.getElementById("changes-form");
    if (!state.runs) {
      form.replaceChildren();
    } else if (!OneMap.sign.may("export")) {
      form.replaceChildren(OneMap.sign.needed(text("changes_needs_key")));
    } else if (state.runs.length < 2) {
      form.replaceChildren(el("p", { class: "note" }, text("changes_none")));
    } else {
      const button = el("button", { type: "submit", class: "primary", id: "changes-start" }, text("changes_start"));
      form.replaceChildren(
        select("before", text("changes_before")), select("after", text("changes_after")), button, work.place(),
      );
    }
    drawTold();
  }

  /* The runs whose results are kept, the newest first. */
  async function readRuns() {
    try {
      const { versions } = await OneMap.getJson("/api/versions?limit=1000");
      state.runs = versions.filter((version) => version.kind === "run" && version.kept);
      const known = (name) => state.runs.some((run) => `run ${run.number}` === state[name]);
      if (state.runs.length > 1 && !known("after")) state.after = `run ${state.runs[0].number}`;
      if (state.runs.length > 1 && !known("before")) state.before = `run ${state.runs[1].number}`;
      draw();
    } catch (error) {
      OneMap.hint(text("failed", { text: error.message }));
    }
  }

  OneMap.changes = {
    start(map) {
      map.createPane("onemap-changes").style.zIndex = 430;
      const place = document.getElementById("changes");
      place.hidden = false;
      place.querySelector("details").addEventListener("toggle", (event) => {
        if (event.target.open) readRuns();
      });
      document.getElementById("changes-form").addEventListener("submit", (event) => {
        work.start(event, state.before === state.after ? { wrong: "changes_same" } : { body: { before: state.before, after: state.after } });
      });
      OneMap.onLanguage(draw);
    },
  };
})();
