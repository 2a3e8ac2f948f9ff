/* Starts a matching run and tells how far it is. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const NAME = /^[a-z0-9][a-z0-9_-]{0,39}$/;
  const POLL_MS = 700;
  const STEPS = {
    "gathering offers": "step_offers", "least length": "step_length", "least cost": "step_cost",
    "least shares": "step_shares", matched: "step_matched", "saving the matching run": "step_saving",
    "finding who is in reach": "step_reach", siting: "step_siting", sited: "step_siting", "saving the sites": "step_saving",
  };
  const form = { name: "", order: "priority", reach: "100", capacity: {} };
  let watching = false;
  let failure = null;

  function stepOf(job) {
    const tier = /^most of tier (\d+)$/.exec(job.step || "");
    if (tier) return text("step_tier", { n: Number(tier[1]) + 1 });
    return text(STEPS[job.step] || "step_running");
  }

  function drawJob(place) {
    const job = OneMap.match.job();
    if (failure) {
      place.replaceChildren(el("p", { class: "error", role: "alert" }, text("match_failed", { text: failure })));
      return;
    }
    if (!job) {
      place.replaceChildren();
      return;
    }
    const name = OneMap.match.titleOf(job.scenario);
    if (job.state === "failed") {
      place.replaceChildren(el("p", { class: "error", role: "alert" }, text("match_job_failed", { name, text: job.error })));
    } else if (job.state === "done") {
      place.replaceChildren(el("p", { class: "done" }, text("match_job_done", { name })));
    } else {
      const bar = el("progress", { "aria-label": text("match_progress"), max: "1", value: job.done_frac });
      place.replaceChildren(el("p", {}, text("match_job_running", { name, step: stepOf(job) })), bar);
    }
  }

  const isRunning = () => Boolean(OneMap.match.job()) && OneMap.match.job().state === "running";

  /* Ask how far the run is until it has ended; then show what it came to. */
  async function watch() {
    if (watching || !isRunning()) return;
    watching = true;
    drawAgain();
    try {
      while (isRunning()) {
        await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
        await OneMap.match.refresh();
        drawAgain();
      }
      const job = OneMap.match.job();
      if (job.state === "done") OneMap.match.choose(job.scenario);
    } catch (error) {
      failure = error.message;
    } finally {
      watching = false;
      drawAgain();
    }
  }

  function drawAgain() {
    const place = document.getElementById("match-job");
    if (place) drawJob(place);
    const button = document.getElementById("match-start");
    if (button) button.disabled = watching;
  }

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

  async function start(event) {
    event.preventDefault();
    const { body, wrong } = asked();
    failure = wrong ? text(wrong) : null;
    if (body) {
      try {
        await OneMap.getJson("/api/matches", body);
        await OneMap.match.refresh();
        watch();
      } catch (error) {
        failure = error.message;
      }
    }
    drawAgain();
  }

  function field(label, input, note) {
    return el("label", { class: "field" }, label, input, note ? el("span", { class: "note" }, note) : null);
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

  OneMap.stepOf = stepOf;

  /* The tab that starts a run. */
  OneMap.runTab = async () => {
    await OneMap.match.refresh();
    watch();
    const place = el("div", { id: "match-job", class: "job", role: "status" });
    drawJob(place);
    const button = el("button", { type: "submit", class: "primary", id: "match-start", disabled: watching }, text("match_start"));
    // What is wrong is told in the page's own words, not in the browser's.
    const made = el("form", { id: "match-form", class: "run-form", novalidate: true }, el("div", { class: "fields" }, fields()), button);
    made.addEventListener("submit", start);
    return [el("p", { class: "note" }, text("match_run_note")), made, place];
  };
})();
