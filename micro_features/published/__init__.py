"""The published method, whole (Zhang et al., Nano Letters 2024, 24, 5292): the command `published`."""
