"""The files of the page: compressed, and kept by the browser."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from jupyter_server.base.handlers import FileFindHandler
from tornado.web import RequestHandler, StaticFileHandler
from voila.static_file_handler import MultiStaticFileHandler

from mnistlab.server.page_files import CompressedCopies, never_changes

_KEPT_SECONDS = 365 * 24 * 3600


class _PageFile(StaticFileHandler):
    """A file of the page: compressed, and kept by the browser while it cannot change."""

    write_error = RequestHandler.write_error  # as for `VisitSocket`
    _is_copy = False

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Find the file, or its compressed copy for a browser that takes one."""
        self._file = path = super().validate_absolute_path(root, absolute_path)
        if path is None or "gzip" not in self.request.headers.get("Accept-Encoding", ""):
            return path
        copies: CompressedCopies = self.settings["compressed_copies"]
        copy = copies.find(path)
        self._is_copy = copy is not None
        return copy or path

    def get_content_type(self) -> str:
        """The type of the file, which a copy's name does not tell."""
        return mimetypes.guess_type(str(self._file))[0] or "application/octet-stream"

    def get_content_size(self) -> int:
        """The bytes of what is sent; tornado remembers the file's."""
        return Path(str(self.absolute_path)).stat().st_size

    def set_headers(self) -> None:
        """Say how the file is packed, and whether the browser must ask for it again."""
        super().set_headers()
        is_kept = never_changes(self.path) or "v" in self.request.arguments
        kept = f"public, max-age={_KEPT_SECONDS}, immutable" if is_kept else "no-cache"
        self.set_header("Cache-Control", kept)
        self.clear_header("Expires")
        self.set_header("Vary", "Accept-Encoding")
        if self._is_copy:
            self.set_header("Content-Encoding", "gzip")


class TemplateFile(_PageFile, MultiStaticFileHandler):  # type: ignore[misc]
    """A file of the template or of Voilà."""


class ExtensionFile(_PageFile, FileFindHandler):
    """A script of an extension."""
