"""Augmentation moves ink about, and never makes another digit of it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow

SHIFT = """
import json
import numpy as np
import tensorflow as tf
from mnistlab.training.augmentation import augment
images = np.zeros((3, 28, 28), np.uint8)
images[:, 10, 12] = 255
images[:, 27, 27] = 9
moved = [augment(tf.constant(images), tf.constant([0, seed], tf.int64), "shift").numpy()
         for seed in range(40)]
print(json.dumps({
    "places": [[np.argwhere(image == 255).tolist() for image in each] for each in moved],
    "shapes": sorted({each.shape for each in moved}),
    "types": sorted({str(each.dtype) for each in moved}),
}))
"""


def test_a_shift_moves_all_images_of_a_batch_by_up_to_a_pixel() -> None:
    done = subprocess.run([sys.executable, "-c", SHIFT], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["shapes"], found["types"]) == ([[3, 28, 28]], ["uint8"])
    places = np.array(found["places"])[:, :, 0]  # of each batch and image: row and column
    assert (places == places[:, :1]).all()
    shifts = {tuple(each) for each in (places[:, 0] - [10, 12]).tolist()}
    assert shifts == {(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
