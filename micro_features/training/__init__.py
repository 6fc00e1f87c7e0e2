"""Training classifiers of boundaries on labelled pictures, drawn or a user's own: the command `train-segmenter`."""

from micro_features.training.boundaries import Lesson, TrainedBoundaries, train_boundaries

__all__ = ["Lesson", "TrainedBoundaries", "train_boundaries"]
