"""What the README claims, measured: `make bench`, or `make bench ARGS="prediction"` for one.

Each module has a `main`, whose defaults are the sizes that are published, and `SMALL`, arguments
for a run of seconds that shows only whether it works: `make bench ARGS="--small prediction"`. The
tests run that.
"""
