"""Object stores through obstore, where the image has it: s3://, gs:// and az://."""

from __future__ import annotations

import os
from importlib import import_module

from flowc.errors import MissingKey, StoreError
from flowc.store.base import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Dict

    from flowc.store.base import Buffer

_obstore: Any = import_module("obstore")
_from_url: Any = import_module("obstore.store").from_url
RANGE = 256 << 20
"""Values of more bytes are read in ranges of so many."""
RANGES_AT_A_TIME = 4
_ALIASES = {"s3a": "s3", "gcs": "gs", "azure": "az"}


class ObstoreStore(Store):
    """A bucket's prefix. Credentials come from where each cloud's tools look for them."""

    remote = True

    def __init__(self, root: str) -> None:
        scheme, _, rest = root.partition("://")
        scheme = _ALIASES.get(scheme, scheme)
        self.url = f"{scheme}://{rest}".rstrip("/")
        options: Dict[str, Any] = _s3_options() if scheme == "s3" else {}
        try:
            self._store: Any = _from_url(self.url, client_options=_client_options(), **options)
        except Exception as error:
            raise StoreError(f"the root {root!r} cannot be opened: {error}") from error

    def read(self, key: str) -> Buffer:
        """One GET, or several of ranges when large, which each have their own time limit and attempts."""
        try:
            found = _obstore.get(self._store, key)
            size: int = found.meta["size"]
            if size <= RANGE:
                return memoryview(found.bytes())
        except Exception as error:
            raise _translated(error, self.location(key), "read") from error

        return self._read_ranges(key, size)

    def _read_ranges(self, key: str, size: int) -> Buffer:
        from concurrent.futures import ThreadPoolExecutor

        whole = bytearray(size)

        def fetch(start: int) -> None:
            end = min(start + RANGE, size)
            whole[start:end] = self.read_range(key, start, end - start)

        with ThreadPoolExecutor(RANGES_AT_A_TIME) as pool:
            list(pool.map(fetch, range(0, size, RANGE)))
        return whole

    def read_range(self, key: str, start: int, length: int) -> Buffer:
        """One GET of a range."""
        if not length:
            return b""
        try:
            return memoryview(_obstore.get_range(self._store, key, start=start, length=length))
        except Exception as error:
            raise _translated(error, self.location(key), "read") from error

    def write(self, key: str, parts: Sequence[Buffer]) -> None:
        """One PUT, or a multipart upload when large."""
        body: Any = parts[0] if len(parts) == 1 else (part for part in parts)
        try:
            _obstore.put(self._store, key, body)
        except Exception as error:
            raise _translated(error, self.location(key), "write") from error

    def exists(self, key: str) -> bool:
        """One HEAD."""
        try:
            _obstore.head(self._store, key)
        except FileNotFoundError:
            return False
        except Exception as error:
            raise _translated(error, self.location(key), "read") from error
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """List from the prefix on. obstore lists whole path segments, so the rest of the prefix is compared here."""
        folder, _, tail = prefix.rpartition("/")
        options: Dict[str, Any] = {"offset": prefix} if tail else {}
        try:
            for batch in _obstore.list(self._store, folder or None, chunk_size=1000, **options):
                for entry in batch:
                    key: str = entry["path"]
                    if key.startswith(prefix):
                        yield key
                    elif key > prefix:
                        return
        except Exception as error:
            raise _translated(error, self.location(prefix), "list") from error

    def children(self, folder: str) -> list[str]:
        """One listing with a delimiter."""
        try:
            found = _obstore.list_with_delimiter(self._store, folder or None)
        except Exception as error:
            raise _translated(error, self.location(folder), "list") from error
        paths = [*found["common_prefixes"], *(entry["path"] for entry in found["objects"])]
        return [path.rstrip("/").rpartition("/")[2] for path in paths]


def _s3_options() -> Dict[str, Any]:
    """What the AWS tools read from the environment, and obstore under other names."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    options: Dict[str, Any] = {"region": _region()}
    if endpoint:
        options["endpoint"] = endpoint
        options["virtual_hosted_style_request"] = False
    return options


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def _client_options() -> Dict[str, Any]:
    return {"allow_http": True, "timeout": "300s", "connect_timeout": "10s"}


def _translated(error: Exception, where: str, verb: str) -> StoreError:
    if isinstance(error, StoreError):
        return error
    if isinstance(error, FileNotFoundError) and verb == "write":
        return StoreError(f"cannot write {where}: there is no such bucket")
    if isinstance(error, FileNotFoundError):
        return MissingKey(f"there is no {where}")
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return StoreError(f"cannot {verb} {where}: {first}")
