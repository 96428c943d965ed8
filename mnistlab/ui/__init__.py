"""The dashboard: widgets over the library, for JupyterLab, Voilà and Binder."""

from mnistlab.ui.dashboard import Dashboard

__all__ = ["Dashboard"]
