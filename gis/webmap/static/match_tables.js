/* Tables of figures: missing is a dash, never 0; columns can be sorted where that is asked for. */
(function () {
  "use strict";
  const { el, text } = OneMap;
  const isMissing = (value) => value === null || value === undefined || Number.isNaN(value);

  /* A number with a fixed count of decimals, a dash where it is missing; differences carry their sign. */
  function figure(value, digits, signed) {
    if (isMissing(value)) return "—";
    const rounded = Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value;
    return new Intl.NumberFormat(OneMap.language() === "en" ? "en-GB" : "zh-CN", {
      minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: signed ? "exceptZero" : "auto",
    }).format(rounded);
  }

  const over = (value, divisor) => (isMissing(value) ? null : value / divisor);
  const mw = (kw, signed) => figure(over(kw, 1000), 1, signed);
  const count = (value) => figure(value, 0);
  const percent = (part, whole) => (isMissing(part) || !whole ? "—" : `${figure((part / whole) * 100, 1)}%`);
  /* Heated area in the unit of the language: 万m² or million m². */
  const areaNumber = (m2) => over(m2, OneMap.language() === "en" ? 1e6 : 1e4);
  const area = (m2) => figure(areaNumber(m2), OneMap.language() === "en" ? 2 : 1);

  /* Rows by a column, what is missing always last. */
  function sorted(rows, column, down) {
    const by = column.sort || ((row) => row[column.name]);
    return [...rows].sort((a, b) => {
      const [left, right] = [by(a), by(b)];
      if (isMissing(left) || isMissing(right)) return isMissing(left) - isMissing(right);
      const order = typeof left === "number" ? left - right : String(left).localeCompare(String(right), "zh-CN");
      return down ? -order : order;
    });
  }

  function cell(column, row, head) {
    const shown = column.show ? column.show(row) : row[column.name];
    const missing = shown === "—";
    return el(
      head ? "th" : "td",
      { class: column.text ? "words" : null, scope: head ? "row" : null, title: missing ? text("unknown") : null },
      shown,
    );
  }

  function headCell(column, sorting, sortBy) {
    if (!sortBy) return el("th", { scope: "col", class: column.text ? "words" : null }, column.title);
    const on = sorting.name === column.name;
    const arrow = on ? (sorting.down ? " ▼" : " ▲") : "";
    const button = el("button", { type: "button", "data-sort": column.name }, column.title, el("span", { "aria-hidden": "true" }, arrow));
    button.addEventListener("click", () => sortBy(column));
    return el("th", {
      scope: "col", class: column.text ? "words" : null, "aria-sort": on ? (sorting.down ? "descending" : "ascending") : null,
    }, button);
  }

  /* A table. `columns` have name, title, and show(row) where the value is not to be shown as it is;
     `text` marks words. Options: `sorting` {name, down} makes it sortable, `most` limits the rows shown
     at first, `total` is a last row. */
  function table(caption, columns, rows, options) {
    const { sorting, most, total } = { sorting: null, most: Infinity, total: null, ...options };
    let shown = most;
    const grid = el("table", {}, el("caption", { class: "unseen" }, caption));
    const place = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, grid);
    const more = el("button", { type: "button", class: "link more-rows" });

    function draw() {
      const sortBy = sorting ? (column) => {
        Object.assign(sorting, { down: sorting.name === column.name ? !sorting.down : !column.text, name: column.name });
        draw();
        grid.querySelector(`[data-sort="${column.name}"]`).focus();
      } : null;
      const column = sorting && columns.find((c) => c.name === sorting.name);
      const ordered = column ? sorted(rows, column, sorting.down) : rows;
      const line = (row, kind) => el("tr", { class: kind }, columns.map((c, i) => cell(c, row, i === 0)));
      grid.replaceChildren(
        grid.caption, el("thead", {}, el("tr", {}, columns.map((c) => headCell(c, sorting || {}, sortBy)))),
        el("tbody", {}, ordered.slice(0, shown).map((row) => line(row, null)), total ? line(total, "total") : null),
      );
      more.hidden = rows.length <= shown;
      more.textContent = text("match_more_rows", { n: count(Math.min(most, rows.length - shown)), all: count(rows.length) });
    }

    more.addEventListener("click", () => {
      shown += most;
      draw();
    });
    draw();
    return el("div", { class: "table" }, place, rows.length > most ? more : null);
  }

  /* The name of a technology with its colour. */
  function technology(id) {
    const mark = el("span", { class: "swatch swatch-fill", "aria-hidden": "true" });
    mark.style.setProperty("--colour", OneMap.colourOf(id));
    return el("span", { class: "technology" }, mark, OneMap.parts.titleOf(id));
  }

  OneMap.tables = { figure, mw, count, percent, area, areaNumber, table, technology };
})();
