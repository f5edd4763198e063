"""Descriptions of what the hub answers, generated from the route tables. PURE."""
