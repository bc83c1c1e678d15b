"""Values into text for people and documents for programs."""

FORMAT_VERSION = "1.0"
"""The version of the JSON documents; the first number grows when a program that reads them would break."""
