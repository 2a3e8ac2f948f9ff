"""How the documentation site is built: `python -m sphinx -W --keep-going -b html docs site`."""

from __future__ import annotations

import sys
from importlib.metadata import version as installed
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

project = "OneMap 新能源供热资源一张图"
html_title = "OneMap 新能源供热资源一张图"
version = release = installed("heat-onemap")
language = "zh_CN"

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_nb", "onemap_site"]
exclude_patterns = ["_ext", "**/.ipynb_checkpoints"]

# Notebooks are shown as they were committed; tests run them.
nb_execution_mode = "off"
# A dollar is a dollar: the command lines of the pages are full of them.
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# Single backquotes of the docstrings are code.
default_role = "code"
# Blocks that name no language are commands and their output.
highlight_language = "none"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 130

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_language = "zh"
html_copy_source = False
html_show_copyright = False
html_theme_options = {"top_of_page_buttons": []}
