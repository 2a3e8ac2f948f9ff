"""The page that tells of every layer's last check; its script asks /api/checks for them."""

from __future__ import annotations

from gis.webmap.beside import page_beside

_SHARED = ("unknown", "projects_open")
"""Texts of the map page that this one has too."""


def data_page() -> str:
    """Return the HTML of the page; the same for every reader."""
    return page_beside("data", _SHARED, {}, ("onemap", "dashboard", "data"), ("text", "data"))
