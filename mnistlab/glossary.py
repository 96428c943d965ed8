"""Terms that people ask about, explained in one place, and the (i) that opens an explanation.

The explanations are popovers of HTML, so they need no script: `info` gives the button beside a
term, `glossary` the texts, which a page has once.
"""

from __future__ import annotations

import re
from html import escape

TERMS = {
    # Data
    "MNIST": "70,000 handwritten digits of 28 by 28 pixels, collected from US census staff and "
    "school pupils around 1990. It is the data on which most people train their first network.",
    "Training set": "The images that a network learns from.",
    "Test set": "Images that no network learns from. They show how well it reads new digits.",
    "Validation": "A twelfth of the training images that is set aside. It decides which epoch's "
    "weights are kept, so that the test set need not.",
    "Centre of mass": "The average position of the ink, each pixel weighted by its brightness.",
    "Outlier": "An image unlike the others with its label: badly written, damaged, or mislabelled.",
    "PCA": "Principal component analysis: the directions in which the images differ most. The map "
    "shows the first two.",
    "t-SNE": "A map on which similar images lie close together. Distances between far groups mean "
    "nothing.",
    "Last hidden layer": "The numbers from which a network computes its answer, its penultimate "
    "layer. Images that a network finds alike have similar numbers there.",
    # Networks and training
    "MLP": "Multilayer perceptron: each unit of the first layer has a weight for each of the 784 "
    "pixels. So position matters: the same stroke elsewhere meets other weights. It does not know "
    "which pixels are neighbours.",
    "CNN": "Convolutional neural network: small filters slide over the image and look for strokes "
    "and corners wherever they are.",
    "Network": "The kind of network and the widths of its layers.",
    "Parameters": "How many numbers the network has learned.",
    "Epochs": "How often training goes through all training images.",
    "Batch size": "Number of images in one training step.",
    "Learning rate": "How far each step changes the weights.",
    "Dropout": "The fraction of units switched off at random in each step, against overfitting.",
    "Augmentation": "Random changes of the training images, such as rotation, that make a network "
    "read more kinds of handwriting.",
    "Seed": "The number that starts all random choices. The same seed gives the same network.",
    # Figures
    "Accuracy": "The fraction of images that are read right.",
    "95 % interval": "A confidence interval by Wilson's method (1927): in 95 of 100 such tests it "
    "contains the accuracy on all images of this kind.",
    "Precision": "Of the images read as a digit, the fraction that show it.",
    "Recall": "Of the images that show a digit, the fraction read as it.",
    "F1": "The harmonic mean of precision and recall.",
    "F1 macro": "The mean of the ten digits' F1, the harmonic mean of precision and recall.",
    "F1 weighted": "As F1 macro, but each digit counts by its number of images.",
    "Loss": "The mean negative logarithm of the probability given to the label. Lower is better; "
    "confident errors cost most.",
    "ECE": "Expected calibration error: how far confidence and accuracy differ on average over 15 "
    "bins of confidence, each weighted by its number of images (Guo et al. 2017). 0 is best.",
    "Brier": "The summed squared errors of the ten probabilities, averaged over the images (Brier "
    "1950). 0 is best.",
    "Confidence": "The highest of the ten probabilities: how sure the model is of the digit that "
    "it answers.",
    "Digit score": "How probable it is, according to the model, that the ink is a digit at all. "
    "Below a threshold the model answers ?. The bars show which digit it is.",
    "Latency": "The time of one prediction on this machine. p50 is the median; 99 of 100 "
    "predictions are faster than p99.",
    "p-value": "The probability of a difference at least this large if both models were equally "
    "good. Below 0.05 the difference is called significant.",
    "McNemar's test": "Compares two models on the same images by those that only one of them reads "
    "right.",
    "Confusion matrix": "How many images of each digit (rows) were read as which digit (columns).",
    "Temperature": "A number that divides the logits to make confidence match accuracy. It changes "
    "no answer.",
    "Robustness": "Accuracy on images that were made noisy, blurred, bent or covered.",
}
"""Term -> explanation in one or two sentences."""

_NAMES = {"Latency p50 / p90 / p99": "Latency"}


def info(term: str) -> str:
    """An (i) that explains a term; empty for a term without an explanation."""
    term = _NAMES.get(term, term)
    if term not in TERMS:
        return ""
    return (
        f"<button type='button' class='ml-info' popovertarget='{_id(term)}' "
        f"aria-label='What is {escape(term)}?'>i</button>"
    )


def glossary() -> str:
    """The explanations, hidden until their (i) is used."""
    return "".join(
        f"<div popover id='{_id(term)}' class='ml-term'><b>{escape(term)}</b> {escape(text)}</div>"
        for term, text in TERMS.items()
    )


def _id(term: str) -> str:
    return "ml-term-" + re.sub(r"\W+", "-", term.lower()).strip("-")
