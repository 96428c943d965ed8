"""Write MNIST to the npz file that is named, for an image: python deploy/save_mnist.py FILE."""

import sys

import numpy as np

from mnistlab.data import load_mnist

data = load_mnist(progress=False)
arrays = {name: getattr(data, name) for name in ("x_train", "y_train", "x_test", "y_test")}
np.savez_compressed(sys.argv[1], **arrays)
