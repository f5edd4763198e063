"""Annex A of OGC 15-001r4 as checks of any 3D Portrayal Service, for `gotapi conformance`.

The package speaks to a server over HTTP only, as a client would, and takes nothing from the service
of this plug-in: what it expects is what the text says, not what our own code does.
"""

from gotapi_portrayal.conformance.suite import CHECKS, SUITE, check_server

__all__ = ["CHECKS", "SUITE", "check_server"]
