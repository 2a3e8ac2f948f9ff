"""The JSON response of every route: orjson, which writes NaN as null."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi.responses import Response


class ORJSON(Response):
    """A JSON body; numpy scalars and dates are understood."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return `content` as JSON bytes."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
