"""What the translator made of problems, kept in a file.

A worker keeps its slots' engines for life and loads thousands of games. Translations kept in memory, small
blocks among large ones that come and go, took as much again in gaps that no later game fitted into.
"""

import hashlib
import pickle
import zlib
from collections.abc import Callable
from tempfile import TemporaryFile
from typing import Any

CAPACITY = 64 * 2**20  # bytes; 1,000 real games or 10,000 tiny ones


class Translations:
    """A translator that does nothing twice. Past `capacity` bytes it forgets all and starts over."""

    def __init__(self, translate: Callable[[str, str], Any], capacity: int = CAPACITY) -> None:
        self._translate, self._capacity = translate, capacity
        self._places: dict[bytes, tuple[int, int]] = {}
        self._file = TemporaryFile()  # noqa: SIM115  for as long as the worker lives
        self._end = 0

    def __call__(self, domain: str, problem: str) -> Any:
        """The translation, a copy of its own at each call: the engine changes it."""
        key = hashlib.sha256(f"{domain}\0{problem}".encode()).digest()
        if key not in self._places:
            self._keep(key, zlib.compress(pickle.dumps(self._translate(domain, problem)), level=1))
        start, length = self._places[key]
        self._file.seek(start)
        return pickle.loads(zlib.decompress(self._file.read(length)))

    def _keep(self, key: bytes, packed: bytes) -> None:
        if self._end + len(packed) > self._capacity:
            self._places.clear()
            self._end = 0
        self._file.seek(self._end)
        self._file.write(packed)
        self._places[key] = self._end, len(packed)
        self._end += len(packed)
