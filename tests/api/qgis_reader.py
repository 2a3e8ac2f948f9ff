"""Run by the Python that QGIS is installed for: reads collections as QGIS does and prints what it finds.

Arguments: the provider (OAPIF or WFS), the address of the service, and as JSON by name [collection, box or
null, expression or null].
"""

import json
import os
import sys

from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer

provider, address, asked = *sys.argv[1:3], json.loads(sys.argv[3])
application = QgsApplication([], False)
application.initQgis()
found = {}
for name, (collection, box, expression) in asked.items():
    uri = f"typename='{collection}' url='{address}' pagingEnabled='true'"
    # As the dialog's box "Only request features overlapping the view extent" has it.
    uri += " restrictToRequestBBOX='1'" if box is not None else ""
    layer = QgsVectorLayer(uri, collection, provider)
    if not layer.isValid():
        sys.exit(f"QGIS cannot read {collection}")
    if expression is not None and not layer.setSubsetString(expression):
        sys.exit(f"QGIS cannot filter {collection}")
    request = QgsFeatureRequest()
    if box is not None:
        request.setFilterRect(QgsRectangle(*box))
    key = layer.fields()[0].name()
    features = list(layer.getFeatures(request))
    found[name] = {
        "crs": layer.crs().authid(),
        "ids": sorted(feature[key] for feature in features),
        "boxes": {
            feature[key]: [b.xMinimum(), b.yMinimum(), b.xMaximum(), b.yMaximum()]
            for feature in features[:20]
            for b in [feature.geometry().boundingBox()]
        },
    }
print(json.dumps(found), flush=True)
# What QGIS would do at its end is nothing to this program, and takes it seconds.
os._exit(0)
