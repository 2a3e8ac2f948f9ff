"""Reports as HTML and PDF: of one parcel, and the post-evaluation of a project."""

from gis.report.page import Report, html_of, pdf_of
from gis.report.sheet import SheetForm, sheet_of
from gis.report.sight import Sight, sight_of

__all__ = ["Report", "SheetForm", "Sight", "html_of", "pdf_of", "sheet_of", "sight_of"]
