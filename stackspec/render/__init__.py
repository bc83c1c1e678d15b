"""Values into text for people and documents for programs."""
