"""`metaflow.S3`: objects of a bucket, or of the folder that a local run has as its store, with Metaflow's methods.

Behavior, names and texts follow Metaflow's plugins/datatools/s3/s3.py; docs/s3.md lists what differs, and why.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from flowc.datatools import configuration
from flowc.datatools.object_sources import Source, file_source, source_of
from flowc.datatools.parallel import in_parallel
from flowc.datatools.s3_objects import (
    META,
    USER_ATTRIBUTES,
    MetaflowS3Exception,
    MetaflowS3InvalidRange,
    MetaflowS3NotFound,
    MetaflowS3URLException,
    ObjectInfo,
    S3GetObject,
    S3Object,
    S3PutObject,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flowc.client import Run
    from flowc.datatools.bucket import Bucket
    from flowc.datatools.folder import Folder
    from flowc.flowspec import FlowSpec

    Key = Union[str, S3GetObject, S3PutObject, None]

_SCHEMES = ("s3://", "file://")
_NOT_HERE = ("role", "session_vars", "external_client")
"""Arguments of Metaflow's that are about boto3."""


class _Upload(NamedTuple):
    key: str
    url: str
    source: Callable[[], Source]
    headers: Dict[str, str]


class S3:
    """A client for objects, best used in a `with`: at its end, what was downloaded is removed."""

    TYPE = "s3"

    def __init__(
        self,
        tmproot: Optional[str] = None,
        bucket: Optional[str] = None,
        prefix: Optional[str] = None,
        run: Union[FlowSpec, Run, None] = None,
        s3root: Optional[str] = None,
        encryption: Optional[str] = None,
        **kwargs: Any,
    ) -> None:
        """Without arguments, objects are named by their whole URLs.

        With `run`, a running flow or a `Run`, by their keys below DATATOOLS_S3ROOT/<flow>/<run>, of which `bucket` and
        `prefix` override parts; with `s3root`, by their keys below this URL. `tmproot` is where the temporary folder
        is made, by default the working directory. `encryption` is that of objects that are put. `client_params` are
        those of boto3, such as `endpoint_url`. Raises MetaflowS3URLException and MetaflowS3Exception.
        """
        if unknown := [name for name in _NOT_HERE if kwargs.get(name) is not None]:
            raise MetaflowS3Exception(
                f"S3({unknown[0]}=...) is for boto3, which flowc does not use: give the task keys that may do it"
            )
        self._s3root = _run_root(run, bucket, prefix) if run else _explicit_root(s3root) if s3root else None
        self._parameters = _client_parameters(kwargs.get("client_params"))
        self._encryption = encryption or configuration.value("S3_SERVER_SIDE_ENCRYPTION")
        self._places: Dict[str, Union[Bucket, Folder]] = {}
        self._tmproot, self._bucket, self._prefix, self._run = tmproot, bucket, prefix, run
        self._tmpdir: Optional[str] = _temporary_folder(tmproot)

    @classmethod
    def get_root_from_config(cls, echo: Any = None, create_on_absent: bool = True) -> Optional[str]:
        """DATATOOLS_S3ROOT."""
        del echo, create_on_absent
        root: Optional[str] = configuration.value("DATATOOLS_S3ROOT")
        return root

    def __enter__(self) -> S3:
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was downloaded."""
        if self._tmpdir:
            shutil.rmtree(self._tmpdir, ignore_errors=True)
        self._tmpdir = None
        for place in self._places.values():
            place.close()
        self._places.clear()

    def list_paths(self, keys: Optional[Iterable[str]] = None) -> List[S3Object]:
        """The objects and prefixes one level below each key; prefixes do not exist as objects."""
        urls = [self._url(key).rstrip("/") + "/" for key in ([None] if keys is None else keys)]
        return [S3Object(prefix, url, None, size) for prefix, url, size in self._list(urls, "/")]

    def list_recursive(self, keys: Optional[Iterable[str]] = None) -> List[S3Object]:
        """All objects below each key."""
        urls = [self._url(key) for key in ([None] if keys is None else keys)]
        return [S3Object(prefix, url, None, size) for prefix, url, size in self._list(urls, "")]

    def info(self, key: Optional[str] = None, return_missing: bool = False) -> S3Object:
        """What the server says of an object, which is not downloaded. Raises MetaflowS3NotFound."""
        return self._info(self._url(key), return_missing)

    def info_many(self, keys: Iterable[str], return_missing: bool = False) -> List[S3Object]:
        """The same of many objects. Raises MetaflowS3NotFound."""
        return self._map(partial(self._info, return_missing=return_missing), [self._url(key) for key in keys])

    def get(
        self, key: Union[str, S3GetObject, None] = None, return_missing: bool = False, return_info: bool = True
    ) -> S3Object:
        """Download an object, or the part that an S3GetObject says. Raises MetaflowS3NotFound and others."""
        url, bytes_range = self._url_and_range(key)
        target = self._new_file("one_file.")
        try:
            info = self._fetch(url, bytes_range, target)
        except MetaflowS3NotFound:
            os.unlink(target)
            if not return_missing:
                raise
            return S3Object(self._s3root, url, None)
        except BaseException:
            os.unlink(target)
            raise
        return S3Object.of(self._s3root, url, target, info) if return_info else S3Object(self._s3root, url, target)

    def get_many(
        self, keys: Iterable[Union[str, S3GetObject]], return_missing: bool = False, return_info: bool = True
    ) -> List[S3Object]:
        """Download many objects at a time. Raises MetaflowS3NotFound and others."""

        def fetch(item: Tuple[str, Optional[str]]) -> S3Object:
            url = item[0]
            try:
                path, info = self._fetch_named(*item)
            except MetaflowS3NotFound:
                if not return_missing:
                    raise
                return S3Object(self._s3root, url, None)
            return S3Object.of(self._s3root, url, path, info) if return_info else S3Object(self._s3root, url, path)

        return self._map(fetch, [self._url_and_range(key) for key in keys])

    def get_recursive(self, keys: Iterable[Optional[str]], return_info: bool = False) -> List[S3Object]:
        """Download all objects whose URLs begin with one of these."""

        def fetch(item: Tuple[str, str]) -> S3Object:
            prefix, url = item
            path, info = self._fetch_named(url, None)
            return S3Object.of(self._s3root, url, path, info) if return_info else S3Object(prefix, url, path)

        urls = [self._url(key) for key in keys]
        return self._map(fetch, [(prefix, url) for prefix, url, _ in self._list(urls, "", folders=False)])

    def get_all(self, return_info: bool = False) -> List[S3Object]:
        """Download all objects below the client's own prefix. Raises MetaflowS3URLException where it has none."""
        if self._s3root is None:
            raise MetaflowS3URLException("Can't get_all() when S3 is initialized without a prefix")
        return self.get_recursive([None], return_info)

    def put(
        self,
        key: Union[str, S3PutObject],
        obj: Any,
        overwrite: bool = True,
        content_type: Optional[str] = None,
        metadata: Optional[Dict[str, Any]] = None,
    ) -> str:
        """Upload text, bytes or a binary file, which is closed then. Returns the URL.

        Without `overwrite` an object that is there stays as it is. Raises MetaflowS3InvalidObject.
        """
        if hasattr(obj, "seekable") and obj.seekable():
            obj.seek(0)
        source = source_of(key, obj, self._tmpdir)
        url = self._url(key)
        self._put(_Upload("", url, lambda: source, self._headers(content_type, metadata)), overwrite)
        if hasattr(obj, "close"):
            obj.close()
        return url

    def put_many(
        self, key_objs: Iterable[Union[Tuple[str, Any], S3PutObject]], overwrite: bool = True
    ) -> List[Tuple[str, str]]:
        """Upload many objects at a time. Returns key and URL of those that were uploaded."""
        uploads: List[_Upload] = []
        for item in key_objs:
            key, value = (item.key, item.value) if isinstance(item, S3PutObject) else item[:2]
            source = source_of(key, value, self._tmpdir)
            uploads.append(_Upload(key, self._url(key), partial(_same, source), self._headers_of(item)))
        return self._put_all(uploads, overwrite)

    def put_files(
        self, key_paths: Iterable[Union[Tuple[str, Any], S3PutObject]], overwrite: bool = True
    ) -> List[Tuple[str, str]]:
        """Upload many files at a time. Returns key and URL of those that were uploaded."""
        uploads: List[_Upload] = []
        for item in key_paths:
            key: str = item[0]
            path: Any = item.path if isinstance(item, S3PutObject) else item[1]
            if not os.path.exists(path):
                raise MetaflowS3NotFound(f"Local file not found: {path}")
            uploads.append(_Upload(key, self._url(key), partial(file_source, path), self._headers_of(item)))
        return self._put_all(uploads, overwrite)

    def _put_all(self, uploads: List[_Upload], overwrite: bool) -> List[Tuple[str, str]]:
        done = self._map(partial(self._put, overwrite=overwrite), uploads)
        return [(upload.key, upload.url) for upload, put in zip(uploads, done) if put]

    def _put(self, upload: _Upload, overwrite: bool) -> bool:
        """Upload it, unless it is there and may not be replaced; whether it was uploaded."""
        place, key = self._place(upload.url)
        if not overwrite:
            with contextlib.suppress(MetaflowS3NotFound):
                place.head(key)
                return False
        try:
            source = upload.source()
        except OSError as error:
            raise MetaflowS3Exception(f"Uploading S3 files failed.\nFirst key: {upload.key}\nError: {error}") from error
        try:
            place.store(key, source, upload.headers)
        finally:
            source.close()
        return True

    def _headers(self, content_type: Optional[str], metadata: Optional[Dict[str, Any]]) -> Dict[str, str]:
        headers = {"content-type": content_type} if content_type else {}
        if metadata:
            headers[f"{META}{USER_ATTRIBUTES}"] = json.dumps(metadata)
        if self._encryption:
            headers["x-amz-server-side-encryption"] = self._encryption
        return headers

    def _headers_of(self, item: Any) -> Dict[str, str]:
        return self._headers(getattr(item, "content_type", None), getattr(item, "metadata", None))

    def _info(self, url: str, return_missing: bool) -> S3Object:
        place, key = self._place(url)
        try:
            return S3Object.of(self._s3root, url, None, place.head(key))
        except MetaflowS3NotFound:
            if not return_missing:
                raise
            return S3Object(self._s3root, url, None)

    def _list(self, urls: List[str], delimiter: str, folders: bool = True) -> List[Tuple[str, str, Optional[int]]]:
        """(what was asked for, URL, size) of what each URL begins; with `folders`, of what is below each."""

        def found(url: str) -> List[Tuple[str, str, Optional[int]]]:
            place, prefix = self._place(url)
            if folders and prefix and not prefix.endswith("/"):
                prefix += "/"
            scheme, _, rest = url.partition("://")
            head = "file://" if scheme == "file" else f"s3://{rest.partition('/')[0]}"
            return [(url, f"{head}/{key.lstrip('/')}", size) for key, size in place.list_objects(prefix, delimiter)]

        return [item for items in self._map(found, urls) for item in items]

    def _fetch(self, url: str, bytes_range: Optional[str], path: str) -> ObjectInfo:
        place, key = self._place(url)
        if bytes_range is not None and _is_empty(bytes_range):
            raise MetaflowS3InvalidRange(f"{url}: a range of no bytes")
        return place.fetch(key, bytes_range, path)

    def _fetch_named(self, url: str, bytes_range: Optional[str]) -> Tuple[str, ObjectInfo]:
        """Download to the file that has this name; the same object may be wanted twice at a time."""
        part = self._new_file("part.")
        try:
            info = self._fetch(url, bytes_range, part)
            path = os.path.join(os.path.dirname(part), _local_name(url, bytes_range))
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
        return path, info

    def _new_file(self, kind: str) -> str:
        descriptor, path = tempfile.mkstemp(dir=self._tmpdir, prefix=f"metaflow.s3.{kind}")
        os.close(descriptor)
        return path

    def _place(self, url: str) -> Tuple[Union[Bucket, Folder], str]:
        """Where an object is, and its key there."""
        scheme, _, rest = url.partition("://")
        if scheme == "file":
            from flowc.datatools.folder import Folder

            return self._places.setdefault("file:", Folder()), rest.lstrip("/")
        name, _, key = rest.partition("/")
        if name not in self._places:
            from flowc.datatools.bucket import Bucket
            from flowc.errors import StoreError

            try:
                self._places.setdefault(name, Bucket(name, self._parameters))
            except StoreError as error:
                raise MetaflowS3Exception(f"S3 operation failed.\nKey requested: {url}\nError: {error}") from None
        return self._places[name], key.lstrip("/")

    def _map(self, call: Callable[[Any], Any], items: List[Any]) -> List[Any]:
        return in_parallel(call, items, configuration.value("S3_WORKER_COUNT"))

    def _url(self, key_value: Any) -> str:
        key = getattr(key_value, "key", key_value)
        key = key.decode() if isinstance(key, bytes) else key
        if self._s3root is None:
            text = str(key)
            if text.startswith(_SCHEMES) and "/" in text.partition("://")[2]:
                return text
            raise MetaflowS3URLException(_no_url())
        if not key:
            return self._s3root
        if key.startswith(_SCHEMES):
            raise MetaflowS3URLException(
                f"Don't use absolute S3 URLs when the S3 client is initialized with a prefix. URL: {key}"
            )
        return os.path.join(self._s3root, key.lstrip("/"))

    def _url_and_range(self, key_value: Any) -> Tuple[str, Optional[str]]:
        start, length = getattr(key_value, "offset", None), getattr(key_value, "length", None)
        url = self._url(key_value)
        if start is None and length is None:
            return url, None
        if length is None:
            return url, f"bytes={start}-"
        if length < 0:
            return url, f"bytes=-{-length}"
        return url, f"bytes={start or 0}-{(start or 0) + length - 1}"


