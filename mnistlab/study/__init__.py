"""Models and data in, results out: evaluations, comparisons, robustness, explanations."""

from mnistlab.study.evaluation import evaluate, evaluate_models
from mnistlab.study.study import Study, compare

__all__ = ["Study", "compare", "evaluate", "evaluate_models"]
