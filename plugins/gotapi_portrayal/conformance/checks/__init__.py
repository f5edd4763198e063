"""The checks, by the conformance classes of Annex A."""
