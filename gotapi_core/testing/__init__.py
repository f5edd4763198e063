"""For tests of plug-ins and applications: a real hub in the test's own event loop."""

from gotapi_core.testing.live import LiveHub, live_hub

__all__ = ["LiveHub", "live_hub"]
