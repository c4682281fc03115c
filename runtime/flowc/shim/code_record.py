"""The code as it ran, in the run's folder: the text of the flow's own modules, for people who read the run later."""

from __future__ import annotations

import os

from flowc.protocol import FILES_FOLDER
from flowc.shim.loaded_plan import code_package
from flowc.shim.user_files import located_files
from flowc.store.documents import CODE_RECORD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Tuple

    from flowc.protocol.plan import Plan
    from flowc.store.run_layout import RunLayout

MOST_BYTES = 1 << 20
"""Of the text of all files together; those beyond it are listed by their size."""


def record_code(layout: RunLayout, plan: Plan) -> None:
    """Write the text of the flow's modules into the run's folder, and list its other files by size.

    Data files may hold anything, and the store keeps no copy of them.
    """
    top, files = located_files(plan)
    own: str = files["file"]
    texts: Dict[str, str] = {}
    others: Dict[str, int] = {}
    left = MOST_BYTES
    for name, size, content in _contents(plan, top, [own, *(name for name in files.get("shipped", ()) if name != own)]):
        text = _text(content) if name.endswith((".py", ".pyi")) and size <= left else None
        if text is None:
            others[name] = size
        else:
            texts[name] = text
            left -= size
    document: Dict[str, Any] = {"version": 1, "file": own, "files": texts, "others": others}
    if plan.code_units:  # of which digests `flowc show --why` names those that have changed
        document["units"] = plan.code_units
    if plan.settled:
        document["settled"] = plan.settled
    layout.write_json(f"{layout.prefix}/{CODE_RECORD}", {**document, "class": plan.class_name})


def _contents(plan: Plan, top: str, names: Any) -> Iterator[Tuple[str, int, bytes]]:
    """The files that can be read, with sizes: what the step has done to them is its own affair.

    Of those that are used in place, no more is read than could be recorded.
    """
    package = code_package()
    packed = package is not None and plan.files is not None and "top" not in plan.files
    for name in names:
        try:
            if packed and package is not None:
                content = package.read(f"{FILES_FOLDER}/{name}")
                yield name, len(content), content
            else:
                with open(os.path.join(top, name), "rb") as file:
                    content = file.read(MOST_BYTES)
                    yield name, max(os.fstat(file.fileno()).st_size, len(content)), content
        except OSError:
            continue


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
