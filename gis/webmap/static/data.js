/* The page of data health: every layer with its last check. */
(function () {
  "use strict";
  const { el, text, number, share } = OneMap;
  const POLL_MS = 700;
  const SEVERITIES = [["error", "data_error", "✕"], ["warning", "data_warning", "!"], ["note", "data_note", "i"]];
  const TOTALS = { error: "data_errors", warning: "data_warnings", note: "data_notes" };
  let layers = null;
  let mayCheck = false;
  let busy = false;
  let status = () => text("data_loading");

  const pick = (both) => OneMap.pick(both);
  const known = (value, show) => (value === null || value === undefined ? "—" : show(value));
  const found = (layer, severity) => (layer.check ? layer.check.findings.filter((one) => one.severity === severity) : []);

  function chip([severity, name, icon], words) {
    return el("span", { class: `chip severity-${severity}` }, el("span", { class: "icon", "aria-hidden": "true" }, icon), words || text(name));
  }

  /* What the check came to: severities with their counts, or that there was none. */
  function result(layer) {
    if (!layer.loaded) return el("span", { class: "unknown" }, text("data_not_loaded"));
    if (!layer.check) return el("span", { class: "unknown", title: text("data_never_hint") }, text("data_never"));
    const chips = SEVERITIES.filter(([severity]) => found(layer, severity).length).map(
      (one) => chip(one, `${text(one[1])} ${found(layer, one[0]).length}`),
    );
    const [worst] = layer.check.findings;
    return el(
      "div", { class: "chips" },
      chips.length ? chips : el("span", {}, text("data_clean")),
      worst && worst.severity !== "note" ? el("span", { class: "worst" }, pick(worst.told)) : null,
      layer.stale ? el("span", { class: "stale" }, text("data_stale", { n: layer.check.version })) : null,
      el("small", {}, text("data_checked_at", { day: OneMap.day(layer.check.checked_at) })),
    );
  }

  function sourceCell(layer) {
    if (!layer.loaded) return "—";
    const [first] = layer.check ? layer.check.sources : [];
    return [
      first ? el("span", { class: "origin" }, first.source || text("data_source_none")) : null,
      el("code", {}, layer.source_name),
    ];
  }

  /* The mean share to which the fields of the data itself are filled. */
  function filled(layer) {
    const shares = layer.check ? layer.check.fields.map((one) => one.filled_frac).filter((one) => one !== null) : [];
    return shares.length ? share(shares.reduce((sum, one) => sum + one, 0) / shares.length) : "—";
  }

  const COLUMNS = [
    ["data_source", sourceCell, "words"],
    ["data_version", (layer) => known(layer.version, (n) => `v${n}`)],
    ["data_loaded_at", (layer) => known(layer.loaded_at, OneMap.day), "words"],
    ["data_count", (layer) => known(layer.feature_count, (n) => (layer.kind === "raster" ? text("data_cells", { n: number(n) }) : number(n)))],
    ["data_coverage", (layer) => known(layer.check && layer.check.city_covered_frac, share)],
    ["data_filled", filled],
    ["data_result", result, "words"],
  ];

  function row(layer) {
    const titled = el("th", { scope: "row" }, pick(layer.title), el("small", {}, layer.layer));
    return el("tr", { class: layer.loaded ? null : "absent", "data-layer": layer.layer }, titled, COLUMNS.map(
      ([name, show, kind]) => el("td", { class: kind, "data-name": text(name) }, show(layer)),
    ));
  }

  function finding(one) {
    const ids = one.ids.join(one.ids.length > 1 && OneMap.language() === "zh" ? "、" : ", ");
    const more = one.count > one.ids.length;
    return el(
      "li", { class: `finding severity-${one.severity}` },
      chip(SEVERITIES.find(([severity]) => severity === one.severity)), " ", el("code", {}, one.code), " ", el("b", {}, pick(one.told)),
      one.ids.length ? el("p", { class: "ids" }, more ? text("data_first", { n: one.ids.length, ids }) : text("data_features", { ids })) : null,
      el("p", { class: "note" }, text("data_todo", { text: pick(one.todo) })),
    );
  }

  /* A list of shares, each with a bar. */
  function shares(title, list) {
    if (!list.length) return null;
    return el("section", {}, el("h2", {}, title), el("ul", { class: "shares" }, list.map(([name, value, mark]) => {
      const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span", {}));
      bar.firstChild.style.width = `${(value || 0) * 100}%`;
      return el("li", {}, el("span", {}, name, mark ? el("small", {}, mark) : null), bar, el("span", { class: "figure" }, known(value, share)));
    })));
  }

  function facts(check) {
    const { change } = check;
    const count = (value) => (value === null ? text("unknown") : number(value));
    const day = (value) => (value.includes("T") ? value.replace("T", " ").slice(0, 16) : value);
    const lines = [text("data_age", { n: number(check.age_days) })];
    check.dates.forEach((span) => lines.push(text("data_span", { field: pick(span.title), first: day(span.first), last: day(span.last) })));
    if (change) {
      lines.push(text("data_change", {
        version: change.before_version, before: number(change.before_count), added: count(change.added_count), removed: count(change.removed_count), changed: count(change.changed_count),
      }));
    } else if (check.version === 1) lines.push(text("data_first_version"));
    if (check.synthetic_count !== null) lines.push(text("data_synthetic", { n: number(check.synthetic_count) }));
    lines.push(text("data_made_by", { text: check.software }));
    return el("section", {}, el("h2", {}, text("data_facts")), el("ul", {}, lines.map((line) => el("li", {}, line))));
  }

  function sources(check) {
    if (!check.sources.length) return null;
    return el("section", {}, el("h2", {}, text("data_sources")), el("ul", {}, check.sources.map(
      (one) => el("li", {}, text("data_source_line", { text: one.source || text("data_source_none"), n: number(one.feature_count) })),
    )));
  }

  function unchecked(left) {
    if (!left.length) return null;
    return el("section", {}, el("h2", {}, text("data_unchecked")), el("ul", {}, left.map((one) => el(
      "li", {}, el("code", {}, one.code), " ", text("data_unchecked_why", { title: pick(one.title), why: pick(one.not_checked) }),
    ))));
  }

  function details(layer, open) {
    const { check } = layer;
    if (!check) return null;
    const left = check.checks.filter((one) => one.not_checked);
    const told = text("data_more", { n: check.checks.length - left.length, findings: check.findings.length });
    return el("tr", { class: "told" }, el("td", { colspan: COLUMNS.length + 1 }, el(
      "details", { open: open.has(layer.layer), "data-details": layer.layer },
      el("summary", {}, told, left.length ? text("data_more_unchecked", { n: left.length }) : null),
      check.findings.length ? el("ul", { class: "findings" }, check.findings.map(finding)) : null,
      el(
        "div", { class: "sections" }, facts(check), sources(check), unchecked(left),
        shares(text("data_fields"), check.fields.map((one) => [pick(one.title), one.filled_frac, one.required ? text("data_required") : null])),
        shares(text("data_districts"), check.districts.map((one) => [pick(one.name), one.covered_frac])),
      ),
    )));
  }

  function table() {
    const opened = new Set([...document.querySelectorAll("details[open]")].map((one) => one.dataset.details));
    const head = ["data_layer", ...COLUMNS.map(([name]) => name)];
    return el(
      "table", {}, el("caption", {}, text("data_caption")),
      el("thead", {}, el("tr", {}, head.map((name) => el("th", { scope: "col" }, text(name))))),
      el("tbody", {}, layers.flatMap((layer) => [row(layer), details(layer, opened)]).filter(Boolean)),
    );
  }

  function sums() {
    const loaded = layers.filter((layer) => layer.loaded);
    const due = loaded.filter((layer) => !layer.check || layer.stale).length;
    const cards = [
      [text("data_loaded"), text("data_of", { n: loaded.length, all: layers.length }), null],
      ...SEVERITIES.map(([severity]) => {
        const count = layers.reduce((sum, layer) => sum + found(layer, severity).length, 0);
        return [text(TOTALS[severity]), number(count), count ? `severity-${severity}` : null];
      }),
      [text("data_due"), number(due), due ? "severity-warning" : null],
    ];
    return cards.map(([name, value, kind]) => el("div", { class: kind }, el("dt", {}, name), el("dd", {}, el("b", {}, value))));
  }

  function ask() {
    if (!mayCheck) return [];
    const button = el("button", { type: "button", class: "primary", id: "data-check", disabled: busy }, text("data_check"));
    button.addEventListener("click", check);
    return [button];
  }

  function draw() {
    document.getElementById("language-switch").textContent = OneMap.language() === "en" ? "中文" : "English";
    document.getElementById("data-status").textContent = status();
    document.getElementById("data-ask").replaceChildren(...ask());
    if (!layers) return;
    document.getElementById("data-sums").replaceChildren(...sums());
    document.getElementById("data-table").replaceChildren(table());
  }

  async function read() {
    layers = (await OneMap.getJson("/api/checks")).checks;
    status = () => "";
  }

  /* Have all layers checked, and wait for the end of the job. */
  async function check() {
    busy = true;
    status = () => text("data_checking");
    draw();
    try {
      let job = await OneMap.getJson("/api/checks", {});
      while (["waiting", "running"].includes(job.state)) {
        await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
        job = await OneMap.getJson(`/api/jobs/${job.job_id}`);
      }
      if (job.state !== "done") throw new Error(job.error || text("data_cancelled"));
      await read();
      status = () => text("data_checked");
    } catch (error) {
      status = () => text("data_check_failed", { text: error.message });
    }
    busy = false;
    draw();
  }

  async function start() {
    OneMap.config = JSON.parse(document.getElementById("onemap-config").textContent);
    OneMap.onLanguage(draw);
    document.getElementById("language-switch").addEventListener("click", () => OneMap.setLanguage(OneMap.language() === "en" ? "zh" : "en"));
    // On paper everything is told.
    window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    OneMap.applyLanguage();
    try {
      const [session] = await Promise.all([OneMap.getJson("/api/session"), read()]);
      mayCheck = session.rights.includes("import");
    } catch (error) {
      status = () => text("data_failed", { text: error.message });
    }
    draw();
  }

  start();
})();
