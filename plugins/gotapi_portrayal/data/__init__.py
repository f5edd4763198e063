"""City models, terrain and meshes: read with limits, kept in one store, found by box and LOD.

`types` and `store` say what there is and cost nothing to import; the rest needs numpy.
"""
