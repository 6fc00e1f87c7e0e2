"""Training classifiers of boundaries and pores, on drawn pictures and on one's own: the command `train-segmenter`."""

from micro_features.training.boundaries import Lesson, TrainedBoundaries, train_boundaries

__all__ = ["Lesson", "TrainedBoundaries", "train_boundaries"]
