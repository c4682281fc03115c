"""An index of packages in a folder: small wheels that uv and pip take from there, without a network."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
PACKAGES = {
    "humanize": ("4.9.0", "4.10.0", "4.11.0"),
    "six": ("1.16.0",),
    "attrs": ("24.2.0",),
    "Unidecode": ("1.3.8",),
    "text-unidecode": ("1.3",),
    "python-slugify": ("8.0.4",),
}
REQUIRES = {"python-slugify": ("text-unidecode>=1.3", "Unidecode>=1.1.1; extra == 'unidecode'")}


def add_wheel(folder: Path, name: str, version: str, requires: tuple[str, ...] = (), python: str = ">=3.9") -> Path:
    """Put a package of one module into an index. The module says which version it is of."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {python}"]
    metadata += [f"Requires-Dist: {item}" for item in requires]
    metadata += ["Provides-Extra: unidecode"] if "extra" in "".join(requires) else []
    files = {
        f"{module}.py": f"version = {version!r}\n",
        f"{info}/METADATA": "".join(f"{line}\n" for line in metadata),
        f"{info}/WHEEL": WHEEL,
    }
    files[f"{info}/RECORD"] = "".join(map(_record, files, files.values())) + f"{info}/RECORD,,\n"
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for place, text in files.items():
            archive.writestr(zipfile.ZipInfo(place), text)
    return path


def _record(path: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(text)}\n"


def index_variables(folder: Path) -> dict[str, str]:
    """What lets uv and pip find packages in a folder only."""
    (folder / "empty").mkdir(exist_ok=True)
    uv = {"UV_DEFAULT_INDEX": (folder / "empty").as_uri(), "UV_CACHE_DIR": str(folder / "cache")}
    return {**uv, "UV_FIND_LINKS": str(folder), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def write_index(folder: Path) -> Path:
    """The packages that the flows of these tests require."""
    for name, versions in PACKAGES.items():
        for version in versions:
            add_wheel(folder, name, version, REQUIRES.get(name, ()))
    return folder
