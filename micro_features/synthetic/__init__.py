"""Drawn micrographs with known truth."""
