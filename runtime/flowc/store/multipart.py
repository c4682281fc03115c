"""Multipart uploads to S3, which takes at most 5 GiB in one request: parts are sent, and sent again, alone."""

from __future__ import annotations

import contextlib
from xml.etree import ElementTree as ET

from flowc.errors import MissingKey, StoreError
from flowc.store.aws_signing import query_string
from flowc.store.s3_responses import child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from http.client import HTTPMessage
    from typing import Callable, List, Protocol, Tuple

    from flowc.store import Buffer

    Piece = Callable[[], Sequence[Buffer]]
    """Gives the bytes of a part, when it is sent: those of a file are read then."""

    class Request(Protocol):
        """Requests for one object."""

        def __call__(self, method: str, query: str, parts: Sequence[Buffer] = ()) -> Tuple[HTTPMessage, Buffer]:
            """Send one and return the answer's headers and body. Raises StoreError."""
            ...


LARGEST = 256 << 20
"""Values of more bytes go up in parts."""
PART = 64 << 20
MOST_PARTS = 10_000
"""S3's limit."""
THREADS = 4
BEGIN = query_string([("uploads", "")])
"""The query of the request that begins an upload."""


def upload(request: Request, pieces: Sequence[Piece], size: int) -> None:
    """Store the pieces, one after another, as one object. It is seen when all of it is there. Raises StoreError."""
    from concurrent.futures import ThreadPoolExecutor

    _, answer = request("POST", BEGIN)
    upload_id = _text(answer, "UploadId")

    def send(numbered: Tuple[int, Piece]) -> str:
        number, piece = numbered
        query = query_string([("partNumber", str(number)), ("uploadId", upload_id)])
        headers, _ = request("PUT", query, piece())
        return str(headers["ETag"])

    try:
        with ThreadPoolExecutor(THREADS) as pool:
            tags = list(pool.map(send, enumerate(pieces, 1)))
        try:
            _, answer = request("POST", query_string([("uploadId", upload_id)]), [_completion(tags)])
            _text(answer, "ETag")
        except MissingKey:  # the upload is gone: an earlier try completed it, and its response was lost
            headers, _ = request("HEAD", "")
            if headers["content-length"] != str(size):
                raise
    except BaseException:
        with contextlib.suppress(StoreError):  # the first error says more; the store may keep the parts
            request("DELETE", query_string([("uploadId", upload_id)]))
        raise


def part_size(size: int) -> int:
    """The bytes of each part of an object but the last."""
    return max(PART, -(-size // MOST_PARTS))


def split(parts: Sequence[Buffer], size: int) -> Iterator[List[Buffer]]:
    """The same bytes as lists of views that have `size` bytes together; the last may have fewer."""
    pieces: List[Buffer] = []
    room = size
    for part in parts:
        view = memoryview(part).cast("B")
        while view:
            piece = view[:room]
            view = view[len(piece) :]
            pieces.append(piece)
            room -= len(piece)
            if not room:
                yield pieces
                pieces, room = [], size
    if pieces:
        yield pieces


def _completion(tags: List[str]) -> bytes:
    root = ET.Element("CompleteMultipartUpload")
    for number, tag in enumerate(tags, 1):
        part = ET.SubElement(root, "Part")
        ET.SubElement(part, "PartNumber").text = str(number)
        ET.SubElement(part, "ETag").text = tag
    return ET.tostring(root)


def _text(answer: Buffer, name: str) -> str:
    """An entry of an answer. Raises StoreError with what it says instead."""
    try:
        root = ET.fromstring(bytes(answer))  # noqa: S314 (the server is the user's own store)
    except ET.ParseError as error:
        raise StoreError(f"the store's answer to a multipart upload cannot be read: {error}") from None
    if not (text := child(root, name)):
        raise StoreError(f"a multipart upload failed: {child(root, 'Code')}: {child(root, 'Message')}")
    return text
