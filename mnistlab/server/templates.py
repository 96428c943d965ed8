"""The page's templates, compiled once and not for each visitor."""

from __future__ import annotations

from types import CodeType

from jinja2 import Environment
from jinja2.bccache import Bucket, BytecodeCache
from jinja2.ext import Extension


class _Compiled(BytecodeCache):
    """Compiled templates in memory."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str, bool], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Find what was compiled from the same source."""
        bucket.code = self._codes.get(_key(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what was compiled."""
        if bucket.code is not None:
            self._codes[_key(bucket)] = bucket.code


def _key(bucket: Bucket) -> tuple[str, str, bool]:
    return bucket.key, bucket.checksum, bucket.environment.is_async


_compiled = _Compiled()


class CompiledOnce(Extension):
    """Lets all environments with this extension share what they compile."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.bytecode_cache = _compiled


COMPILED_ONCE = f"{__name__}.{CompiledOnce.__name__}"  # as Jinja finds it
