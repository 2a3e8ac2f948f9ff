/* The charts of the dashboard: what stands where beside the targets, and technologies by district. */
(function () {
  "use strict";
  const { text } = OneMap;
  const { figure } = OneMap.tables;
  const COLOURS = {
    potential: "#7aa6cf", potential_without_air: "#7aa6cf", matched: "#2f74b5", matched_without_air: "#2f74b5", running: "#0b4f8a",
  };
  const LEAST_END = 0.2;
  const percent = (share, digits) => `${figure(share * 100, digits)}%`;

  const told = (share, digits) => (share === null ? text("unknown") : percent(share, digits));

  /* The targets as lines across the bars. */
  function lines(targets) {
    const line = (year, share, align) => ({
      xAxis: share, label: { align, formatter: text("dashboard_line", { year, share: percent(share, 0) }) },
    });
    return {
      symbol: "none", silent: true, lineStyle: { color: "#8c1c13", width: 1.5, type: "solid" },
      label: { position: "start", color: "#8c1c13", fontSize: 11.5, distance: 5 },
      // The names go apart, as the lines may be close to each other.
      data: [line(2025, targets.target_2025_share_frac, "right"), line(2030, targets.target_2030_share_frac, "left")],
    };
  }

  /* One bar a basis. `rows` are {basis, title, share, rest}: `rest` is the share of which nothing is known, null
     where there is no telling how much that is. */
  function standings(rows, targets) {
    const narrow = window.innerWidth < 760;
    const shares = rows.map((row) => row.share || 0);
    const end = Math.ceil(Math.max(LEAST_END, ...shares) * 10) / 10;
    const left = (row) => Math.max(0, end - row.share);
    const known = {
      name: text("dashboard_known"), type: "bar", stack: "all", barMaxWidth: 20, markLine: lines(targets),
      data: rows.map((row) => ({ value: row.share, itemStyle: { color: COLOURS[row.basis] || "#52606d" } })),
    };
    const rest = {
      name: text("dashboard_rest"), type: "bar", stack: "all", silent: true,
      itemStyle: { color: "#eceff2", decal: { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1.5, 5], rotation: -Math.PI / 4, color: "#aab4bd" } },
      data: rows.map((row) => (row.share === null ? null : Math.min(row.rest === null ? end : row.rest, left(row)))),
    };
    const some = rest.data.some((value) => value > 0);
    return {
      legend: { show: some, bottom: 0, left: 0, itemWidth: 22, selectedMode: false, data: [text("dashboard_rest")], textStyle: { fontSize: narrow ? 11 : 12.5 } },
      grid: { left: 4, right: narrow ? 30 : 40, top: 30, bottom: some ? 34 : 8, containLabel: true },
      tooltip: {
        trigger: "axis", axisPointer: { type: "shadow" }, confine: true,
        formatter: ([{ dataIndex }]) => `${rows[dataIndex].title} ${told(rows[dataIndex].share, 2)}`,
      },
      xAxis: { type: "value", min: 0, max: end, axisLabel: { formatter: (value) => percent(value, 0), hideOverlap: true } },
      yAxis: {
        type: "category", inverse: true, data: rows.map((row) => `${row.title}\n${told(row.share, 1)}`), axisTick: { show: false },
        axisLabel: { width: narrow ? 118 : 230, overflow: "break", fontSize: narrow ? 11 : 12.5, lineHeight: 14 },
      },
      series: some ? [known, rest] : [known],
    };
  }

  const unit = () => text("dashboard_area_unit");

  /* What bars of heated area show: their area, or their share of the district's. */
  const measures = {
    area: () => ({
      scaled: (m2) => OneMap.tables.areaNumber(m2), told: (value) => `${figure(value, 1)} ${unit()}`, rest: text("legend_none"), least: 0,
    }),
    share: () => ({
      scaled: (m2, row) => (row.whole ? (m2 / row.whole) * 100 : 0), told: (value) => `${figure(value, 1)}%`, rest: text("legend_none"), least: 0,
    }),
  };

  /* Bars by district; the one that is looked at has its name in bold. */
  function districts(rows, measure, chosen) {
    const option = OneMap.charts.stackedBars(rows, measures[measure]());
    option.yAxis.data = rows.map((row) => (row.key === chosen ? { value: row.name, textStyle: { fontWeight: "bold", color: "#0b4f8a" } } : row.name));
    if (measure === "share") Object.assign(option.xAxis, { max: 100, axisLabel: { formatter: "{value}%" } });
    return option;
  }

  OneMap.dashboardCharts = { standings, districts };
})();
