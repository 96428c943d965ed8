"""Exit with status 0 if the server of this container answers; the image's HEALTHCHECK."""

import http.client
import os
import sys

port = int(os.environ.get("MNISTLAB_APP_PORT", "8866"))
base = os.environ.get("MNISTLAB_APP_BASE_URL", "/").rstrip("/")
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
try:
    connection.request("GET", f"{base}/healthz")
    sys.exit(connection.getresponse().status != 200)
except OSError as error:
    sys.exit(f"no answer on port {port}: {error}")
