/* What the technologies give together, and what the applicant must show or arrange. */
(function () {
  "use strict";
  const { el, text, pick, number, share } = OneMap;
  const { rows, reasonItem, assumptions } = OneMap.parts;

  /* Installed shares side by side on the whole load, with the share that new projects must reach. */
  function stackedBar(plan) {
    const parts = plan.technologies.map((part) => {
      const piece = el("span", { class: "piece", "data-technology": part.technology, title: `${pick(part.title)} ${share(part.installed_share_frac)}` });
      piece.style.width = `${part.installed_share_frac * 100}%`;
      piece.style.background = OneMap.colourOf(part.technology);
      return piece;
    });
    const least = OneMap.config.newBuildShare;
    const mark = el("span", { class: "least" }, el("span", {}, text("least_share", { share: share(least) })));
    mark.style.left = `${least * 100}%`;
    const told = plan.technologies.map((part) => `${pick(part.title)} ${share(part.installed_share_frac)}`);
    const label = `${text("new_energy_share")} ${share(plan.installed_share_frac)}: ${told.join(", ")}`;
    return el("div", { class: "stack", role: "img", "aria-label": label }, el("div", { class: "pieces" }, parts), mark);
  }

  function partItem(part) {
    const mark = el("span", { class: "swatch swatch-fill", "aria-hidden": "true" });
    mark.style.setProperty("--colour", OneMap.colourOf(part.technology));
    return el(
      "li", { "data-technology": part.technology }, mark, el("b", {}, pick(part.title)),
      el("span", { class: "part-kw" }, `${number(part.installed_kw, "kW")} · ${share(part.installed_share_frac)}`),
      el("span", { class: "part-more note" }, text("part_more", {
        energy: share(part.energy_share_frac), scop: number(part.scop, null, 2),
      })),
    );
  }

  function money(plan) {
    const { rate_frac: rate, valid_from: day, source, clause_id: clause } = plan.subsidy;
    return [
      rows([["lcoh", number(plan.lcoh_cny_per_mwh, "CNY/MWh")], ["subsidy", share(rate)]]),
      el("p", { class: "note" }, text("subsidy_source", { day, text: source }), " ", OneMap.cite(clause)),
    ];
  }

  function factorItem(entry) {
    const saved = entry.saved_t_per_a;
    const better = entry.better_than_boiler;
    return el(
      "li", {},
      el("b", {}, pick(entry.title)),
      el("span", { class: "note" }, ` ${entry.valid_from.slice(0, 4)} · ${number(entry.grid_kg_per_kwh, "kg/kWh", 4)}`),
      el("p", {}, text(saved < 0 ? "factor_more" : "factor_less", {
        co2: number(entry.co2_t_per_a, "t/a"), saved: number(Math.abs(saved), "t/a"),
      })),
      el(
        "p", { class: better === false ? "worse" : null }, text("breakeven", { cop: number(entry.breakeven_cop, null, 2) }),
        better === null ? null : text(better ? "boiler_better" : "boiler_worse"),
      ),
    );
  }

  function carbon(plan) {
    return el(
      "details", { class: "more carbon", open: true },
      el("summary", {}, text("carbon")),
      el("p", { class: "note" }, text("carbon_boiler", { co2: number(plan.carbon.boiler_t_per_a, "t/a"), scop: number(plan.scop, null, 2) })),
      el("ul", {}, plan.carbon.by_factor.map(factorItem)),
    );
  }

  function storage(plan) {
    const found = plan.storage;
    if (!found) return null;
    return el(
      "details", { class: "more storage" },
      el("summary", {}, text("storage")),
      rows([
        ["peak_cut", number(found.peak_cut_kw, "kW")],
        ["air_saved", number(found.air_source_saved_kw, "kW")],
        ["store_heat", number(found.energy_kwh, "kWh")],
        ["store_water", number(found.volume_m3, "m3")],
      ]),
      el("p", { class: "note" }, text("assumption_source", { text: found.source }), " ", OneMap.cite(found.clause_id)),
    );
  }

  /* The section on the portfolio. */
  OneMap.portfolioSection = (plan) => {
    const head = el("h3", {}, text("portfolio"));
    if (!plan) return el("section", { id: "portfolio" }, head, el("p", { class: "note" }, text("no_portfolio")));
    const units = plan.air_source_unit_count ? ["unit_count", number(plan.air_source_unit_count)] : null;
    return el(
      "section", { id: "portfolio" }, head,
      el("p", { class: "note" }, text("portfolio_note")),
      stackedBar(plan),
      el("ul", { class: "parts" }, plan.technologies.map(partItem)),
      rows([
        ["new_energy_share", share(plan.installed_share_frac)],
        ["without_air", share(plan.share_without_air_frac)],
        ["energy_share", share(plan.energy_share_frac)],
        ["unmet", number(plan.unmet_kw, "kW")],
        units,
        ["plan_scop", number(plan.scop, null, 2)],
      ]),
      money(plan),
      el("h4", {}, text("findings")),
      el("ul", { class: "reasons findings" }, plan.findings.map(reasonItem)),
      carbon(plan),
      storage(plan),
      assumptions(plan.assumptions),
    );
  };

  /* The section on what must be shown or arranged, folded by group. */
  OneMap.checklistSection = (items) => {
    if (!items.length) return null;
    const everyone = new Set(items.flatMap((item) => item.options));
    const entry = (item) => el(
      "li", {}, pick(item),
      el(
        "span", { class: "reason-source" },
        item.options.length < everyone.size
          ? el("span", {}, item.options.map((id) => pick(OneMap.config.options[id])).join(OneMap.language() === "en" ? ", " : "、")) : null,
        OneMap.cite(item.clause_id),
      ),
    );
    const groups = Object.entries(OneMap.config.groups).map(([id, title]) => {
      const own = items.filter((item) => item.group === id);
      if (!own.length) return null;
      return el(
        "details", { class: "group", "data-group": id },
        el("summary", {}, pick(title), el("span", { class: "count" }, String(own.length))), el("ul", {}, own.map(entry)),
      );
    });
    return el("section", { id: "checklist" }, el("h3", {}, text("checklist")), groups);
  };
})();
