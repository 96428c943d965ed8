"""How each figure of a comparison is computed, in words."""

from __future__ import annotations

from mnistlab.markup import escape

_METHODS = (
    ("Accuracy", "Fraction of the test images whose most probable digit is their label, with "
     "Wilson's 95 % confidence interval (1927)."),
    ("Precision, recall, F1", "Precision: of the images predicted as a digit, the fraction that "
     "show it. Recall: of the images that show a digit, the fraction predicted as it. F1: the "
     "harmonic mean of the two. F1 macro is the mean over the digits; F1 weighted weights each "
     "digit by its number of images."),
    ("Loss", "Mean negative logarithm of the probability given to the label, in nats."),
    ("ECE", "Expected calibration error: mean gap between confidence and accuracy over 15 bins of "
     "equal width, weighted by their numbers of images (Guo et al. 2017)."),
    ("Brier", "Mean over the images of the summed squared errors of the ten probabilities "
     "(Brier 1950)."),
    ("Verdict", "McNemar's exact test on the images that only one of the two models gets right. "
     "The interval of the difference excludes 0 exactly when the test gives p < 0.05: exact limits "
     "of Clopper and Pearson (1934), combined by the method of Zou and Donner (2008). Both are "
     "about these two trained networks and images like these."),
    ("Seeds", "If both settings were trained with at least three seeds: Welch's test (1947) on the "
     "runs' accuracies. It is about training again, not about these two networks. ± is the sample "
     "standard deviation."),
    ("Calibration", "One temperature that divides the logits, fitted on the validation part of the "
     "training set and then applied to the test set (Guo et al. 2017). It changes no prediction."),
    ("Corrected labels", "The 15 published label errors in MNIST's test set (Northcutt, Athalye "
     "and Mueller 2021, five raters for each doubtful image): ten labels are replaced by what most "
     "raters read, five images without such a label are left out."),
    ("Robustness", "Accuracy on test images with 16 corruptions in five strengths. They resemble "
     "those of MNIST-C but are our own, so the figures do not compare with MNIST-C's."),
    ("Latency", "Percentiles of single predictions after a warm-up, on this machine, without "
     "preprocessing. The models alternate in blocks of 50 predictions, so that a busy or throttled "
     "machine slows all of them equally."),
    ("Network", "The kind of network and the widths of its layers. An MLP has Dense layers with "
     "ReLU and dropout; a normalised one adds BatchNorm, a wide one is normalised and has twice "
     "as many units. A CNN has blocks of convolution, max pooling and BatchNorm before its Dense "
     "layers: two in a plain one, four in a deep one; a wide one is deep and has twice as many "
     "filters, a lean one has two with larger kernels."),
    ("Training curves", "A twelfth of the training images is set aside for validation and decides "
     "which epoch's weights are kept. The test set is read once, at the end."),
)  # fmt: skip


def methods() -> str:
    """A list of terms and what they mean."""
    items = "".join(f"<dt>{escape(term)}</dt><dd>{escape(text)}</dd>" for term, text in _METHODS)
    return f"<dl class='ml-methods'>{items}</dl>"
