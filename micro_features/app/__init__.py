"""The page on which thresholds are tuned by eye: a server on the loopback address, and the page itself."""
