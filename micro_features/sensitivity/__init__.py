"""The command `sensitivity`: how far each number, and each prediction, hangs on the choice of thresholds."""
