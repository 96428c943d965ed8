"""The dashboard as a web app. `options` is cheap to import; `app` loads the whole server."""

import sys

from mnistlab.server.late_imports import import_late

# jsonschema, which Jupyter's server loads, compiles a grammar of international web addresses with
# it: 1.5 s of each start, for a check that nothing here needs.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
# The same for durations: 1.4 MB.
sys.modules.setdefault("isoduration", None)  # type: ignore[arg-type]
# What parts of Jupyter's server and nbconvert need that nothing here uses: 6 MB.
import_late("charset_normalizer", "json5", "requests", "soupsieve", "websocket")
