"""Random changes of training images that do not change the digit.

Every function works on a whole batch inside a `tf.data` pipeline and draws from a stateless
generator, so a seed gives the same images whatever the number of threads.
"""

from __future__ import annotations

from typing import Any

ROTATION = 15.0  # degrees, to either side
SCALE = 0.15  # of the size, up or down
SHEAR = 0.25
SHIFT = 1.5  # pixels along each axis
ELASTIC = 0.7  # pixels, the deviation of the random field before it is smoothed
_FIELD = 6  # random displacements along each side; between them the field is smooth
_CENTRE = 14.0  # where MNIST's recipe puts the centre of mass


def augment(images: Any, seed: Any, level: str) -> Any:
    """Images changed at random.

    Parameters
    ----------
    images : tensor (n, 28, 28) uint8
    seed : tensor (2,) int64
        Two numbers that decide everything.
    level : str
        `"none"` returns the images as they are; `"light"` turns, scales, shears and shifts each
        one and makes its strokes thinner or thicker; `"full"` bends them elastically as well
        (Simard, Steinkraus and Platt, ICDAR 2003).

    Returns
    -------
    tensor (n, 28, 28) uint8
    """
    if level == "none":
        return images
    import tensorflow as tf

    images = tf.cast(images[..., None], tf.float32)
    images = _stroke_thickness(_affine(images, seed), seed + 1)
    if level == "full":
        images = _elastic(images, seed + 2)
    return tf.cast(tf.clip_by_value(tf.round(images[..., 0]), 0, 255), tf.uint8)


def _affine(images: Any, seed: Any) -> Any:
    import tensorflow as tf

    n = tf.shape(images)[0]
    r = tf.random.stateless_uniform((n, 6), seed, -1.0, 1.0)
    angle = r[:, 0] * (ROTATION * 3.14159265 / 180)
    scale_x, scale_y = 1 + SCALE * r[:, 1], 1 + SCALE * r[:, 2]
    shear = SHEAR * r[:, 3]
    cos, sin = tf.cos(angle), tf.sin(angle)
    # The transform maps output pixels to input pixels: rotation, then shear, then scale.
    a, b = cos / scale_x, (shear * cos - sin) / scale_x
    c, d = sin / scale_y, (shear * sin + cos) / scale_y
    shift_x = _CENTRE - (a + b) * _CENTRE + SHIFT * r[:, 4]
    shift_y = _CENTRE - (c + d) * _CENTRE + SHIFT * r[:, 5]
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([a, b, shift_x, c, d, shift_y, zero, zero], axis=1),
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )


def _stroke_thickness(images: Any, seed: Any) -> Any:
    import tensorflow as tf

    n = tf.shape(images)[0]
    thicker = tf.nn.max_pool2d(images, 3, 1, "SAME")
    thinner = -tf.nn.max_pool2d(-images, 2, 1, "SAME")
    amount = tf.random.stateless_uniform((n, 1, 1, 1), seed, -0.8, 0.6)
    changed = tf.where(amount > 0, thicker, thinner)
    return images + tf.abs(amount) * (changed - images)


def _elastic(images: Any, seed: Any) -> Any:
    import tensorflow as tf

    n, side = tf.shape(images)[0], 28
    field = tf.random.stateless_normal((n, _FIELD, _FIELD, 2), seed, stddev=ELASTIC)
    field = tf.image.resize(field, (side, side), "bicubic")
    grid = tf.stack(tf.meshgrid(tf.range(side), tf.range(side), indexing="ij"), -1)
    where = tf.clip_by_value(tf.cast(grid, tf.float32) + field, 0.0, side - 1.001)
    corner = tf.floor(where)
    part = where - corner
    index = tf.cast(corner[..., 0] * side + corner[..., 1], tf.int32)
    pixels = tf.reshape(images, (n, side * side))

    def at(offset: int) -> Any:
        flat = tf.reshape(index + offset, (n, side * side))
        return tf.reshape(tf.gather(pixels, flat, batch_dims=1), (n, side, side))

    down, right = part[..., 0], part[..., 1]
    upper = at(0) * (1 - right) + at(1) * right
    lower = at(side) * (1 - right) + at(side + 1) * right
    return (upper * (1 - down) + lower * down)[..., None]
