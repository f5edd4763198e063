"""The service metadata document of GetCapabilities, its schemas, and what it is made from."""
