"""Label images and grey levels in, named numbers with units out."""
