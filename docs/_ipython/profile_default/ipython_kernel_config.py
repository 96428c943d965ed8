"""Kernels that run the pages of the site: quiet, since their output is the build's."""

c = get_config()  # noqa: F821 - Jupyter defines it
c.Application.log_level = "ERROR"
