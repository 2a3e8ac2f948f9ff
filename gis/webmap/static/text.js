/* Language, numbers and small DOM helpers. Data reaches the page as text nodes only. */
(function () {
  "use strict";
  const config = () => OneMap.config;
  const listeners = [];
  let language = new URLSearchParams(location.search).get("lang") === "en" ? "en" : "zh";

  window.OneMap = {
    config: null,

    language: () => language,

    onLanguage(listener) { listeners.push(listener); },

    setLanguage(next) {
      language = next;
      const url = new URL(location.href);
      if (next === "en") url.searchParams.set("lang", "en"); else url.searchParams.delete("lang");
      history.replaceState(null, "", url);
      OneMap.applyLanguage();
    },

    applyLanguage() {
      document.documentElement.lang = language === "en" ? "en" : "zh-CN";
      document.title = OneMap.text(document.documentElement.dataset.title || "document_title");
      document.querySelectorAll("[data-text]").forEach((el) => { el.textContent = OneMap.text(el.dataset.text); });
      document.querySelectorAll("[data-label]").forEach((el) => {
        el.setAttribute("aria-label", OneMap.text(el.dataset.label));
      });
      document.querySelectorAll("a[data-page]").forEach((el) => {
        el.href = OneMap.page(el.dataset.page);
      });
      listeners.forEach((listener) => listener());
    },

    /* A text of `strings/` in the present language, {names} filled in. */
    text(key, values) {
      const both = config().strings[key];
      return both[language].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    },

    /* The present language of {zh, en}; a percentage stays on one line. */
    pick: (both) => both[language].replace(/(\d) %/g, "$1\u00a0%"),

    /* The address of a page of ours with what it is asked for, in the present language. */
    page(path, asked) {
      const query = new URLSearchParams({ ...asked, ...(language === "en" ? { lang: "en" } : {}) }).toString();
      return query ? `${path}?${query}` : path;
    },

    /* A number with its unit, or "not known" for a missing one; missing is never shown as 0. */
    number(value, unit, digits) {
      if (value === null || value === undefined || Number.isNaN(value)) return OneMap.text("unknown");
      const shown = new Intl.NumberFormat(language === "en" ? "en-GB" : "zh-CN", {
        maximumFractionDigits: digits === undefined ? 0 : digits,
      }).format(value);
      return unit && unit !== "1" ? `${shown} ${OneMap.unit(unit)}` : shown;
    },

    /* A day and time in Beijing, as in reports and versions, wherever the browser is. */
    day: (moment) => new Intl.DateTimeFormat(language === "en" ? "en-GB" : "zh-CN", {
      dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Shanghai",
    }).format(new Date(moment)),

    share(value) {
      if (value === null || value === undefined) return OneMap.text("unknown");
      return `${OneMap.number(value * 100, null, 1)}%`;
    },

    noneColour: "#8a939b",

    colourOf(technology) {
      const found = config().technologies.find((t) => t.id === technology);
      return found ? found.colour : OneMap.noneColour;
    },

    unit(unit) {
      if (unit === "points") return language === "en" ? "points" : "分";
      if (unit === "d") return language === "en" ? "days" : "天";
      return (language === "en" ? unit : unit.replace("CNY", "元")).replace(/m2/g, "m²").replace(/m3/g, "m³").replace("degC", "°C");
    },

    /* A value of any kind with enough digits to compare it with a threshold. */
    value(value, unit) {
      if (typeof value === "boolean") return OneMap.text(value ? "yes" : "no");
      if (typeof value === "number") {
        const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 3;
        return OneMap.number(value, unit, digits);
      }
      if (value && typeof value === "object") return OneMap.pick(value);
      const words = Object.hasOwn(config().words, value) ? config().words[value] : null;
      return words ? OneMap.pick(words) : String(value);
    },

    /* Create an element: attributes, then children (strings become text nodes). */
    el(tag, attributes, ...children) {
      const node = document.createElement(tag);
      Object.entries(attributes || {}).forEach(([name, value]) => {
        if (value !== null && value !== undefined && value !== false) {
          node.setAttribute(name, value === true ? "" : value);
        }
      });
      children.flat().forEach((child) => {
        if (child !== null && child !== undefined) node.append(child);
      });
      return node;
    },

    /* JSON of this server, asked for or (with a body or a form) sent; a failure carries the server's own sentence. */
    async getJson(path, body, method) {
      const isForm = body instanceof FormData;
      const sent = body === undefined ? { method: method || "GET" } : { method: "POST", body: isForm ? body : JSON.stringify(body) };
      const response = await fetch(path, {
        ...sent, headers: { Accept: "application/json", ...(sent.body && !isForm ? { "Content-Type": "application/json" } : {}) },
      });
      const answer = await response.json().catch(() => null);
      if (!response.ok) {
        const told = (answer && (answer.detail || answer.title)) || `HTTP ${response.status}`;
        const pointer = answer && answer.errors && answer.errors[0].pointer;
        throw Object.assign(new Error(told), { code: answer && answer.code, status: response.status, pointer });
      }
      return answer;
    },
  };
})();
