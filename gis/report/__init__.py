"""Reports as HTML and PDF: of one parcel, and the post-evaluation of a project."""

from gis.report.page import Report, html_of, pdf_of
from gis.report.sheet import sheet_csv, sheet_html, sheet_pdf
from gis.report.sight import Sight, sight_of

__all__ = ["Report", "Sight", "html_of", "pdf_of", "sheet_csv", "sheet_html", "sheet_pdf", "sight_of"]
