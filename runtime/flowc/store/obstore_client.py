"""Object stores through obstore, where the image has it: s3://, gs:// and az://."""

from __future__ import annotations

import contextlib
import os
import re
import time
from functools import partial
from importlib import import_module
from urllib.parse import quote

from flowc.errors import MissingKey, StoreError
from flowc.store import ListedFile, Store, s3_settings, split_url
from flowc.store.retry import Retries
from flowc.store.s3_responses import CODES, STATUSES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, Callable, Dict, TypeVar, Union

    from flowc.store import Buffer

    T = TypeVar("T")

_obstore: Any = import_module("obstore")
_from_url: Any = import_module("obstore.store").from_url
RANGE = 256 << 20
"""Values of more bytes are read in ranges of so many."""
RANGES_AT_A_TIME = 4
ONE_PUT = 5 << 20
"""obstore takes three requests for what comes in parts; so many bytes or fewer are joined for one."""
METADATA = "169.254.169.254"
"""The metadata service of a cloud's machines."""
METADATA_TRIES = 4
_STATUS = re.compile(r"status code: (\d{3})")
_LACKS_KEYS = re.compile(r"status code: 40[013]|169\.254\.169\.254")
"""What object_store says where there are no keys, or the server refuses them."""
_CODE = re.compile(r"<Code>(\w+)</Code>")
_RETRIED = re.compile(r", after \d+ retries")
_ATTEMPTS = re.compile(r" in [\d.]+\S*s(, after \d+ retries, max_retries: \d+, retry_timeout: \S+)?(?= )")
_ALIASES = {"s3a": "s3", "gcs": "gs", "azure": "az"}


class ObstoreStore(Store):
    """A bucket's prefix. Credentials come from where each cloud's tools look for them."""

    remote = True

    def __init__(self, root: str) -> None:
        scheme, bucket, prefix = split_url(root)
        scheme = _ALIASES.get(scheme, scheme)
        self.url = f"{scheme}://{bucket}/{prefix}".rstrip("/")
        options: Dict[str, Any] = _s3_options() if scheme == "s3" else {}
        try:
            self._store: Any = _from_url(
                f"{scheme}://{bucket}/{quote(prefix)}",
                client_options=_client_options(),
                retry_config=_retry_config(),
                **options,
            )
        except Exception as error:
            raise StoreError(f"the root {root!r} cannot be opened: {error}") from error

    def read(self, key: str) -> Buffer:
        """One GET, or several of ranges when large, which each have their own time limit and attempts."""
        found = self._try("read", key, lambda: _whole(self._store, key))
        return self._read_ranges(key, found) if isinstance(found, int) else found

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
        return self._try(
            "read", key, lambda: memoryview(_obstore.get_range(self._store, key, start=start, length=length))
        )

    def write(self, key: str, parts: Sequence[Buffer]) -> None:
        """One PUT, or a multipart upload when large."""
        joined = sum(len(part) for part in parts) <= ONE_PUT

        def put() -> None:
            body: Any = parts[0] if len(parts) == 1 else b"".join(parts) if joined else (part for part in parts)
            _obstore.put(self._store, key, body)

        self._try("write", key, put)

    def put_new(self, key: str, parts: Sequence[Buffer]) -> bool | None:
        """One PUT that is refused where the object is there."""

        def put() -> bool:
            try:
                _obstore.put(self._store, key, b"".join(parts), mode="create")
            except _obstore.exceptions.AlreadyExistsError:
                return False
            return True

        return self._try("write", key, put)

    def exists(self, key: str) -> bool:
        """One HEAD."""
        try:
            self._try("read", key, lambda: _obstore.head(self._store, key))
        except MissingKey:
            return False
        return True

    def age(self, key: str, size: int) -> float | None:
        """One HEAD, which tells the size and the object's time, but not the server's."""
        try:
            found: Dict[str, Any] = self._try("read", key, lambda: _obstore.head(self._store, key))
        except MissingKey:
            return None
        return time.time() - found["last_modified"].timestamp() if found["size"] == size else None

    def renew(self, key: str) -> None:
        """Copy the object, and the copy back: S3 copies onto itself only with an option that obstore does not have."""
        copy = f"{key}.copy"
        for one, other in ((key, copy), (copy, key)):
            self._try("read", key, partial(_obstore.copy, self._store, one, other))
        self.set_aside(copy)

    def set_aside(self, key: str) -> None:
        """One DELETE, where this key may."""
        with contextlib.suppress(StoreError):
            self._try("write", key, lambda: _obstore.delete(self._store, key))

    def delete(self, key: str) -> None:
        """One DELETE."""
        with contextlib.suppress(MissingKey):
            self._try("delete", key, lambda: _obstore.delete(self._store, key))

    def keys(self, prefix: str) -> Iterator[str]:
        """List from the prefix on."""
        return (entry["path"] for entry in self._entries(prefix))

    def files(self, prefix: str) -> Iterator[ListedFile]:
        """List from the prefix on."""
        for entry in self._entries(prefix):
            yield ListedFile(entry["path"], entry["size"], entry["last_modified"].timestamp())

    def _entries(self, prefix: str) -> Iterator[Dict[str, Any]]:
        """List from the prefix on. obstore lists whole path segments, so the rest of the prefix is compared here."""
        folder, _, tail = prefix.rpartition("/")
        after = prefix if tail else ""
        batches: Iterator[Any] | None = None

        def following() -> Any:
            nonlocal batches
            if batches is None:
                options: Dict[str, Any] = {"offset": after} if after else {}
                batches = iter(_obstore.list(self._store, folder or None, chunk_size=1000, **options))
            try:
                return next(batches, None)
            except Exception:
                batches = None  # the next try begins after what is there already
                raise

        while True:
            batch = self._try("list", prefix, following)
            if batch is None:
                return
            for entry in batch:
                key: str = entry["path"]
                if key.startswith(prefix):
                    yield entry
                elif key > prefix:
                    return
                after = key

    def children(self, folder: str) -> list[str]:
        """One listing with a delimiter."""
        found = self._try("list", folder, lambda: _obstore.list_with_delimiter(self._store, folder or None))
        paths = [*found["common_prefixes"], *(entry["path"] for entry in found["objects"])]
        return [path.rstrip("/").rpartition("/")[2] for path in paths]

    def _try(self, verb: str, key: str, call: Callable[[], T]) -> T:
        """Do it, again and again while that may help. Raises MissingKey and StoreError."""
        retries = Retries(f"the store {self.url}")
        while True:
            try:
                result = call()
            except Exception as error:
                if _is_transient(error, verb, retries.tries) and retries.wait(_first_line(error)):
                    continue
                raise _translated(error, self.location(key), verb, retries.spent()) from error
            retries.answered()
            return result


