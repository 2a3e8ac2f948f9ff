"""Examples shown in OpenAPI and on /docs; the tests send every one of them."""

from __future__ import annotations

from typing import Any

# A block in Tongzhou, Beijing's sub-centre.
_POLYGON: dict[str, Any] = {
    "type": "Polygon",
    "coordinates": [
        [
            [116.7000, 39.9000],
            [116.7040, 39.9000],
            [116.7040, 39.9030],
            [116.7000, 39.9030],
            [116.7000, 39.9000],
        ]
    ],
}
_FEATURE: dict[str, Any] = {
    "type": "Feature",
    "geometry": _POLYGON,
    "properties": {"name": "示例地块", "用地性质代码": "0701", "容积率": 2.0, "建设状态": "新建"},
}

BODY_EXAMPLES: dict[str, dict[str, Any]] = {
    "feature": {"summary": "one polygon with land use and floor area ratio", "value": _FEATURE},
    "collection": {
        "summary": "several polygons",
        "value": {"type": "FeatureCollection", "features": [_FEATURE | {"id": "A-01"}]},
    },
    "geometry": {"summary": "a bare polygon: nothing known but its shape", "value": _POLYGON},
}
