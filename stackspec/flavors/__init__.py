"""The contract of flavors and the catalogue: a folder for each component type, a file for each flavor."""
