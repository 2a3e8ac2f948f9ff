/* The tab of sites: what was chosen, what it comes to, and the form that asks for another answer. */
(function () {
  "use strict";
  const { el, text, pick, field } = OneMap;
  const form = { scenario: "base", count: "10", technology: "reclaimed_water", capacity: "", reach: "" };
  const search = OneMap.jobOf({
    id: "site", path: "/api/sites", source: () => OneMap.sites,
    ended: (job) => {
      OneMap.sites.choose(job.scenario);
      OneMap.controls.show("site");
    },
    told: {
      running: (job) => text("site_job_running", { step: OneMap.stepOf(job) }),
      failed: (job) => text("site_job_failed", { text: job.error }),
      done: () => [],
    },
  });

  function placeButton(row, leave) {
    const button = el("button", { type: "button", class: "link" }, `${row.rank}. ${OneMap.sites.titleOf(row)}`);
    button.addEventListener("click", () => {
      leave();
      OneMap.sites.goTo(row.site_id);
    });
    return button;
  }

  function chosenTable(rows, leave) {
    const { mw, figure, count, area, technology, table } = OneMap.tables;
    return table(text("sites"), [
      { name: "site_id", title: text("site_place"), text: true, show: (row) => placeButton(row, leave) },
      { name: "technology", title: text("match_technology"), text: true, show: (row) => technology(row.technology) },
      { name: "capacity_kw", title: text("site_capacity_mw"), show: (row) => mw(row.capacity_kw) },
      { name: "gain_kw", title: text("site_gain_mw"), show: (row) => mw(row.gain_kw) },
      { name: "allocated_kw", title: text("site_served_mw"), show: (row) => mw(row.allocated_kw) },
      { name: "heat", title: text("match_heat"), show: (row) => figure(row.allocated_mwh_per_a / 1000, 1) },
      { name: "heated_area_m2", title: text("match_area"), show: (row) => area(row.heated_area_m2) },
      { name: "parcel_count", title: text("match_parcels"), show: (row) => count(row.parcel_count) },
      { name: "mean_length_m", title: text("match_mean_length"), show: (row) => figure(row.mean_length_m, 0) },
      { name: "condition", title: text("site_remark"), text: true, show: (row) => el("span", { class: "site-remark" }, OneMap.sites.remark(row)) },
    ], rows, { most: 50 });
  }

  function change(summary) {
    const { mw, table, technology, figure } = OneMap.tables;
    const was = Object.fromEntries(summary.before.technologies.map((row) => [row.technology, row]));
    const rows = summary.after.technologies.map((row) => ({
      technology: row.technology, before: was[row.technology].allocated_kw, after: row.allocated_kw,
    }));
    return el("details", { class: "more" }, el("summary", {}, text("site_change")), table(text("site_change"), [
      { name: "technology", title: text("match_technology"), text: true, show: (row) => technology(row.technology) },
      { name: "before", title: text("site_before"), show: (row) => mw(row.before) },
      { name: "after", title: text("site_after"), show: (row) => mw(row.after) },
      { name: "change", title: text("match_change"), show: (row) => figure((row.after - row.before) / 1000, 1, true) },
    ], rows));
  }

  async function answer(leave) {
    const scenario = OneMap.sites.scenario();
    if (!scenario) return [el("p", { class: "note" }, text("site_none"))];
    const { mw, count } = OneMap.tables;
    const { summary, sites, current, plan, finished_at: finished } = await OneMap.sites.detail(scenario);
    const chosen = sites.filter((row) => row.rank !== null);
    const bound = Math.floor(summary.proven_frac * 1000) / 1000;
    return [
      OneMap.sites.sitings().length > 1
        ? el("label", { class: "field" }, text("match_scenario"), OneMap.sites.select("site-scenario")) : null,
      el("p", { class: "lead", id: "site-lead" }, text("site_lead", {
        scenario: OneMap.match.titleOf(scenario), n: count(summary.chosen_count), all: count(summary.candidate_count),
        gain: mw(summary.gain_kw), before: mw(summary.served_before_kw), after: mw(summary.served_after_kw),
      })),
      el("p", { id: "site-bound" }, text("site_bound", { most: mw(summary.most_gain_kw), share: OneMap.share(bound) })),
      current ? null : el("p", { class: "stale", role: "note" }, text("site_stale", { day: OneMap.day(finished) })),
      summary.end ? el("p", {}, text("site_end", { n: count(summary.asked_count), why: pick(summary.end.title) })) : null,
      chosen.length ? chosenTable(chosen, leave) : null,
      ...summary.excluded.map((row) => el("p", { class: "note" }, text("site_left_out", { n: count(row.count), why: pick(row.title) }))),
      el("p", { class: "note" }, text(plan.candidates === "grid" ? "site_grid_note" : "site_given_note"), text("site_served_note")),
      change(summary),
    ];
  }

  /* The body of the request, or the key of what is wrong with the form. */
  function asked() {
    const number = (value) => (value.trim() === "" ? null : Number(value));
    const [count, capacity, reach] = [number(form.count), number(form.capacity), number(form.reach)];
    if (!Number.isInteger(count) || count < 1 || count > OneMap.config.sites.most) return { wrong: "site_wrong_count" };
    if (capacity !== null && !(capacity >= 0.001 && capacity <= 10000)) return { wrong: "site_wrong_capacity" };
    if (reach !== null && !(reach >= 1 && reach <= 20000)) return { wrong: "site_wrong_reach" };
    return {
      body: {
        scenario: form.scenario, count, technology: form.technology,
        capacity_kw: capacity === null ? null : capacity * 1000, reach_m: reach,
      },
    };
  }

  function numberInput(name) {
    const input = el("input", { id: `site-${name}`, type: "number", min: "0", step: "any", inputmode: "decimal", value: form[name] });
    input.addEventListener("input", () => { form[name] = input.value; });
    return input;
  }

  function choice(name, options) {
    const box = el("select", { id: `site-form-${name}` }, options.map(([value, title]) => el(
      "option", { value, selected: form[name] === value }, title,
    )));
    box.addEventListener("change", () => { form[name] = box.value; });
    return box;
  }

  function formOf(redraw) {
    const scenarios = [...new Set(["base", ...OneMap.match.runs().map((run) => run.scenario)])];
    const made = el(
      "form", { id: "site-form", class: "run-form", novalidate: true },
      el("div", { class: "fields" }, [
        field(text("match_scenario"), choice("scenario", scenarios.map((name) => [name, OneMap.match.titleOf(name)]))),
        field(text("site_count"), numberInput("count")),
        field(text("match_technology"), choice("technology", OneMap.config.match.shared.map((t) => [t, OneMap.parts.titleOf(t)]))),
        field(text("site_capacity_mw"), numberInput("capacity"), text("site_capacity_note")),
        field(text("site_reach"), numberInput("reach"), text("site_reach_note")),
      ]),
      search.button(text("site_start")),
    );
    made.addEventListener("submit", (event) => search.start(event, asked(), redraw));
    return made;
  }

  /* The tab of sites. */
  OneMap.sitesTab = async (_scenario, leave, redraw) => {
    const again = () => { if (document.getElementById("site-job")) redraw(); };
    await OneMap.sites.refresh();
    search.watch(again);
    return [...await answer(leave), el("h3", {}, text("site_new")), formOf(again), search.place()];
  };
})();
