/* Charts by Apache ECharts, which is fetched from this server when one is first drawn. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const { mw, figure, table } = OneMap.tables;
  const INK = "#1f2933";
  const UNMET = "#8a939b";
  const SANKEY_GAP = 26;
  const drawn = new Set();
  const options = new WeakMap();
  const choosers = new WeakMap();
  let library = null;

  function load() {
    library = library || new Promise((resolve, reject) => {
      const script = el("script", { src: OneMap.config.echarts });
      script.addEventListener("load", () => resolve(window.echarts));
      script.addEventListener("error", () => {
        library = null;
        script.remove();
        reject(new Error(text("match_no_charts")));
      });
      document.head.append(script);
    });
    return library;
  }

  const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  function base() {
    return {
      animation: !still(), animationDuration: 300,
      textStyle: { fontFamily: getComputedStyle(document.documentElement).fontFamily, color: INK },
    };
  }

  /* Charts no longer on the page give back what they hold; the others take their new width. */
  function tidy() {
    drawn.forEach((chart) => {
      if (chart.getDom().isConnected) {
        chart.resize();
        return;
      }
      chart.dispose();
      drawn.delete(chart);
    });
  }

  /* Draw the charts of figures that are on the page by now: a chart takes its size from its place. */
  async function drawAll() {
    const places = [...document.querySelectorAll(".chart")].filter((place) => options.has(place));
    if (!places.length) return;
    try {
      const echarts = await load();
      tidy();
      places.filter((place) => place.isConnected && options.has(place)).forEach((place) => {
        const chart = echarts.init(place, null, { renderer: "svg" });
        chart.setOption({ ...base(), ...options.get(place) });
        if (choosers.has(place)) chart.getZr().on("click", (event) => choose(chart, event, choosers.get(place)));
        options.delete(place);
        drawn.add(chart);
      });
    } catch (error) {
      places.forEach((place) => place.replaceWith(el("p", { class: "error", role: "alert" }, error.message)));
    }
  }

  /* A click anywhere in the band of a bar, its name too, chooses it. */
  function choose(chart, { offsetY }, chosen) {
    const place = Math.round(chart.convertFromPixel({ yAxisIndex: 0 }, offsetY));
    const [here, next] = [place, place + 1].map((at) => chart.convertToPixel({ yAxisIndex: 0 }, at));
    if (Math.abs(offsetY - here) <= Math.abs(next - here) / 2) chosen(place);
  }

  /* What is changed of the page's size at once, as for paper, is seen at once. */
  function fit() {
    tidy();
    drawn.forEach((chart) => chart.getZr().flush());
  }

  /* A figure: title, chart, and a table of the same figures folded behind it. `chosen` takes the number of
     the bar that is clicked. */
  function chartFigure(name, title, option, tables, height, chosen) {
    const place = el("div", { class: "chart", role: "img", "aria-label": title, "data-chart": name });
    place.style.height = `${height}px`;
    options.set(place, option);
    if (chosen) choosers.set(place, chosen);
    return el(
      "figure", { class: "match-figure" }, el("figcaption", {}, title), place,
      el("details", { class: "more" }, el("summary", {}, text("match_figures")), tables),
    );
  }

  /* From kinds of sources by technologies to the load; `links` are {from, technology, kw}. */
  function sankey(links, loadTitle, unmetKw) {
    const narrow = window.innerWidth < 760;
    const technologies = [...new Set(links.map((link) => link.technology))];
    const nodes = [
      ...[...new Set(links.map((link) => link.from))].map((name) => ({ name, itemStyle: { color: "#7b8794" } })),
      ...technologies.map((id) => ({ name: OneMap.parts.titleOf(id), itemStyle: { color: OneMap.colourOf(id) } })),
      { name: loadTitle, itemStyle: { color: INK }, label: { position: "left" } },
    ];
    const flows = links.map((link) => flow(link.from, OneMap.parts.titleOf(link.technology), link.kw, link.technology));
    technologies.forEach((id) => flows.push(flow(
      OneMap.parts.titleOf(id), loadTitle, links.filter((l) => l.technology === id).reduce((sum, l) => sum + l.kw, 0), id,
    )));
    if (unmetKw > 0) {
      nodes.push({ name: text("unmet"), itemStyle: { color: UNMET } });
      flows.push(flow(text("unmet"), loadTitle, unmetKw, null));
    }
    return {
      tooltip: { trigger: "item", confine: true, valueFormatter: (value) => `${figure(value, 1)} MW` },
      series: [{
        // No iterations: nodes stay in the order of technologies. The gap leaves room for the names of small ones.
        type: "sankey", data: nodes, links: flows, layoutIterations: 0, nodeGap: SANKEY_GAP, nodeWidth: 12,
        left: 4, right: 8, top: 14, bottom: 14, draggable: false, emphasis: { focus: "adjacency" },
        label: {
          // Names of thin nodes lie over their flows, which would strike them through.
          color: INK, textBorderColor: "#ffffff", textBorderWidth: 2, fontSize: narrow ? 10.5 : 12.5, lineHeight: narrow ? 12 : 15, overflow: "break", width: narrow ? 112 : 260,
          formatter: ({ name, value }) => `${name}${narrow ? "\n" : "  "}${figure(value, 1)} MW`,
        },
      }],
    };
  }

  const flow = (source, target, kw, technology) => ({
    source, target, value: kw / 1000,
    lineStyle: { color: technology ? OneMap.colourOf(technology) : UNMET, opacity: 0.38, curveness: 0.5 },
  });

  /* What bars of power show: kW in MW; `signed` ones are differences. */
  const power = (signed) => ({
    scaled: (kw) => kw / 1000, told: (value) => `${figure(value, 1, signed)} MW`, rest: text("unmet"), least: 0.05,
  });

  /* Bars by district, one piece a technology; `rows` are {name, parts: {technology: value}, unmet}. Of what is
     measured `scaled` values are drawn, `told` says one, `rest` is the name of what no technology has. */
  function stackedBars(rows, measure) {
    const part = (name, colour, value) => ({
      name, type: "bar", stack: "all", barMaxWidth: 22, itemStyle: { color: colour },
      data: rows.map((row) => measure.scaled(value(row), row)),
    });
    const technologies = OneMap.config.technologies.map(
      (t) => part(OneMap.parts.titleOf(t.id), t.colour, (row) => row.parts[t.id] || 0),
    );
    const unmet = part(measure.rest, UNMET, (row) => row.unmet || 0);
    const series = [...technologies, unmet].filter((one) => one.data.some((value) => Math.abs(value) >= measure.least));
    const narrow = window.innerWidth < 760;
    return {
      legend: { top: 0, left: 0, itemWidth: 14, itemHeight: 10, textStyle: { fontSize: narrow ? 11 : 12.5 }, selectedMode: false },
      grid: { left: 4, right: 24, top: narrow ? 72 : 40, bottom: 8, containLabel: true },
      tooltip: { trigger: "axis", axisPointer: { type: "shadow" }, confine: true, valueFormatter: measure.told },
      xAxis: { type: "value", axisLabel: { hideOverlap: true } },
      yAxis: { type: "category", inverse: true, data: rows.map((row) => row.name), axisTick: { show: false } },
      series,
    };
  }

  /* Cumulated MW over the length of connection; `points` are {length, allocated, free} in kW so far. */
  function curve(points, titles, colour) {
    const line = (name, value, style) => ({
      name, type: "line", step: "end", symbol: points.length < 60 ? "circle" : "none", symbolSize: 5,
      data: points.map((p) => [p.length, value(p) / 1000]), lineStyle: { width: 2, ...style }, itemStyle: { color: style.color },
    });
    return {
      legend: { top: 0, left: 0 },
      grid: { left: 12, right: 44, top: 44, bottom: 36, containLabel: true },
      tooltip: { trigger: "axis", confine: true, valueFormatter: (value) => `${figure(value, 1)} MW` },
      xAxis: {
        type: "value", name: titles.length, nameLocation: "middle", nameGap: 30, min: 0,
        axisPointer: { label: { formatter: ({ value }) => `${figure(value, 0)} m` } },
      },
      yAxis: { type: "value", min: 0 },
      series: [
        line(titles.free, (p) => p.allocated + p.free, { color: UNMET, type: "dashed" }),
        { ...line(titles.allocated, (p) => p.allocated, { color: colour }), areaStyle: { color: colour, opacity: 0.25 } },
      ],
    };
  }

  /* The table behind bars by district. */
  function districtTable(caption, rows, signed) {
    const shown = OneMap.config.technologies.filter((t) => rows.some((row) => Math.abs(row.parts[t.id] || 0) >= 50));
    return table(caption, [
      { name: "name", title: text("match_district"), text: true },
      ...shown.map((t) => ({
        name: t.id, title: OneMap.parts.titleOf(t.id), show: (row) => mw(row.parts[t.id], signed), sort: (row) => row.parts[t.id],
      })),
      { name: "unmet", title: text("unmet"), show: (row) => mw(row.unmet, signed) },
    ], rows, { sorting: { name: null, down: false } });
  }

  window.addEventListener("resize", tidy);
  OneMap.charts = { load, drawAll, fit, chartFigure, sankey, power, stackedBars, curve, districtTable };
})();
