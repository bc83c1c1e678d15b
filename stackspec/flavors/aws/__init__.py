"""What flavors that are Amazon's have in common."""
