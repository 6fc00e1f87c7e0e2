"""The `benchmark` commands: how good it is, against known truth."""
