"""From text to manifests: reading, YAML, schemas, expressions. Pure but for `source`."""
