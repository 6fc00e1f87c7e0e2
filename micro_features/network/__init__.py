"""A network on pictures as a command: from a table that names pictures to a model on disk, and to predictions."""
