/* Work for the whole city that the server does beside: asked for, followed until it ends, and told of. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const POLL_MS = 700;
  const STEPS = {
    "gathering offers": "step_offers", "least length": "step_length", "least cost": "step_cost",
    "least shares": "step_shares", matched: "step_matched", "saving the matching run": "step_saving",
    "finding who is in reach": "step_reach", siting: "step_siting", sited: "step_siting", "saving the sites": "step_saving",
  };

  OneMap.stepOf = (job) => {
    if (job.state === "waiting") return text("job_waiting");
    const tier = /^most of tier (\d+)$/.exec(job.step || "");
    if (tier) return text("step_tier", { n: Number(tier[1]) + 1 });
    return text(STEPS[job.step] || "step_running");
  };

  OneMap.field = (label, input, note) => el("label", { class: "field" }, label, input, note ? el("span", { class: "note" }, note) : null);

  /* The jobs of one kind: `${id}-job` is where one is told of, `${id}-start` the button that asks for one at `path`.
     `source` has job() and refresh(), which is given the job that was just asked for; `told` the texts by state, `ended` is called with a job that is done. */
  OneMap.jobOf = ({ id, path, source, told, ended }) => {
    let watching = false;
    let failure = null;

    function draw(place) {
      const job = source().job();
      const error = (words) => [el("p", { class: "error", role: "alert" }, words)];
      if (failure) place.replaceChildren(...error(text("match_failed", { text: failure })));
      else if (!job) place.replaceChildren();
      else if (job.state === "failed") place.replaceChildren(...error(told.failed(job)));
      else if (job.state === "done") place.replaceChildren(...told.done(job).map((words) => el("p", { class: "done" }, words)));
      else if (job.state === "cancelled") place.replaceChildren(el("p", {}, text("job_cancelled")));
      else drawRunning(place, job);
    }

    /* What is there already is changed and not made anew: the button keeps the focus. */
    function drawRunning(place, job) {
      let [words, bar, button] = [...place.children];
      if (!bar || bar.tagName !== "PROGRESS" || Boolean(button) !== Boolean(job.job_id)) {
        words = el("p", {});
        bar = el("progress", { "aria-label": text("match_progress"), max: "1" });
        button = job.job_id ? el("button", { type: "button", class: "link" }, text("job_cancel")) : null;
        if (button) button.addEventListener("click", cancel);
        place.replaceChildren(...[words, bar, button].filter(Boolean));
      }
      words.textContent = told.running(job);
      if (job.done_frac === null) bar.removeAttribute("value");
      else bar.setAttribute("value", job.done_frac);
    }

    async function cancel() {
      try {
        await OneMap.getJson(`/api/jobs/${source().job().job_id}`, undefined, "DELETE");
      } catch (error) {
        failure = error.message;
        drawAgain();
      }
    }

    function drawAgain() {
      const place = document.getElementById(`${id}-job`);
      if (place) draw(place);
      const button = document.getElementById(`${id}-start`);
      if (button) button.disabled = watching;
    }

    const isRunning = () => Boolean(source().job()) && ["waiting", "running"].includes(source().job().state);

    /* Ask how far the job is until it has ended; `after` is called unless the server could not be asked. */
    async function watch(after) {
      if (watching || !isRunning()) return;
      watching = true;
      drawAgain();
      try {
        while (isRunning()) {
          await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
          await source().refresh();
          drawAgain();
        }
        if (source().job().state === "done") ended(source().job());
      } catch (error) {
        failure = error.message;
      } finally {
        watching = false;
        drawAgain();
      }
      if (!failure && after) after();
    }

    /* Ask for a job with a body, or tell what is wrong with the form. */
    async function start(event, { body, wrong }, after) {
      event.preventDefault();
      failure = wrong ? text(wrong) : null;
      if (body) {
        try {
          await source().refresh(await OneMap.getJson(path, body));
          watch(after);
        } catch (error) {
          failure = error.message;
        }
      }
      drawAgain();
    }

    /* Where the job is told of. */
    function place() {
      const made = el("div", { id: `${id}-job`, class: "job", role: "status" });
      draw(made);
      return made;
    }

    /* The button of the form, or what has to come before it. */
    const button = (words) => (OneMap.sign.may("match")
      ? el("button", { type: "submit", class: "primary", id: `${id}-start`, disabled: watching }, words)
      : OneMap.sign.needed(text("match_needs_key")));
    return { watch, start, place, button };
  };
})();
