"""How property tests run here: no deadline, since no timing decides a test."""

from hypothesis import settings

settings.register_profile("simpul", deadline=None)
settings.load_profile("simpul")
