"""How a model is trained: recipes, what it is fed, the training loop, and its files."""

from mnistlab.training.loop import TrainedModel, TrainingCancelledError, train

__all__ = ["TrainedModel", "TrainingCancelledError", "train"]
