"""Batches of training images, changed at random without changing the digit.

Every function works on a whole batch inside a `tf.data` pipeline and draws from a stateless
generator, so a seed gives the same images whatever the number of threads. The ranges were tuned
on MNIST's validation part and on tuning data (`drawings-dev.jsonl`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mnistlab.training.handwriting import Image8

if TYPE_CHECKING:
    from mnistlab.models.config import TrainingConfig

_ROTATION = 20.0  # degrees, to either side
_SCALE = 0.15  # of the size, up or down
_SHEAR = 0.25
_SHIFT = 1.5  # pixels along each axis
_ELASTIC = 0.5  # pixels, standard deviation of the random displacements
_FIELD = 4  # random displacements along each side; between them the field is smooth
_THICKNESS = 0.85  # 1 makes strokes two pixels thicker or one thinner
_MOST_NOISE = 90.0  # grey levels, the largest standard deviation
_CONTRAST = 1.25  # gives strokes back the brightness that interpolation takes
_SIDE = 28
_CENTRE = 14.0  # where MNIST's recipe puts the centre of mass


def batches(x: Image8, y: Image8, config: TrainingConfig) -> Any:
    """Return a `tf.data.Dataset` of augmented batches, in a new order every epoch.

    A seed gives the same batches again.
    """
    import tensorflow as tf

    # Only row numbers are shuffled and batched: gathering the images of a batch from one array is
    # much cheaper than moving 55,000 single images through the pipeline.
    images, labels = tf.constant(x), tf.constant(y)
    rows = tf.data.Dataset.range(len(x)).shuffle(len(x), config.seed)
    rows = rows.batch(config.batch_size)
    seeds = tf.data.Dataset.random(config.seed, rerandomize_each_iteration=True).batch(2)

    def load(batch: Any, seed: Any) -> tuple[Any, Any]:
        chosen = augment(tf.gather(images, batch), seed, config.augmentation)
        return with_noise(chosen, seed + 3, config.noise), tf.gather(labels, batch)

    return tf.data.Dataset.zip((rows, seeds)).map(load, 2, deterministic=True).prefetch(2)


def augment(images: Any, seed: Any, level: str) -> Any:
    """Return images changed at random.

    Parameters
    ----------
    images : tensor (n, 28, 28) uint8, as is the result
    seed : tensor (2,) int64, which decides everything
    level : `"none"`; `"shift"` to move all of them together by up to one pixel along each axis,
        which costs next to nothing; `"light"` for rotation, scale, shear, shift and thickness of
        strokes; `"full"` for elastic distortions as well (Simard, Steinkraus and Platt, ICDAR 2003)
    """
    if level == "none":
        return images
    import tensorflow as tf

    if level == "shift":
        return _moved(images, seed)
    images = tf.cast(images, tf.float32)
    n = tf.shape(images)[0]
    where = _affine(n, seed)
    if level == "full":
        where += _displacements(n, seed + 2)
    # A single interpolation, because each one blurs, and the test images are not blurred.
    images = _stroke_thickness(_sampled(images, where), seed + 1)
    return tf.cast(tf.clip_by_value(tf.round(images * _CONTRAST), 0, 255), tf.uint8)


def _moved(images: Any, seed: Any) -> Any:
    import tensorflow as tf

    down, right = tf.unstack(tf.random.stateless_uniform((2,), seed, 0, 3, tf.int32))
    padded = tf.pad(images, [[0, 0], [1, 1], [1, 1]])
    moved = padded[:, down : down + _SIDE, right : right + _SIDE]
    return tf.ensure_shape(moved, (None, _SIDE, _SIDE))


def _affine(n: Any, seed: Any) -> Any:
    """Where each pixel of the new images lies in the old: `(n, 28, 28, 2)`, row and column."""
    import tensorflow as tf

    r = tf.random.stateless_uniform((n, 6), seed, -1.0, 1.0)
    angle = r[:, 0] * (_ROTATION * 3.14159265 / 180)
    scale_x, scale_y = 1 + _SCALE * r[:, 1], 1 + _SCALE * r[:, 2]
    shear = _SHEAR * r[:, 3]
    cos, sin = tf.cos(angle), tf.sin(angle)
    # Rotation, then shear, then scale, all about the centre.
    to_column = tf.stack([sin * shear + cos, shear * cos - sin], 1) / scale_x[:, None]
    to_row = tf.stack([sin, cos], 1) / scale_y[:, None]
    axis = tf.range(_SIDE, dtype=tf.float32) - _CENTRE
    row, column = tf.meshgrid(axis, axis, indexing="ij")

    def mapped(weights: Any, shift: Any) -> Any:
        by_column, by_row = weights[:, 0, None, None], weights[:, 1, None, None]
        return by_column * column + by_row * row + (_CENTRE + _SHIFT * shift)[:, None, None]

    return tf.stack([mapped(to_row, r[:, 5]), mapped(to_column, r[:, 4])], -1)


def _displacements(n: Any, seed: Any) -> Any:
    import tensorflow as tf

    field = tf.random.stateless_normal((n, _FIELD, _FIELD, 2), seed, stddev=_ELASTIC)
    return tf.image.resize(field, (_SIDE, _SIDE), "bicubic")


def with_noise(images: Any, seed: Any, fraction: float) -> Any:
    """Return images (n, 28, 28) uint8, a fraction of them with noise of a random strength."""
    if not fraction:
        return images
    import tensorflow as tf

    shape = tf.shape(images)
    chosen, strength = tf.unstack(tf.random.stateless_uniform((shape[0], 2), seed), axis=1)
    deviation = tf.where(chosen < fraction, strength * _MOST_NOISE, 0.0)
    noise = deviation[:, None, None] * tf.random.stateless_normal(shape, seed + 1)
    return tf.cast(
        tf.clip_by_value(tf.round(tf.cast(images, tf.float32) + noise), 0, 255), tf.uint8
    )


def _sampled(images: Any, where: Any) -> Any:
    """Bilinear interpolation of `(n, 28, 28)` at `(n, 28, 28, 2)`; black beyond the edge."""
    import tensorflow as tf

    # A black rim, so that points outside need no special case.
    side = _SIDE + 2
    pixels = tf.reshape(tf.pad(images, [[0, 0], [1, 1], [1, 1]]), (-1, side * side))
    where = tf.clip_by_value(where + 1.0, 0.0, side - 1.001)
    corner = tf.floor(where)
    down, right = tf.unstack(where - corner, axis=-1)
    index = tf.cast(corner[..., 0] * side + corner[..., 1], tf.int32)

    def at(offset: int) -> Any:
        flat = tf.reshape(index + offset, (-1, _SIDE * _SIDE))
        return tf.reshape(tf.gather(pixels, flat, batch_dims=1), tf.shape(down))

    upper = at(0) * (1 - right) + at(1) * right
    lower = at(side) * (1 - right) + at(side + 1) * right
    return upper * (1 - down) + lower * down


def _stroke_thickness(images: Any, seed: Any) -> Any:
    import tensorflow as tf

    images = images[..., None]
    thicker = tf.nn.max_pool2d(images, 3, 1, "SAME")
    thinner = -tf.nn.max_pool2d(-images, 2, 1, "SAME")
    amount = tf.random.stateless_uniform((tf.shape(images)[0], 1, 1, 1), seed, -1.0, 1.0)
    amount = _THICKNESS * amount * tf.abs(amount)  # mostly little
    changed = tf.where(amount > 0, thicker, thinner)
    return (images + tf.abs(amount) * (changed - images))[..., 0]
