"""Figures become models: the 3DCAPI server of the hub and an embedded creation service."""
