"""How pictures and models travel: over WebSocket with resumption, over HTTP (tus), over FTP."""
