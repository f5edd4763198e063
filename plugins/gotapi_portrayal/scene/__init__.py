"""GetScene: layers as scenes in the formats of 3D graphics, and as trees of tiles (clause 9)."""
