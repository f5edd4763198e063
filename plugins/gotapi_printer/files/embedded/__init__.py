"""PURE: the embedded slicer, an experiment: simple figures for simulated printers and estimates.

It has no supports, bridges, brims or gap filling; real prints are PrusaSlicer's.
"""
