"""The published method: words of a classifier, a tree over them, and physical parameters at its splits."""
