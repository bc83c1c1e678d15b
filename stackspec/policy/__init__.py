"""Policies: what a project requires of its components, and of what plans do to them."""
