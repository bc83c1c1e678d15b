"""Desired state against applied state. Pure: no I/O, no clock, no environment, no flavor code."""
