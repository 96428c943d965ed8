"""The job of MNIST Lab's Predict tab in other frameworks, for `benchmarks/apps.py`.

A pad of 280 pixels, an MLP and a CNN, both digits with ten probabilities, and the latency. Each app
is as small as its framework allows and follows the framework's own documentation: models are loaded
once, and nothing waits in a queue. They run in an environment of their own (`environment.py`).
"""
