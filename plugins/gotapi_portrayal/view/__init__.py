"""Server-rendered views (3DPS 10): a rasteriser in C, image layers, their encodings."""
