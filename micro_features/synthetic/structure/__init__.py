"""Grains and pores in space: sizes, cells, places."""
