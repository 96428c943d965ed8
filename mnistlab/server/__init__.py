"""The dashboard as a web app: Voilà with our limits, warm kernels and checks.

`options` reads the settings and is cheap; `app` loads the whole server, and only `mnistlab app`
imports it.
"""

import sys

# jsonschema, which Jupyter's server loads, compiles a grammar of international web addresses with
# it: 1.5 s of each start, for a check that nothing here asks for. Without it jsonschema does not
# offer that check.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
