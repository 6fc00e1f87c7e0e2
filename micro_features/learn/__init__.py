"""What is learned from examples: classifiers of pixels."""
