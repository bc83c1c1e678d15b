"""Servers that speak HTTP, asked within a hook's time."""
