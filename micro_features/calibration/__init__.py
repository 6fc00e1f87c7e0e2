"""From what is drawn on a picture, or stored with it, to its pixel size."""
