"""Drift: whether a day's restored records are still like what the model that restored them was calibrated on."""