def _run_root(run: Any, bucket: Optional[str], prefix: Optional[str]) -> str:
    """Where the objects of a run are. Raises MetaflowS3URLException."""
    from flowc.current import current
    from flowc.flowspec import FlowSpec

    own = isinstance(run, FlowSpec)
    if own and not current.is_running_flow:
        raise MetaflowS3URLException("Initializing S3 with a FlowSpec outside of a running flow is not supported.")
    flow, name = (current.flow_name, current.run_id) if own else (run.parent.id, run.id)
    root = configuration.datatools_root(None if own else run.store().url)
    scheme, _, rest = root.partition("://")
    if scheme == "file" and bucket:
        rest = f"/{configuration.value('DATATOOLS_SUFFIX')}"
    elif scheme == "file":  # a folder has no bucket: a prefix is below the folder for such data
        return "/".join([root, *filter(None, ((prefix or "").strip("/"), flow, name))])
    elif scheme != "s3":
        raise MetaflowS3URLException(f"S3 reaches s3:// and folders, and not {root}; name an s3root")
    else:
        host, _, path = rest.partition("/")
        bucket, rest = bucket or host, path
    return f"s3://{os.path.join(bucket, os.path.join(prefix or rest, flow, name).strip('/'))}"


def _explicit_root(s3root: str) -> str:
    root = s3root.decode() if isinstance(s3root, bytes) else str(s3root)
    if not root.startswith(_SCHEMES):
        raise MetaflowS3URLException("s3root needs to be an S3 URL prefixed with s3://.")
    return root.rstrip("/")


