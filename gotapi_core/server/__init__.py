"""The hub's HTTP and WebSocket face: GotAPI-1, -2 and -5, files, surfaces and operator pages."""
