"""The types of secret stores, a file each."""
