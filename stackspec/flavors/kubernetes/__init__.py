"""What flavors in a cluster of Kubernetes have in common."""
