"""From tables to a model of a property, and from a model to predictions."""
