"""Conformance kits for authors of flavors and stores; they need pytest."""
