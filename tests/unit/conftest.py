"""Settings for all unit tests."""

from hypothesis import settings

# How long an example takes says more of the machine than of the code.
settings.register_profile("mendel", deadline=None, print_blob=True)
settings.load_profile("mendel")
