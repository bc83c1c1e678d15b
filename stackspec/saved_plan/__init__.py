"""Plans kept in files: signed, bound to what they were made from, and refused where that is not so any more."""
