"""Changes of manifests as files: what people would do by hand, with all that they did not mean to change left alone."""
