"""Numbers about predictions. Nothing here draws."""
