"""Values with secrets in them: told apart without being known, turned into what they are only for a hook."""
