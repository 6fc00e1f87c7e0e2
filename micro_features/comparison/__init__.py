"""Two models of one property beside each other: the one of features and the one of pixels."""
