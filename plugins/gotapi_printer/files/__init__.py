"""Everything between a file and G-code: the printability check, slicing, analysis of G-code.

What needs numpy is imported in a child process only (`worker`); this package and the modules the
hub imports (`options`, `desk`, `prusaslicer`) do without.
"""
