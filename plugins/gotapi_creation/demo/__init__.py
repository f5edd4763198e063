"""`gotapi demo`: from a picture to a print in one command, with a hub and a printer of its own."""
