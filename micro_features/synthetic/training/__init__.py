"""A wide mix of drawn pictures with exact labels, on which boundary and pore classifiers are trained."""

from micro_features.synthetic.training.picture import KINDS, SHAPE, TrainingPicture, training_picture

__all__ = ["KINDS", "SHAPE", "TrainingPicture", "training_picture"]
