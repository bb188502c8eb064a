"""Restorers: what undoes noise, how each kind is made, saved and read."""
