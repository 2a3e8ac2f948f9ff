/* Two scenarios side by side: what the second changes, by technology, by district, by parcel. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const { mw, count, table, technology } = OneMap.tables;
  const state = { before: null, after: null };

  const byTechnology = (summary) => Object.fromEntries(summary.technologies.map((t) => [t.technology, t.allocated_kw]));

  function technologies(before, after, names) {
    const [old, now] = [byTechnology(before), byTechnology(after)];
    const rows = before.technologies.map(({ technology: id }) => ({ title: technology(id), old: old[id], now: now[id] }));
    rows.push({ title: text("unmet"), old: before.unmet_kw, now: after.unmet_kw });
    return table(text("match_by_technology"), [
      { name: "title", title: text("match_technology"), text: true },
      { name: "old", title: `${names[0]} (MW)`, show: (row) => mw(row.old) },
      { name: "now", title: `${names[1]} (MW)`, show: (row) => mw(row.now) },
      { name: "change", title: text("match_change"), show: (row) => mw(row.now - row.old, true) },
    ], rows);
  }

  /* The difference by district; a district that one of the runs does not know is not compared. */
  function districtChanges(before, after) {
    const known = new Map(OneMap.matchDistricts(before).map((row) => [row.name, row]));
    return OneMap.matchDistricts(after).filter((row) => known.has(row.name)).map((row) => {
      const old = known.get(row.name);
      const parts = Object.entries(row.parts).map(([id, kw]) => [id, kw - old.parts[id]]);
      return { name: row.name, unmet: row.unmet - old.unmet, parts: Object.fromEntries(parts) };
    });
  }

  const served = (id) => (id ? technology(id) : text("match_none"));

  function changed(found) {
    const told = el("p", { id: "match-changed" }, text("match_changed", {
      n: count(found.changed_count), all: count(found.parcel_count),
    }), found.single_count ? text("match_single", { n: count(found.single_count) }) : null);
    if (!found.changes.length) return [told];
    return [told, table(text("match_changes"), [
      { name: "before", title: text("match_before"), text: true, show: (row) => served(row.before) },
      { name: "after", title: text("match_after"), text: true, show: (row) => served(row.after) },
      { name: "parcel_count", title: text("match_parcels"), show: (row) => count(row.parcel_count) },
    ], found.changes)];
  }

  function pickers(redraw) {
    const box = (name, label) => el("label", { class: "field" }, text(label), OneMap.match.select(state[name], text(label), (chosen) => {
      state[name] = chosen;
      redraw();
    }));
    return el("div", { class: "fields" }, box("before", "match_before"), box("after", "match_after"));
  }

  /* To the map: one in the place of the other, or on two sides of a divider. */
  function toMap(leave) {
    const way = (id, words, show) => {
      const button = el("button", { type: "button", class: "primary", id }, words);
      button.addEventListener("click", () => {
        leave();
        show([state.before, state.after]);
      });
      return button;
    };
    const flip = (pair) => {
      OneMap.controls.show("match_parcel");
      OneMap.match.compare(pair);
    };
    const swipe = way("match-to-swipe", text("swipe_to_map"), OneMap.swipe.openRuns);
    swipe.disabled = state.before === state.after;
    return el("div", { class: "fields" }, way("match-to-map", text("match_to_map"), flip), swipe);
  }

  function assumptions() {
    return el("ul", { class: "assumed-of" }, [state.before, state.after].map((name) => el(
      "li", {}, el("b", {}, OneMap.match.titleOf(name)), text("colon"),
      OneMap.match.assumed(OneMap.match.run(name)), OneMap.match.staleNote(name),
    )));
  }

  /* The tab that compares two runs. */
  OneMap.compareTab = async (scenario, leave, redraw) => {
    const names = OneMap.match.runs().map((run) => run.scenario);
    if (names.length < 2) return [el("p", { class: "note" }, text("match_one_only"))];
    if (!names.includes(state.before)) state.before = names.includes("base") ? "base" : names[0];
    if (!names.includes(state.after) || state.after === state.before) {
      state.after = scenario === state.before ? names.find((name) => name !== state.before) : scenario;
    }
    const [before, after, found] = await Promise.all([
      OneMap.match.detail(state.before), OneMap.match.detail(state.after), OneMap.match.changes(state.after, state.before),
    ]);
    const rows = districtChanges(before.summary, after.summary);
    const title = text("match_district_change");
    return [
      pickers(redraw), assumptions(), toMap(leave),
      el("h3", {}, text("match_by_technology")),
      technologies(before.summary, after.summary, [state.before, state.after].map(OneMap.match.titleOf)),
      el("h3", {}, text("match_changes")), ...changed(found),
      OneMap.charts.chartFigure(
        "changes", title, OneMap.charts.stackedBars(rows, OneMap.charts.power(true)), OneMap.charts.districtTable(title, rows, true), 110 + 26 * rows.length,
      ),
    ];
  };
})();
