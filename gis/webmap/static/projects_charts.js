/* The charts of the page of projects: area by year with the targets, months of a project, measured ranges. */
(function () {
  "use strict";
  const { text } = OneMap;
  const { figure, areaNumber } = OneMap.tables;
  const TARGET = "#8c1c13";
  const INK = "#1f2933";
  const HATCH = { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1.5, 5], rotation: -Math.PI / 4, color: "#7b8794" };
  const FORECAST_OPACITY = 0.5;

  const narrow = () => window.innerWidth < 760;
  const legend = (data) => ({ top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { fontSize: narrow() ? 11 : 12.5 }, selectedMode: false, ...(data ? { data } : {}) });

  function yearName(year) {
    if (year.basis === "present") return text("projects_today");
    return year.basis === "forecast" ? text("projects_year_forecast", { year: year.year }) : String(year.year);
  }

  /* Bars by year, one piece a technology; the paler are forecasts, hatched is what has no day on record. */
  function years(answer, { withoutAir, withTargets }) {
    const of = (year, id) => year.areas.technologies.find((one) => one.technology === id);
    const piece = (id) => ({
      name: id ? OneMap.parts.titleOf(id) : text("projects_no_technology"), type: "bar", stack: "all", barMaxWidth: 46, itemStyle: { color: OneMap.colourOf(id) },
      data: answer.years.map((year) => ({
        value: of(year, id) ? areaNumber(of(year, id).heated_area_m2) : null, itemStyle: { opacity: year.basis === "forecast" ? FORECAST_OPACITY : 1 },
      })),
    });
    const ids = [...OneMap.config.technologies.map((one) => one.id), null].filter(
      (id) => !(withoutAir && id === "air_source") && answer.years.some((year) => of(year, id)),
    );
    const key = withoutAir ? "without_air_area_m2" : "heated_area_m2";
    const undated = (answer.running_undated[key] || 0) + (answer.ended_undated[key] || 0);
    const series = ids.map(piece);
    if (undated && answer.years.some((year) => year.basis === "past")) {
      series.push({
        name: text("projects_undated_bar"), type: "bar", stack: "all", barMaxWidth: 46, itemStyle: { color: "#f3f6f8", borderColor: "#7b8794", decal: HATCH },
        data: answer.years.map((year) => (year.basis === "past" ? areaNumber(undated) : null)),
      });
    }
    const bars = series.map((one) => one.name);
    if (withTargets) series.push(targetMarks(answer));
    return {
      legend: legend(bars),
      grid: { left: 4, right: 20, top: narrow() ? 96 : 56, bottom: 4, containLabel: true },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, confine: true, valueFormatter: (value) => (value === null || value === undefined || value === "-" ? "—" : `${figure(Array.isArray(value) ? value[1] : value, 1)} ${text("dashboard_area_unit")}`) },
      xAxis: { type: "category", data: answer.years.map(yearName), axisTick: { show: false }, axisLabel: { hideOverlap: true, lineHeight: 15 } },
      yAxis: { type: "value", name: text("dashboard_area_unit"), nameTextStyle: { align: "left" }, axisLabel: { hideOverlap: true } },
      series,
    };
  }

  /* The targets as strokes over the bar of their year; that of the present one stands over today's. */
  function targetMarks(answer) {
    const known = answer.targets.filter((one) => one.needed_area_m2 !== null);
    return {
      name: text("projects_target"), type: "scatter", symbol: "rect", symbolSize: [narrow() ? 30 : 58, 3], itemStyle: { color: TARGET }, z: 5,
      data: known.map((one) => {
        const place = answer.years.findIndex((year) => year.year === one.year);
        // The names go inwards, where there is room for them.
        return { value: [place, areaNumber(one.needed_area_m2)], label: { align: place < answer.years.length / 2 ? "left" : "right" } };
      }),
      label: {
        show: true, position: "top", color: TARGET, fontSize: 11.5,
        formatter: ({ dataIndex }) => text("projects_target_label", { year: known[dataIndex].year, area: OneMap.projects.areaWithUnit(known[dataIndex].needed_area_m2) }),
      },
    };
  }

  /* Bars of heat and electricity by month in MWh, the COP of the month as a line. */
  function months(list) {
    const mwh = (value) => (value === null || value === undefined ? null : value / 1000);
    const bar = (name, colour, of) => ({ name, type: "bar", barMaxWidth: 22, itemStyle: { color: colour }, data: list.map((one) => mwh(of(one))) });
    return {
      legend: legend(),
      grid: { left: 4, right: 12, top: 58, bottom: 4, containLabel: true },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, confine: true, valueFormatter: (value) => figure(value, 2) },
      xAxis: { type: "category", data: list.map((one) => one.month), axisTick: { show: false } },
      yAxis: [
        { type: "value", name: "MWh", min: 0, nameTextStyle: { align: "left" } },
        { type: "value", name: text("projects_cop"), min: 0, splitLine: { show: false } },
      ],
      series: [
        bar(text("projects_heat"), "#d55e00", (one) => one.heat_kwh), bar(text("projects_electricity"), "#0072b2", (one) => one.electricity_kwh),
        { name: text("projects_cop"), type: "line", yAxisIndex: 1, symbolSize: 7, itemStyle: { color: INK }, lineStyle: { color: INK, width: 2 }, data: list.map((one) => (one.cop === undefined ? null : one.cop)) },
      ],
    };
  }

  /* The middle half of what was measured as a bar, its median and the figure of the model as marks. */
  function ranges(list, nameOf) {
    const mark = (name, of, symbol, colour) => ({
      name, type: "scatter", symbol, symbolSize: 11, itemStyle: { color: colour }, z: 5,
      data: list.map((one, place) => [of(one), place]).filter(([value]) => value !== null && value !== undefined),
    });
    return {
      legend: legend([text("projects_half"), text("projects_median"), text("projects_model")]),
      grid: { left: 4, right: 20, top: 40, bottom: 4, containLabel: true },
      tooltip: { trigger: "item", confine: true, valueFormatter: (value) => figure(Array.isArray(value) ? value[0] : value, 2) },
      xAxis: { type: "value", scale: true },
      yAxis: { type: "category", inverse: true, data: list.map(nameOf), axisTick: { show: false }, axisLabel: { width: narrow() ? 110 : 240, overflow: "break" } },
      series: [
        { type: "bar", stack: "all", silent: true, itemStyle: { color: "transparent" }, data: list.map((one) => one.q1) },
        { name: text("projects_half"), type: "bar", stack: "all", barMaxWidth: 16, itemStyle: { color: "#9fc0de" }, data: list.map((one) => (one.q3 === null ? null : one.q3 - one.q1)) },
        mark(text("projects_median"), (one) => one.median, "circle", "#0b4f8a"), mark(text("projects_model"), (one) => one.model, "diamond", TARGET),
      ],
    };
  }

  OneMap.projectCharts = { years, yearName, months, ranges };
})();
