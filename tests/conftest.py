"""What all tests have in common."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("stackspec", deadline=None)  # a machine may be busy; nothing in the tests is timed
settings.load_profile("stackspec")
