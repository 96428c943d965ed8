"""MNIST, checked and memory-mapped; scikit-learn's digits and your own files in its format."""

from __future__ import annotations

from mnistlab.data.dataset import Dataset
from mnistlab.data.digits import load_digits
from mnistlab.data.folder import open_folder, save_folder
from mnistlab.data.mnist import describe, info, load_default, load_mnist
from mnistlab.data.own.reader import load_own
from mnistlab.data.pixel_statistics import SplitStatistics, Statistics, statistics

__all__ = [
    "Dataset",
    "SplitStatistics",
    "Statistics",
    "describe",
    "info",
    "load_default",
    "load_digits",
    "load_mnist",
    "load_own",
    "open_folder",
    "save_folder",
    "statistics",
]
