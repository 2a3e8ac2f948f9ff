/* Takes out the parcels that pass the filter, as a file that the server makes beside. */
(function () {
  "use strict";
  const { el, text, number } = OneMap;
  const FORMATS = [["csv", "CSV"], ["geojson", "GeoJSON"], ["gpkg", "GeoPackage"]];
  const state = { job: null, format: "csv", count: 0 };

  const titleOf = (format) => FORMATS.find(([id]) => id === format)[1];
  const link = () => el(
    "a", { href: `/api/exports/${state.job.job_id}/file`, download: true, id: "export-file" }, text("export_done", { format: titleOf(state.format) }),
  );
  const work = OneMap.jobOf({
    id: "export", path: "/api/exports", ended: () => {},
    source: () => ({
      job: () => state.job,
      async refresh(asked) {
        state.job = asked || await OneMap.getJson(`/api/jobs/${state.job.job_id}`);
        // The server tells the share of all parcels that are loaded.
        if (state.job.done_frac) state.job.done_frac = Math.min(1, state.job.done_frac * (OneMap.filter.total() / state.count));
      },
    }),
    told: {
      running: (job) => (job.state === "waiting" ? text("job_waiting") : text("export_running", { n: number(state.count) })),
      failed: (job) => text("export_failed", { text: job.error }),
      done: () => [link()],
    },
  });

  function body() {
    const filter = OneMap.filter.cql2();
    return { collection: "parcel_suitability", format: state.format, ...(filter ? { filter } : {}) };
  }

  function draw() {
    const form = document.getElementById("export-form");
    if (!OneMap.sign.may("export")) {
      form.replaceChildren(OneMap.sign.needed(text("export_needs_key")));
      return;
    }
    const select = el("select", { id: "export-format", "aria-label": text("export_format") }, FORMATS.map(
      ([id, title]) => el("option", { value: id, selected: id === state.format }, title),
    ));
    const button = el("button", { type: "submit", class: "primary", id: "export-start" }, text("export_start"));
    form.replaceChildren(el("p", {}, text("export_title")), el("div", { class: "row" }, select, button), work.place());
  }

  /* The file of another filter or form is not offered as that of the present one. */
  function forget() {
    if (!state.job || ["waiting", "running"].includes(state.job.state)) return;
    state.job = null;
    draw();
  }

  OneMap.exports = {
    start() {
      const form = document.getElementById("export-form");
      form.addEventListener("submit", (event) => {
        state.count = OneMap.filter.count();
        state.format = document.getElementById("export-format").value;
        work.start(event, OneMap.filter.isCounted() ? { body: body() } : { wrong: "export_wait" });
      });
      OneMap.filter.onChange(forget);
      OneMap.onLanguage(draw);
      draw();
    },
  };
})();
