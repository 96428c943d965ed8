"""From drawings, uploads and samples to the 28x28 images that models see, on one path."""

from mnistlab.images.drawing import Drawing
from mnistlab.images.finding import find_digits
from mnistlab.images.preprocessing import STAGES, Preprocessed, preprocess
from mnistlab.images.upload import decode_upload

__all__ = ["STAGES", "Drawing", "Preprocessed", "decode_upload", "find_digits", "preprocess"]
