/* The report of a stored parcel, in the language of the page. */
(function () {
  "use strict";
  const { el, text } = OneMap;

  OneMap.reportLinks = (parcelId) => {
    const link = (format) => el("a", {
      href: `/api/parcels/${encodeURIComponent(parcelId)}/report?format=${format}&lang=${OneMap.language()}`,
      target: "_blank", rel: "noopener", class: "report-link",
    }, text(format === "pdf" ? "report_pdf" : "report_html"));
    return el("p", { class: "report-links" }, text("report"), " ", link("pdf"), " ", link("html"));
  };
})();
