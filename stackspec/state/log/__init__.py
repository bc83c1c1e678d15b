"""State as a log of entries, each an object that only one can create."""
