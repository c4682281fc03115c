"""What an engine and its fork server say to each other through a socket: frames of a 4-byte length and JSON."""

from __future__ import annotations

import json
import socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Sequence

_LENGTH = struct.Struct("!I")


def send(channel: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one frame, and descriptors with it. Raises OSError."""
    body = json.dumps(message).encode()
    if descriptors:
        socket.send_fds(channel, [_LENGTH.pack(len(body))], list(descriptors))
        channel.sendall(body)
    else:
        channel.sendall(_LENGTH.pack(len(body)) + body)


def receive(channel: socket.socket) -> tuple[Dict[str, Any] | None, List[int]]:
    """Receive one frame and the descriptors that came with it; `None` when the other side is gone. Raises OSError."""
    head, descriptors, _, _ = socket.recv_fds(channel, _LENGTH.size, 2)
    body = b""
    if head:
        head += _exactly(channel, _LENGTH.size - len(head))
        body = _exactly(channel, _LENGTH.unpack(head)[0])
    if not body:
        return None, descriptors
    message: Dict[str, Any] = json.loads(body)
    return message, descriptors


def _exactly(channel: socket.socket, length: int) -> bytes:
    """Exactly `length` bytes, or fewer when the other side is gone."""
    data = b""
    while len(data) < length:
        chunk = channel.recv(length - len(data))
        if not chunk:
            return b""
        data += chunk
    return data
