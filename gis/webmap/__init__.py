"""The map page: folium on local vector tiles; tiles and identification in SQL."""

from gis.webmap.page import MapData, asset_dirs, map_page

__all__ = ["MapData", "asset_dirs", "map_page"]
