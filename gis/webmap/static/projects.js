/* The page of projects: which of its parts is asked for, read and drawn, in both languages and on paper. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const { views } = OneMap.projects;
  const PARTS = [["progress", "projects_progress"], ["register", "projects_register"], ["evaluation", "projects_evaluation_city"]];
  const asked = new URLSearchParams(window.location.search);
  const project = asked.get("project");
  const part = project ? "record" : PARTS.some(([name]) => name === asked.get("part")) ? asked.get("part") : "progress";
  let status = () => text("projects_loading");
  let ready = false;

  function parts() {
    const here = part === "record" ? "register" : part;
    return PARTS.map(([name, title]) => el("a", {
      href: OneMap.page("/projects", name === "progress" ? {} : { part: name }), "aria-current": name === here ? "page" : null,
    }, text(title)));
  }

  /* Drawn anew; the control that had the focus has it again. */
  function draw() {
    document.getElementById("language-switch").textContent = OneMap.language() === "en" ? "中文" : "English";
    document.getElementById("projects-parts").replaceChildren(...parts());
    document.getElementById("projects-status").textContent = status();
    if (!ready) return;
    const held = document.activeElement.id;
    document.getElementById("projects-body").replaceChildren(...views[part].body(again, draw).filter(Boolean));
    OneMap.charts.drawAll();
    if (held && document.getElementById(held)) document.getElementById(held).focus();
  }

  /* Ask again, for another day or year; what is shown stays until then. */
  async function again() {
    document.getElementById("projects-body").setAttribute("aria-busy", "true");
    try {
      await views[part].load(project);
      ready = true;
      status = () => "";
    } catch (error) {
      status = () => text("projects_failed", { text: error.message });
    }
    document.getElementById("projects-body").removeAttribute("aria-busy");
    draw();
  }

  /* On paper everything that is folded is told, and charts take the width of the sheet. */
  function toPaper() {
    document.body.classList.add("on-paper");
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    OneMap.charts.fit();
  }

  function fromPaper() {
    document.body.classList.remove("on-paper");
    OneMap.charts.fit();
  }

  OneMap.config = JSON.parse(document.getElementById("onemap-config").textContent);
  OneMap.onLanguage(draw);
  document.getElementById("language-switch").addEventListener("click", () => OneMap.setLanguage(OneMap.language() === "en" ? "zh" : "en"));
  window.addEventListener("beforeprint", toPaper);
  window.addEventListener("afterprint", fromPaper);
  OneMap.applyLanguage();
  again();
})();
