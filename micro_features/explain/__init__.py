"""What a model's predictions rest on: attributions to features, and to groups of features."""
