"""What a component makes, marks as its own, and removes only then."""
