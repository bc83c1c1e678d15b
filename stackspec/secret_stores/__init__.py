"""Where secrets are kept: one file a type of store."""