def _client_parameters(given: Optional[Dict[str, Any]]) -> Dict[str, Any]:
    parameters: Dict[str, Any] = given or configuration.value("DATATOOLS_CLIENT_PARAMS")
    if parameters:
        from flowc.datatools.bucket import check_parameters

        check_parameters(parameters)
    return parameters


def _temporary_folder(tmproot: Optional[str]) -> str:
    """A new folder in `tmproot`, by default in the working directory, or elsewhere where that is read-only."""
    try:
        return os.path.abspath(tempfile.mkdtemp(dir=tmproot or configuration.value("TEMPDIR"), prefix="metaflow.s3."))
    except PermissionError:
        if tmproot is not None:
            raise
    except OSError as error:
        import errno

        if tmproot is not None or error.errno != errno.EROFS:
            raise
    return tempfile.mkdtemp(prefix="metaflow.s3.")


def _no_url() -> str:
    from flowc.current import current

    if current.is_running_flow:
        return (
            "Specify S3(run=self) when you use S3 inside a running flow. Otherwise you have to use S3 with full "
            "s3:// urls."
        )
    return "Initialize S3 with an 's3root' or 'run' if you don't want to specify full s3:// urls."


def _is_empty(bytes_range: str) -> bool:
    first, _, last = bytes_range[len("bytes=") :].partition("-")
    return bool(first and last) and int(last) < int(first)


def _local_name(url: str, bytes_range: Optional[str]) -> str:
    """A name for a local copy, as Metaflow makes it: a hash of the URL, the end of the URL, and the range."""
    import hashlib
    from urllib.parse import quote

    quoted = quote(url, safe="/:")
    name = quoted.rpartition("/")[2].replace(".", "_").replace("-", "_")
    name = f"{name[:150]}..." if len(name) > 150 else name
    part = "whole" if bytes_range is None else bytes_range[len("bytes=") :].replace("-", "_")
    return f"{hashlib.sha1(quoted.encode()).hexdigest()}-{name}-{part}"  # noqa: S324 (a name, as in Metaflow)


def _same(source: Source) -> Source:
    return source
