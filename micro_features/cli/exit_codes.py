"""What a command returns, beside 0."""

FAILED = 1
"""Some pictures failed."""
BAD_INPUT = 2
INTERRUPTED = 130
