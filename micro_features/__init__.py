"""From scanning electron micrographs to trustworthy feature tables."""

__version__ = "0.1.0.dev0"
