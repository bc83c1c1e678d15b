"""Stacks of ZenML (https://docs.zenml.io) and of its mlstacks, taken over as manifests."""
