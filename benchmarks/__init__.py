"""Measurements of speed and memory; `make bench` runs them. Never part of the tests."""
