"""What flavors have in common that an engine with Docker's API runs."""
