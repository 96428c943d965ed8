"""How each figure of a comparison is computed, in words."""

from __future__ import annotations

from mnistlab.markup import escape

_METHODS = (
    ("Accuracy", "Share of the test images whose most probable digit is their label; its 95 % "
     "interval is Wilson's (1927)."),
    ("Precision, recall, F1", "Of a digit: the share of the images read as it that are it; the "
     "share of its images that are read as it; the harmonic mean of the two. F1 macro is the mean "
     "over the digits, F1 weighted counts each as often as it occurs."),
    ("Loss", "Mean negative logarithm of the probability given to the label, in nats."),
    ("ECE", "Expected calibration error: mean gap between confidence and accuracy over 15 bins of "
     "equal width, each counting as often as it holds images (Guo et al. 2017)."),
    ("Brier", "Mean over the images of the summed squared errors of the ten probabilities "
     "(Brier 1950)."),
    ("Verdict", "McNemar's exact test on the images that only one of the two models reads right. "
     "The interval of the difference excludes 0 exactly where that test gives p < 0.05: the exact "
     "limits of Clopper and Pearson (1934), combined after Zou and Donner (2008). Both are about "
     "these two trained networks, on digits such as these."),
    ("Seeds", "Where settings were trained with several seeds, Welch's test (1947) on the runs' "
     "accuracies, with at least three runs of each: about training again, not about two networks. "
     "± is the standard deviation with n - 1 in the denominator."),
    ("Calibration", "One temperature that divides the logits, fitted on the validation part of the "
     "training set, then tried on the test set (Guo et al. 2017). It changes no answer."),
    ("Corrected labels", "MNIST's test set scored against the 15 published label errors of "
     "Northcutt, Athalye and Mueller (2021), who asked five raters about each doubted image: ten "
     "labels replaced by what most raters read, five images without such an answer left out."),
    ("Robustness", "Accuracy on test images changed in many ways and five degrees, in the manner "
     "of MNIST-C but with corruptions of our own: not comparable with figures for MNIST-C."),
    ("Latency", "Percentiles of the time of single predictions after a warm-up, on this machine, "
     "without preprocessing. The models alternate in blocks of 50 predictions, so that a busy or "
     "throttled machine slows all of them alike."),
    ("Network", "The kind of network and the widths of its layers. An MLP has Dense layers with "
     "ReLU and dropout; a normalised one adds BatchNorm, a wide one is normalised and has twice "
     "as many units. A CNN has blocks of convolution, max pooling and BatchNorm before its Dense "
     "layers: two in a plain one, four in a deep one; a wide one is deep and has twice as many "
     "filters, a lean one has two with larger kernels."),
    ("Training curves", "A twelfth of the training images is put aside for validation and decides "
     "which epoch's weights are kept; the test set is read once, at the end."),
)  # fmt: skip


def methods() -> str:
    """A list of terms and what they mean."""
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in _METHODS)
    return f"<dl class='ml-methods'>{items}</dl>"
