"""Spatial facts: what lies at, near and over every parcel.

Distances are planar in the storage CRS between the geometries themselves, never
centroids: 0 where they touch or overlap. Ties go to the feature with the lowest key.
"""
