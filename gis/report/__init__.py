"""The report of one parcel, as HTML and PDF: what a planner puts into the file."""

from gis.report.page import Report, html_of, pdf_of
from gis.report.sight import Sight, sight_of

__all__ = ["Report", "Sight", "html_of", "pdf_of", "sight_of"]
