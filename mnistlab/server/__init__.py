"""The dashboard as a web app: Voilà with our limits, warm kernels and checks.

`options` reads the settings and is cheap; `app` loads the whole server, and only `mnistlab app`
imports it.
"""
