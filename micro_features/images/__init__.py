"""Arrays in, arrays out: illumination, pores, boundaries, grains, phases."""
