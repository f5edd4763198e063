"""Settings for the tests of the pure protocol code."""

from hypothesis import settings

# A busy machine must not fail an example; the time limit per test stays.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")