def _whole(store: Any, key: str) -> Union[memoryview, int]:
    """The bytes of a key; only how many, when it is better read in ranges."""
    found = _obstore.get(store, key)
    size: int = found.meta["size"]
    return memoryview(found.bytes()) if size <= RANGE else size


def _is_transient(error: Exception, verb: str, tries: int) -> bool:
    """Whether another try may do better. The texts are those of object_store, which has no types for it."""
    text = str(error)
    code = _CODE.search(text)
    if code is not None and (code[1] in CODES or (verb == "write" and code[1] == "NoSuchUpload")):
        return True
    status = _STATUS.search(text)
    if status is not None:
        return int(status[1]) in STATUSES
    if "invalid peer certificate" in text:
        return False
    if METADATA in text:  # the last source of keys: where it does not answer, there are no keys
        return tries < METADATA_TRIES
    return "HTTP error" in text or _RETRIED.search(text) is not None


def _s3_options() -> Dict[str, Any]:
    """What the AWS tools read from the environment, and obstore under other names. Raises StoreError."""
    region, endpoint = s3_settings.region(), s3_settings.custom_endpoint()
    options: Dict[str, Any] = {"region": region}
    host, sts = (s3_settings.amazon_host(service, region) for service in ("s3", "sts"))
    if endpoint is None and not host.endswith("amazonaws.com"):  # obstore knows that partition only
        endpoint = f"https://{host}"
        options["endpoint_url_sts"] = os.environ.get("AWS_ENDPOINT_URL_STS") or f"https://{sts}"
    if endpoint is not None:
        options["endpoint"] = endpoint
        options["virtual_hosted_style_request"] = False
    kind, key = s3_settings.encryption()
    if kind:
        options["server_side_encryption"] = kind
    return {**options, "sse_kms_key_id": key} if key else options


def _client_options() -> Dict[str, Any]:
    return {"allow_http": True, "timeout": "300s", "connect_timeout": "10s"}


def _retry_config() -> Dict[str, Any]:
    """A few tries at short intervals; what takes longer is waited for here, where it can be said for what."""
    from datetime import timedelta

    backoff = {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(milliseconds=500), "base": 2}
    return {"max_retries": 2, "retry_timeout": timedelta(seconds=5), "backoff": backoff}


def _translated(error: Exception, where: str, verb: str, spent: str) -> StoreError:
    if isinstance(error, StoreError):
        return error
    line = _first_line(error)
    unsigned = s3_settings.missing_keys() if where.startswith("s3:") and _LACKS_KEYS.search(line) else None
    if unsigned is not None:
        return StoreError(f"cannot {verb} {where}: {line}; {unsigned}{spent}")
    if isinstance(error, FileNotFoundError) and verb == "write":
        return StoreError(f"cannot write {where}: there is no such bucket")
    if isinstance(error, FileNotFoundError):
        return MissingKey(f"there is no {where}")
    return StoreError(f"cannot {verb} {where}: {line}{spent}")


def _first_line(error: Exception) -> str:
    """What is worth saying of an error, which goes on with its Rust structures."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return _ATTEMPTS.sub("", line)
