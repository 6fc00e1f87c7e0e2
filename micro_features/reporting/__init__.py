"""A report to send to a colleague: what other commands wrote, on one page."""
