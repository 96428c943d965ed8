"""Sphinx's settings. `make docs` builds the site, without a network and without MNIST."""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(DOCS / "_ext"), str(ROOT)]

# Kernels of the pages inherit these. They never read the runs or drawings of whoever builds.
_HOME = tempfile.TemporaryDirectory(prefix="mnistlab-docs-")
os.environ |= {
    "MNISTLAB_HOME": _HOME.name,
    "MNISTLAB_OFFLINE": "1",
    "IPYTHONDIR": str(DOCS / "_ipython"),  # shows plotly's figures without a network
    "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

# Sphinx reads only what lies in its own folder.
shutil.rmtree(DOCS / "notebooks", ignore_errors=True)
(DOCS / "notebooks").mkdir()
for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
    shutil.copy(notebook, DOCS / "notebooks")

from mnistlab.version import __version__  # noqa: E402 - after the path is set

project = "MNIST Lab"
author = "the MNIST Lab developers"
project_copyright = "2026, the MNIST Lab developers"
release = version = __version__
REPOSITORY = "https://github.com/mnistlab/mnistlab"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.linkcode",
    "sphinx_copybutton",
    "sphinx_design",
    "docstrings",  # this and those below: docs/_ext
    "generated",
    "repository_links",
    "notebook_figures",
]
exclude_patterns = ["_build", "_ext", "_ipython"]
highlight_language = "none"  # of code without a language
nitpicky = False  # types of parameters are sentences here: "array (n, 28, 28) uint8"
default_role = "py:name"  # of docs/_ext/docstrings.py

# Pages and notebooks
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
if find_spec("tensorflow") is None:  # with Python 3.14
    nb_execution_excludepatterns = ["notebooks/Modeling.ipynb"]
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_merge_streams = True
repository_links_base = REPOSITORY

# The reference
autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_use_unqualified_type_names = True
python_display_short_literal_types = True
maximum_signature_line_length = 160  # of the names with their modules, which are not shown
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False


def linkcode_resolve(domain: str, info: dict[str, str]) -> str | None:
    """Return where in the repository something of the reference is defined."""
    found = sys.modules.get(info["module"])
    try:
        for name in info["fullname"].split("."):
            found = getattr(found, name)
        found = inspect.unwrap(getattr(found, "fget", found))
        lines, first = inspect.getsourcelines(found)
        path = Path(inspect.getsourcefile(found)).relative_to(ROOT)
    except (AttributeError, TypeError, OSError, ValueError):  # an attribute has no source
        return None
    return f"{REPOSITORY}/blob/main/{path.as_posix()}#L{first}-L{first + len(lines) - 1}"


# The look
html_theme = "furo"
html_title = "MNIST Lab"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = str(ROOT / "mnistlab/server/jupyter/voila/templates/mnistlab/static/icon.svg")
html_theme_options = {
    "source_repository": REPOSITORY,
    "source_branch": "main",
    "source_directory": "docs/",
    "footer_icons": [{"name": "GitHub", "url": REPOSITORY, "html": "GitHub", "class": ""}],
}
html_copy_source = False
html_show_sphinx = False

# External links, checked only where there is a network: python -m sphinx -b linkcheck
linkcheck_ignore = [
    r"http://(127\.0\.0\.1|localhost)",  # the reader's own server
    r"https://lab\.example\.org",
    rf"{REPOSITORY}(/.*)?",  # pages of the commit that is being built may not be there yet
    r"https://mybinder\.org/.*",  # starts a server
    r"https://doi\.org/.*",  # publishers refuse programs
]
linkcheck_timeout = 20
linkcheck_retries = 2
