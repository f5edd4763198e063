"""Makes models of drawings, in a process of its own; `order` and `errors` need no numpy."""
