"""All private and unstable names in use of Voilà, Jupyter Server, jupyter_client and tornado.

`tests/server/test_jupyter_adapter.py` lists them, and what needs each.
"""

from mnistlab.server.jupyter_adapter.lab_server import LabServer, make_server

__all__ = ["LabServer", "make_server"]
