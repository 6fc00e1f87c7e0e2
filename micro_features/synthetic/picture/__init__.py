"""Surfaces of a polycrystal and how they look: section, fracture, scan, data bar."""
