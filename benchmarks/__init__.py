"""What the README claims, measured: `make bench`, or `make bench ARGS="prediction"` for one."""
