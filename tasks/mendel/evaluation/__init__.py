"""How good a restorer is, what a sample can tell of that, and whether it is good enough."""
