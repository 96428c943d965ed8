"""Models and data in, results out: evaluations, comparisons, robustness, explanations."""
