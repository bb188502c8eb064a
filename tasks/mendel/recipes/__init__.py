"""Recipes: how restorers are made, as settings alone. Loads no numerical package."""
