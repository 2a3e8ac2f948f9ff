/* The evaluation of a project's season, the last measured unless another is chosen: figures, months, checks, and its sheet. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const { figure, table } = OneMap.tables;
  const { share, card, cards, checks, section, seasons, isMissing } = OneMap.projects;

  const number = (value, digits, unit) => (isMissing(value) ? text("unknown") : `${figure(value, digits)}${unit ? ` ${OneMap.unit(unit)}` : ""}`);
  const mwh = (kwh) => (isMissing(kwh) ? text("unknown") : number(kwh / 1000, 1, "MWh"));
  const coverage = (of) => text("projects_coverage", { share: isMissing(of.coverage_frac) ? text("unknown") : share(of.coverage_frac) });

  function sums(one) {
    const { heat, electricity, cop, drift, water } = one;
    // Null where heat and electricity were never measured together.
    const co2 = one.co2 || {};
    const factor = co2.factor;
    return cards([
      card(text("projects_heat"), mwh(heat.measured_kwh), coverage(heat)),
      card(text("projects_electricity"), mwh(electricity.measured_kwh), coverage(electricity)),
      card(text("projects_season_cop"), number(cop.value, 2), isMissing(cop.paired_h) ? null : text("projects_paired", { h: figure(cop.paired_h, 0) })),
      card(text("projects_per_m2"), number(heat.kwh_per_m2, 1, "kWh/m2")),
      !isMissing(water.measured_m3) ? card(text("projects_water"), number(water.measured_m3, 0, "m3")) : null,
      card(text("projects_co2"), number(co2.emitted_t, 1, "t"), factor ? text("projects_factor", { name: OneMap.pick(factor.title), year: factor.year, n: figure(factor.kg_per_kwh, 4) }) : null),
      card(text("projects_avoided"), number(co2.avoided_t, 1, "t"), isMissing(co2.break_even_cop) ? null : text("projects_break_even", { n: figure(co2.break_even_cop, 2) })),
      drift && !isMissing(drift.slope_k_per_a) ? card(text("projects_drift"), text("projects_k_per_a", { n: figure(drift.slope_k_per_a, 2, true) }), isMissing(drift.error_k_per_a) ? null : text("projects_error", { n: figure(drift.error_k_per_a, 2) })) : null,
    ]);
  }

  /* What was measured beside what was designed and what the model has; nothing of it changes the model. */
  function compared({ cop, heat }) {
    const over = (one, base) => (isMissing(one.value) || !base || !one.whole ? "—" : share(one.value / base));
    const rows = [{ name: text("projects_season_cop"), value: cop.value, design: cop.design, model: cop.model, digits: 2, whole: true }];
    if (!isMissing(heat.design_kwh)) {
      // A sum with gaps beside the design of a whole year would look like a shortfall.
      rows.push({
        name: text("projects_heat_mwh"), value: isMissing(heat.measured_kwh) ? null : heat.measured_kwh / 1000, design: heat.design_kwh / 1000, model: null, digits: 1, whole: !isMissing(heat.kwh_per_m2),
      });
    }
    const title = text("projects_compared");
    return [el("h3", {}, title), table(title, [
      { name: "name", title: text("projects_figure"), text: true },
      { name: "value", title: text("projects_measured"), show: (one) => figure(one.value, one.digits) },
      { name: "design", title: text("projects_design"), show: (one) => figure(one.design, one.digits) },
      { name: "to_design", title: text("projects_to_design"), show: (one) => over(one, one.design) },
      { name: "model", title: text("projects_model"), show: (one) => figure(one.model, one.digits) },
      { name: "to_model", title: text("projects_to_model"), show: (one) => over(one, one.model) },
    ], rows)];
  }

  function months(list) {
    const title = text("projects_months");
    const scaled = (kwh) => (isMissing(kwh) ? null : kwh / 1000);
    const behind = table(title, [
      { name: "month", title: text("projects_month"), text: true },
      { name: "heat", title: text("projects_heat_mwh"), show: (one) => figure(scaled(one.heat_kwh), 1) },
      { name: "electricity", title: text("projects_electricity_mwh"), show: (one) => figure(scaled(one.electricity_kwh), 1) },
      { name: "cop", title: text("projects_cop"), show: (one) => figure(one.cop, 2) },
      { name: "coverage", title: text("projects_coverage_short"), show: (one) => share(one.coverage_frac) },
    ], list);
    return OneMap.charts.chartFigure("months", title, OneMap.projectCharts.months(list), behind, 320);
  }

  function sheets(id, season) {
    const link = (format, words) => el("a", {
      href: `/api/projects/${encodeURIComponent(id)}/sheet?${new URLSearchParams({ season, format, lang: OneMap.language() })}`, target: "_blank", rel: "noopener",
    }, words);
    return el("p", { class: "links" }, text("projects_sheet"), " ", link("pdf", "PDF"), " ", link("html", text("projects_html")), " ", link("csv", "CSV"));
  }

  /* The section of a project, which is short where nothing was measured. */
  OneMap.projectSeason = (id, one, again) => {
    if (!one) return section("project-season", text("projects_evaluation"), el("p", { class: "lead" }, text("projects_not_measured")));
    return section(
      "project-season", text("projects_season", { season: one.season, from: one.from, to: one.to }),
      seasons("projects-season-of", one.seasons, one.season, again), sheets(id, one.season), sums(one),
      one.months.length ? months(one.months) : null, ...compared(one), el("h3", {}, text("projects_checks")), one.checks.length ? checks(one.checks) : el("p", { class: "note" }, text("projects_no_checks")),
    );
  };
})();
