"""Flavors that every component type has: a file each, of classes that leave the type open."""
