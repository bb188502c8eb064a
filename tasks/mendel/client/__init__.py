"""A client of `mendel serve`, which tries again where that makes sense."""
