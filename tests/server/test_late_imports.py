"""What this server never uses of others is not loaded, and is there for whoever asks."""

from __future__ import annotations

import subprocess
import sys

_LOADED = """
import sys
from mnistlab.server import late_imports
late_imports.import_late("wave", "no_such_module")
import wave
assert "Wave_read" not in vars(wave)
assert "no_such_module" not in sys.modules
assert wave.open.__module__ == "wave"  # loaded by this
assert wave.Wave_read in vars(wave).values()
import mnistlab.server.app
print({"urllib3", "json5.parser", "charset_normalizer.api"} & set(sys.modules))
import requests
print(requests.Request("GET", "http://here").prepare().url)
"""


def test_a_late_module_is_loaded_by_its_first_use_and_the_server_uses_none() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", _LOADED], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["set()", "http://here/"]
