"""Modules that others import at their top, and that are loaded only when something uses them."""

from __future__ import annotations

import sys
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any


class _LateModule(ModuleType):
    """A module that is loaded when it is first asked for something.

    `importlib.util.LazyLoader` does not serve: up to Python 3.11 a second `import` already asks its
    module for something.
    """

    def __getattr__(self, name: str) -> Any:
        self.__class__ = ModuleType  # type: ignore[assignment]  # from now on as any other
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def import_late(*names: str) -> None:
    """Let `import name` load nothing until something of that module is used.

    `from name import ...` still loads it. Names that are loaded already, or not installed, stay as
    they are.
    """
    for name in names:
        spec = None if name in sys.modules else find_spec(name)
        if spec is not None:
            module = module_from_spec(spec)
            module.__class__ = _LateModule
            sys.modules[name] = module
