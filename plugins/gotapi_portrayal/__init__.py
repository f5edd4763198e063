"""City models, terrain and models as 3D portrayals: OGC 3DPS 1.0."""
