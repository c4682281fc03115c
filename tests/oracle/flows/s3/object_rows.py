"""What a script does with `metaflow.S3`, a function a row: run by real Metaflow and by flowc, with the same outcome.

`python object_rows.py ROOT [ROW...]` writes a JSON object of row to outcome. Each row has a prefix of its own below the root,
`s3://bucket/prefix` or `file:///folder`; in what it returns, the root is `ROOT`, and times and temporary names are gone.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from metaflow import S3
from metaflow.datatools.s3 import MetaflowS3NotFound
from metaflow.plugins.datatools.s3 import S3GetObject, S3Object, S3PutObject

ROWS: dict[str, Callable[[str], Any]] = {}
TREE = {"a/0.txt": "zero", "a/b/1.txt": "one", "a/c/2.txt": "two!", "a/d/e/3.txt": "three", "ab/5.txt": "five", "f/4.txt": ""}
BIG = 20 << 20
"""Bytes of an object that neither goes up nor comes down in one request."""


def row(function: Callable[[str], Any]) -> Callable[[str], Any]:
    ROWS[function.__name__] = function
    return function


def seen(item: S3Object) -> dict[str, Any]:
    """Everything an object says of itself, but for the time; what is `None` or false is left out."""
    said = {
        "key": item.key, "url": item.url, "prefix": item.prefix, "exists": item.exists, "size": item.size,
        "downloaded": item.downloaded, "has_info": item.has_info, "metadata": item.metadata,
        "content_type": item.content_type, "encryption": item.encryption,
        "range": item.range_info and list(item.range_info), "blob": item.blob and item.blob.decode("latin-1"),
        "text": item.text, "path": bool(item.path and os.path.exists(item.path)),
        "modified": item.last_modified and type(item.last_modified).__name__, "str": str(item),
    }  # fmt: skip
    assert str(item) == repr(item)
    return {name: value for name, value in said.items() if value is not None and value is not False}


def all_seen(items: Any) -> list[dict[str, Any]]:
    return [seen(item) for item in items]


def filled(root: str) -> S3:
    """A client for a prefix with some objects."""
    s3 = S3(s3root=root)
    for key, text in TREE.items():
        s3.put(key, text)
    return s3


def failing(call: Callable[[], Any]) -> str:
    """The class of what a call raises."""
    try:
        return f"no error: {call()!r}"
    except Exception as error:
        return type(error).__name__


def local(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(path, "w") as file:
        file.write(text)
    return path


@row
def put_and_get_text(root: str) -> Any:
    with S3(s3root=root) as s3:
        return [s3.put("k", "häh"), seen(s3.get("k"))]


@row
def put_bytes_under_a_key_with_slashes(root: str) -> Any:
    with S3(s3root=root + "/") as s3:
        return [s3.put("/x/y.bin", b"\0\xff"), seen(s3.get("x/y.bin")), seen(s3.get("/x/y.bin"))]


@row
def put_what_is_no_string(root: str) -> Any:
    with S3(s3root=root) as s3:
        things = [1, None, ["a"], {"a": 1}, bytearray(b"x"), memoryview(b"x"), io.StringIO("x")]
        return [failing(lambda thing=thing: s3.put("k", thing)) for thing in things]


@row
def put_many_of_what_is_no_string(root: str) -> Any:
    with S3(s3root=root) as s3:
        return [failing(lambda: s3.put_many([("a", "x"), ("b", 1)])), s3.get("a", return_missing=True).exists]


@row
def put_binary_files(root: str) -> Any:
    with S3(s3root=root) as s3, tempfile.TemporaryDirectory() as folder:
        path = local(folder, "f.txt", "0123456789")
        with open(path, "rb") as raw:
            raw.read(4)
            s3.put("buffered", raw)
        memory = io.BytesIO(b"memory")
        memory.read(3)
        s3.put("memory", memory)
        with gzip.open(path + ".gz", "wb") as packed:
            packed.write(b"unpacked")
        s3.put("gzip", gzip.open(path + ".gz", "rb"))
        s3.put("raw", open(path, "rb", buffering=0))
        return [[s3.get(key).text for key in ("buffered", "memory", "gzip", "raw")], memory.closed]


@row
def put_many_binary_files(root: str) -> Any:
    with S3(s3root=root) as s3, tempfile.TemporaryDirectory() as folder:
        raw, memory = open(local(folder, "f.txt", "0123456789"), "rb"), io.BytesIO(b"memory")
        raw.read(4), memory.read(3)
        done = s3.put_many([("buffered", raw), ("memory", memory)])
        out = [done, s3.get("buffered").text, s3.get("memory").text, raw.closed, memory.closed]
        raw.close()
        return out


@row
def content_type_and_metadata(root: str) -> Any:
    with S3(s3root=root) as s3:
        s3.put("k", "{}", content_type="application/json", metadata={"a": "x  y", "b": [1, "ü"], "c": None})
        got = seen(s3.get("k"))
        s3.put("k", "{}")
        return [got, seen(s3.info("k"))]


@row
def put_without_overwriting(root: str) -> Any:
    with S3(s3root=root) as s3:
        first = [s3.put("k", "1", overwrite=False), s3.put("k", "2", overwrite=False), s3.get("k").text]
        many = s3.put_many([("k", "3"), ("l", "4")], overwrite=False)
        return [first, many, s3.get("k").text, s3.get("l").text, s3.put("k", "5"), s3.get("k").text]


@row
def put_with_an_s3_put_object(root: str) -> Any:
    with S3(s3root=root) as s3:
        item = S3PutObject("p", value="value", content_type="text/x", metadata={"m": 1})
        return [s3.put(item, "obj"), seen(s3.get("p")), list(item), item._fields]


@row
def put_many_pairs(root: str) -> Any:
    with S3(s3root=root) as s3:
        done = s3.put_many([("b", "1"), ("a/x", b"2"), ("b", "1")])
        return [done, sorted(item.key for item in s3.list_recursive())]


@row
def put_many_s3_put_objects(root: str) -> Any:
    with S3(s3root=root) as s3:
        done = s3.put_many([
            S3PutObject("a", value="1", content_type="text/plain", metadata={"x": 1}),
            S3PutObject(key="b", value=b"2", encryption="AES256"), ("c", "3"),
        ])  # fmt: skip
        return [done, all_seen(s3.get_many(["a", "b", "c"]))]


@row
def put_many_nothing(root: str) -> Any:
    with S3(s3root=root) as s3:
        return [s3.put_many([]), s3.put_files([]), s3.get_many([]), s3.info_many([]), s3.get_recursive([])]


@row
def put_many_of_a_generator(root: str) -> Any:
    with S3(s3root=root) as s3:
        done = s3.put_many((f"k{i}", str(i)) for i in range(3))
        return [done, [item.text for item in s3.get_many(f"k{i}" for i in (2, 0, 1))]]


@row
def put_files_pairs(root: str) -> Any:
    with S3(s3root=root) as s3, tempfile.TemporaryDirectory() as folder:
        paths = [local(folder, name, name * 3) for name in ("one", "two")]
        done = s3.put_files([("x/one", paths[0]), S3PutObject("two", path=paths[1], content_type="a/b", metadata={"q": "r"})])
        return [done, all_seen(s3.get_many(["x/one", "two"]))]


@row
def put_files_without_overwriting(root: str) -> Any:
    with S3(s3root=root) as s3, tempfile.TemporaryDirectory() as folder:
        path = local(folder, "f", "new")
        s3.put("a", "old")
        return [s3.put_files([("a", path), ("b", path)], overwrite=False), s3.get("a").text, s3.get("b").text]


@row
def put_files_that_are_missing(root: str) -> Any:
    with S3(s3root=root) as s3, tempfile.TemporaryDirectory() as folder:
        path = local(folder, "f", "x")
        return [failing(lambda: s3.put_files([("a", path), ("b", path + "no")])), s3.get("a", return_missing=True).exists]


@row
def put_files_a_folder(root: str) -> Any:
    with S3(s3root=root) as s3, tempfile.TemporaryDirectory() as folder:
        return failing(lambda: s3.put_files([("a", folder)]))


@row
def get_what_is_missing(root: str) -> Any:
    with S3(s3root=root) as s3:
        return [failing(lambda: s3.get("no")), seen(s3.get("no", return_missing=True))]


@row
def get_many_with_one_missing(root: str) -> Any:
    with filled(root) as s3:
        wanted = ["f/4.txt", "no", "a/0.txt"]
        return [failing(lambda: s3.get_many(wanted)), all_seen(s3.get_many(wanted, return_missing=True))]


@row
def get_many_with_one_missing_without_info(root: str) -> Any:
    with filled(root) as s3:
        return all_seen(s3.get_many(["no", "a/0.txt"], return_missing=True, return_info=False))


@row
def get_without_info(root: str) -> Any:
    with filled(root) as s3:
        return seen(s3.get("a/0.txt", return_info=False))


@row
def get_many_the_same_twice(root: str) -> Any:
    with filled(root) as s3:
        one, two = s3.get_many(["a/0.txt", "a/0.txt"])
        return [seen(one), seen(two), one.path == two.path]


@row
def get_ranges(root: str) -> Any:
    with S3(s3root=root) as s3:
        s3.put("k", "0123456789")
        asked = [(0, 4), (3, None), (None, 2), (None, -3), (8, 100), (0, 10), (9, 1), (4, -2)]
        return [seen(s3.get(S3GetObject("k", *item))) for item in asked]


@row
def get_many_ranges(root: str) -> Any:
    with S3(s3root=root) as s3:
        s3.put("k", "0123456789")
        return all_seen(s3.get_many([S3GetObject("k", 1, 2), "k", S3GetObject("k", 5, None), S3GetObject("k", None, -1)]))


@row
def get_many_ranges_without_info(root: str) -> Any:
    with S3(s3root=root) as s3:
        s3.put("k", "0123456789")
        return all_seen(s3.get_many([S3GetObject("k", 1, 2), S3GetObject("k", None, None)], return_info=False))


@row
def get_ranges_that_are_not_there(root: str) -> Any:
    with S3(s3root=root) as s3:
        s3.put("k", "0123456789")
        s3.put("empty", "")
        return [failing(lambda item=item: s3.get(S3GetObject(*item))) for item in [("k", 10, 1), ("k", 20, None), ("empty", 0, 1)]]


@row
def get_range_of_what_is_missing(root: str) -> Any:
    with S3(s3root=root) as s3:
        return [failing(lambda: s3.get(S3GetObject("no", 0, 1))), seen(s3.get(S3GetObject("no", 0, 1), return_missing=True))]


@row
def get_the_root_itself(root: str) -> Any:
    with S3(s3root=root + "/object") as s3:
        s3.put(None, "root")
        return [seen(s3.get()), seen(s3.info()), seen(s3.get(None))]


@row
def get_recursive(root: str) -> Any:
    with filled(root) as s3:
        return all_seen(s3.get_recursive(["a", "f/"]))


@row
def get_recursive_with_info(root: str) -> Any:
    with filled(root) as s3:
        return all_seen(s3.get_recursive(["a/", "f"], return_info=True))


@row
def get_recursive_nothing(root: str) -> Any:
    with filled(root) as s3:
        return s3.get_recursive(["nothing", "neither/"])


@row
def get_recursive_by_urls(root: str) -> Any:
    with filled(root), S3() as s3:
        return [all_seen(s3.get_recursive([root + "/a/"])), all_seen(s3.get_recursive([root + "/a/"], return_info=True))]


@row
def get_all(root: str) -> Any:
    with filled(root) as s3:
        return [all_seen(s3.get_all()), all_seen(s3.get_all(return_info=True))]


@row
def get_all_without_a_prefix(root: str) -> Any:
    with S3() as s3:
        return failing(s3.get_all)


@row
def info_of_one(root: str) -> Any:
    with filled(root) as s3:
        return [seen(s3.info("a/0.txt")), seen(s3.info("f/4.txt")), failing(lambda: s3.info("no")), seen(s3.info("no", return_missing=True))]


@row
def info_of_a_prefix(root: str) -> Any:
    with filled(root) as s3:
        return [failing(lambda: s3.info("a")), failing(lambda: s3.get("a")), s3.info("a", return_missing=True).exists]


@row
def info_of_many(root: str) -> Any:
    with filled(root) as s3:
        s3.put("typed", "x", content_type="text/html", metadata={"k": "v"})
        wanted = ["a/0.txt", "typed", "no"]
        return [failing(lambda: s3.info_many(wanted)), all_seen(s3.info_many(wanted, return_missing=True))]


@row
def list_the_next_level(root: str) -> Any:
    with filled(root) as s3:
        return [all_seen(s3.list_paths()), all_seen(s3.list_paths(["a", "f/"])), s3.list_paths(["no", "a/0.txt"])]


@row
def list_recursively(root: str) -> Any:
    with filled(root) as s3:
        return [all_seen(s3.list_recursive()), all_seen(s3.list_recursive(["a", "f"])), s3.list_recursive(["no"])]


@row
def list_by_urls(root: str) -> Any:
    with filled(root), S3() as s3:
        return [all_seen(s3.list_paths([root, root + "/a/"])), all_seen(s3.list_recursive([root + "/a"])), failing(s3.list_paths)]


@row
def list_more_than_a_page(root: str) -> Any:
    with S3(s3root=root) as s3:
        s3.put_many([(f"k/{i:04}", str(i)) for i in range(1005)])
        return [len(s3.list_paths(["k"])), s3.list_recursive(["k"])[1004].key, [item.key for item in s3.list_paths()]]


@row
def keys_with_all_kinds_of_characters(root: str) -> Any:
    names = ["sp ace", "plus+and&", "ü/ö", "per%20cent", "hash#tag", "eq=1,2", "(x)", "quote'\"", "a:b@c", "~t!", "<tag>"]
    with S3(s3root=root) as s3:
        urls = s3.put_many([(name, name) for name in names])
        found = [[item.key, item.url, item.text] for item in s3.get_many(names)]
        return [urls, found, sorted(item.key for item in s3.list_recursive()), [s3.get(name).text for name in names]]


@row
def whole_urls(root: str) -> Any:
    with S3() as s3:
        return [s3.put(root + "/x", "1"), seen(s3.get(root + "/x")), all_seen(s3.get_many([root + "/x"])), seen(s3.info(root + "/x"))]


@row
def whole_urls_where_a_key_is_needed(root: str) -> Any:
    with S3(s3root=root) as s3:
        return [failing(lambda: s3.get("s3://bucket/x")), failing(lambda: s3.put("s3://bucket/x", "1"))]


@row
def keys_where_a_whole_url_is_needed(root: str) -> Any:
    with S3() as s3:
        bad = ["x", "http://a/b", "", None, "s3://", "s3://bucket"]
        return [failing(lambda key=key: s3.get(key)) for key in bad] + [failing(s3.get), failing(lambda: s3.get_many(["x"]))]


@row
def roots_that_are_no_urls(root: str) -> Any:
    return [failing(lambda value=value: S3(s3root=value)) for value in ("bucket/x", "http://b/x", "gs://b/x", 5)]


@row
def a_flow_that_does_not_run(root: str) -> Any:
    from metaflow import FlowSpec, step

    class Idle(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    return failing(lambda: S3(run=Idle(use_cli=False)))


@row
def temporary_files_go_with_the_context(root: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        with S3(s3root=root, tmproot=folder) as s3:
            s3.put("k", "v")
            paths = [s3.get("k").path, s3.get_many(["k"])[0].path, s3.get_recursive([""])[0].path]
            inside = [os.path.exists(path) and os.path.realpath(path).startswith(os.path.realpath(folder)) for path in paths]
        after = [os.path.exists(path) for path in paths]
        return [inside, after, os.listdir(folder)]


@row
def temporary_files_go_when_the_context_fails(root: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        try:
            with S3(s3root=root, tmproot=folder) as s3:
                s3.put("k", "v")
                s3.get("k")
                raise KeyError
        except KeyError:
            pass
        return os.listdir(folder)


@row
def temporary_files_go_with_close(root: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        s3 = S3(tmproot=folder, s3root=root)
        s3.put("k", "v")
        path = s3.get("k").path
        s3.close()
        s3.close()
        return [os.path.exists(path), os.listdir(folder)]


@row
def temporary_names(root: str) -> Any:
    with filled(root) as s3:
        paths = [item.path for item in s3.get_many(["a/0.txt", S3GetObject("a/0.txt", 1, 2), S3GetObject("a/0.txt", 1, None)])]
        return [os.path.basename(path).split("-", 1)[1] for path in paths]


@row
def a_temporary_root_that_is_missing(root: str) -> Any:
    return failing(lambda: S3(tmproot="/nowhere/at/all"))


@row
def an_object_in_parts(root: str) -> Any:
    with S3(s3root=root) as s3, tempfile.TemporaryDirectory() as folder:
        pattern = bytes(range(251)) * (BIG // 251 + 1)
        path = os.path.join(folder, "big")
        with open(path, "wb") as file:
            file.write(pattern)
        done = s3.put_files([S3PutObject("big", path=path, metadata={"parts": 2}, content_type="a/b")])
        s3.put("other", pattern)
        with open(path, "rb") as file:
            s3.put("third", file)
        found = s3.get_many(["big", "other"])
        single = s3.get("third")
        same = [item.blob == pattern for item in (*found, single)]
        piece = s3.get(S3GetObject("big", len(pattern) - 5, None))
        return [done, same, [list(item.range_info) for item in found], found[0].metadata, found[0].content_type, piece.blob == pattern[-5:], list(single.range_info)]


@row
def an_empty_object(root: str) -> Any:
    with S3(s3root=root) as s3:
        s3.put("e", b"")
        return [seen(s3.get("e")), all_seen(s3.get_many(["e"])), s3.list_paths()[0].exists, s3.list_recursive()[0].size]


@row
def a_bucket_that_is_missing(root: str) -> Any:
    with S3(s3root="s3://no-such-bucket-at-all/x") as s3:
        calls = [lambda: s3.get("k"), lambda: s3.put("k", "v"), lambda: s3.info("k"), s3.list_paths, s3.list_recursive,
                 lambda: s3.get_many(["k"]), s3.get_all, lambda: s3.info_many(["k"]), lambda: s3.get("k", return_missing=True).exists]
        return [failing(call) for call in calls]


@row
def a_bucket_without_a_key(root: str) -> Any:
    bucket = root[: root.index("/", 5)]
    with S3(s3root=bucket) as s3:
        return [failing(s3.get), failing(s3.info), failing(lambda: s3.put("", "x")), failing(lambda: s3.get_many([None])), failing(lambda: s3.info_many([None]))]


@row
def the_errors_are_metaflows(root: str) -> Any:
    from metaflow.exception import MetaflowException
    from metaflow.plugins.datatools.s3 import s3 as names

    found = [name for name in dir(names) if name.startswith("MetaflowS3")]
    error = MetaflowS3NotFound("text")
    return [sorted(found), [issubclass(getattr(names, name), MetaflowException) for name in found], error.headline, error.message, str(error)]


@row
def named_tuples(root: str) -> Any:
    from metaflow.plugins.datatools.s3 import RangeInfo

    return [S3GetObject("k", 1, 2)._asdict(), S3PutObject("k")._asdict(), RangeInfo(3)._asdict(), failing(lambda: S3GetObject("k"))]


@row
def prefixes_that_are_objects_as_well(root: str) -> Any:
    with S3(s3root=root) as s3:
        s3.put_many([("d", "1"), ("d.x", "2"), ("e/f", "3")])
        return [all_seen(s3.list_paths()), [item.key for item in s3.get_recursive(["d"])]]


def outcome(function: Callable[[str], Any], root: str) -> Any:
    """What a row returns, or raises, with names of its own for what differs from run to run."""
    try:
        found: Any = function(f"{root}/{function.__name__}")
    except Exception as error:
        found = f"raised {type(error).__name__}: {error}"
    return json.loads(json.dumps(found, default=repr).replace(root, "ROOT"))


if __name__ == "__main__":
    wanted = sys.argv[2:] or ROWS
    out = {name: outcome(ROWS[name], sys.argv[1]) for name in wanted}
    with open(os.environ["ROWS_OUT"], "w") as target:
        json.dump(out, target)
