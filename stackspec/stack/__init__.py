"""From manifests to desired state: references, expressions and rules resolved for one environment. Pure."""
