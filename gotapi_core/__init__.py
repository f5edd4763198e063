"""The hub: protocol, plug-in API, plug-in host, server and command line."""

__version__ = "0.1.0"
