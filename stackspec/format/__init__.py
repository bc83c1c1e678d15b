"""How manifests are laid out: text to text, the meaning and the comments kept."""
