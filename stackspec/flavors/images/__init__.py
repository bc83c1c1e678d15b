"""What container registries and image builders have in common."""
