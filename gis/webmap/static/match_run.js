/* Starts a matching run and tells how far it is. */
(function () {
  "use strict";
  const { el, text, field } = OneMap;
  const NAME = /^[a-z0-9][a-z0-9_-]{0,39}$/;
  const form = { name: "", order: "priority", reach: "100", capacity: {} };
  const named = (key) => (job) => text(key, { name: OneMap.match.titleOf(job.scenario), step: OneMap.stepOf(job), text: job.error });
  const run = OneMap.jobOf({
    id: "match", path: "/api/matches", source: () => OneMap.match, ended: (job) => OneMap.match.choose(job.scenario),
    told: { running: named("match_job_running"), failed: named("match_job_failed"), done: (job) => [named("match_job_done")(job)] },
  });

  /* The body of the request, or the key of what is wrong with the form. */
  function asked() {
    const percent = (value) => (value.trim() === "" ? NaN : Number(value));
    const inRange = (value) => value >= 0 && value <= 10000;
    if (!NAME.test(form.name)) return { wrong: "match_wrong_name" };
    const capacity = Object.entries(form.capacity).map(([t, value]) => [t, percent(value)]);
    if (![percent(form.reach), ...capacity.map(([, value]) => value)].every(inRange)) return { wrong: "match_wrong_percent" };
    return {
      body: {
        scenario: form.name, order: form.order, reach_frac: percent(form.reach) / 100,
        capacity_frac: Object.fromEntries(capacity.filter(([, value]) => value !== 100).map(([t, value]) => [t, value / 100])),
      },
    };
  }

  function percentInput(id, value, changed) {
    const input = el("input", { id, type: "number", min: "0", max: "10000", step: "any", inputmode: "decimal", value });
    input.addEventListener("input", () => changed(input.value));
    return input;
  }

  function fields() {
    const name = el("input", { id: "run-name", type: "text", value: form.name, maxlength: "40", autocomplete: "off", spellcheck: "false" });
    name.addEventListener("input", () => { form.name = name.value.trim(); });
    const order = el("select", { id: "run-order" }, [["priority", "match_by_priority"], ["cost", "match_by_cost"]].map(
      ([value, title]) => el("option", { value, selected: form.order === value }, text(title)),
    ));
    order.addEventListener("change", () => { form.order = order.value; });
    const capacities = OneMap.config.match.shared.map((t) => {
      form.capacity[t] = form.capacity[t] ?? "100";
      const input = percentInput(`run-${t}`, form.capacity[t], (value) => { form.capacity[t] = value; });
      return field(text("match_capacity", { name: OneMap.parts.titleOf(t) }), input);
    });
    return [
      field(text("match_name"), name, text("match_name_note")), field(text("match_order"), order), ...capacities,
      field(text("match_reach"), percentInput("run-reach", form.reach, (value) => { form.reach = value; })),
    ];
  }

  /* The tab that starts a run. */
  OneMap.runTab = async () => {
    await OneMap.match.refresh();
    run.watch();
    // What is wrong is told in the page's own words, not in the browser's.
    const made = el(
      "form", { id: "match-form", class: "run-form", novalidate: true },
      el("div", { class: "fields" }, fields()), run.button(text("match_start")),
    );
    made.addEventListener("submit", (event) => run.start(event, asked()));
    return [el("p", { class: "note" }, text("match_run_note")), made, run.place()];
  };
})();
