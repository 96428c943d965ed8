"""A comparison as one HTML file, and what else can be taken away."""
