"""The runtime and the code as files below the root of the artifacts, which pods read themselves.

A file's name is the hash of its content: it never changes, and a reader sees whether it is what it should be.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from flowc.protocol import RUNTIME_FILE
from flowc.store import open_store
from flowc_targets.base.target import StoredFile
from flowc_targets.package.code_package import MAIN_FILE, main_file, runtime_files, runtime_zip, zip_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FOLDER = ".flowc"
"""The folder of the root that has them: what begins with a dot is no flow."""
_NOT_READING = frozenset(
    {
        *("approvals.py", "artifacts.py", "codec.py", "digests.py", "documents.py", "equal_values.py"),
        *("known_files.py", "moved_classes.py", "reused_values.py", "run_layout.py", "run_owner.py"),
    }
)
"""Modules of the store that only artifacts and runs need."""
_READING = frozenset({"flowc/errors.py", "flowc/protocol/__init__.py", "flowc/protocol/env_names.py"})


@cache
def stored_runtime() -> StoredFile:
    """This release's runtime."""
    return _stored("runtime", "pyz", {MAIN_FILE: main_file(), RUNTIME_FILE: runtime_zip()})


def stored_code(own: Mapping[str, bytes]) -> StoredFile:
    """The files of a package that are the flow's own."""
    return _stored("code", "zip", own)


def _stored(kind: str, suffix: str, files: Mapping[str, bytes]) -> StoredFile:
    """Not compressed: two versions of zlib would make two files of the same, and what one pushes another looks for."""
    content = zip_files(files, compressed=False)
    return StoredFile(f"{FOLDER}/{kind}/{hashlib.sha256(content).hexdigest()}.{suffix}", content)


def bootstrap_files() -> dict[str, bytes]:
    """The files of a program that fetches this release's runtime from the root and goes on as that."""
    reading = {
        name: content
        for name, content in runtime_files().items()
        if name in _READING or (name.startswith("flowc/store/") and Path(name).name not in _NOT_READING)
    }
    main = Path(__file__).with_name("bootstrap__main__.py").read_bytes()
    return {MAIN_FILE: main, "runtime.key": stored_runtime().key.encode(), "flowc/__init__.py": b"", **reading}


def upload(files: Sequence[StoredFile], root: str) -> Iterator[tuple[str, bool]]:
    """Write files to a root, except what is there: the URL of each, and whether it was written. Raises StoreError."""
    store = open_store(root)
    for file in files:
        there = store.is_complete(file.key, len(file.content))
        if not there:
            store.write(file.key, [file.content])
        yield f"{root.rstrip('/')}/{file.key}", not there
