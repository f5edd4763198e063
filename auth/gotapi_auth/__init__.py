"""The auth server: who asked, what the operator allowed, and the tokens that came of it."""
