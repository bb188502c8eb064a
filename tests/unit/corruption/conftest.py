from hypothesis import settings

# The first call of a compiled function compiles it: time says nothing here.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
