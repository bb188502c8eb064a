"""Whole documents: read, restored where they are prose, and written with every other byte as it was."""
