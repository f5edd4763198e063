"""Requests of the 3D Portrayal Service: bytes in, typed requests or OWS exceptions out. PURE."""
