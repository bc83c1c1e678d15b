"""Applied state: what stackspec made, and what it was doing when it last stopped."""
