"""`current.torch` of a step with `@torchrun`, as metaflow-torchrun has it: one torchrun over all members."""

from __future__ import annotations

import json
import os
import sys

from flowc.errors import FlowError
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Sequence, Union

    Given = Union[Mapping[str, Any], Sequence[Any], None]


class TorchrunException(FlowError):  # noqa: N818 (the extension's name)
    """What torchrun was asked to do failed."""

    headline = "torchrun failed"


class TorchNotInstalledException(TorchrunException):
    """The image of the step has no PyTorch."""

    headline = "PyTorch not installed"


class TorchrunSingleNodeMultiGPU:
    """torchrun within one task, for several processes on one machine."""

    def __init__(self) -> None:
        self.torchrun_args: Dict[str, Any] = {"nproc_per_node": 1}
        """What torchrun is started with, unless `run` says otherwise."""

    def run(
        self,
        torchrun_args: Given = None,
        entrypoint: str | None = None,
        entrypoint_args: Given = None,
        nproc_per_node: int | str | None = None,
    ) -> None:
        """Start the script `entrypoint` in `nproc_per_node` processes of each member, and wait for its end.

        Arguments are a dict, in which None and the empty text make a flag, or a list: names and values in turn for
        torchrun, the words themselves for the script. Raises TorchrunException where it fails.
        """
        from importlib.util import find_spec

        from flowc.shim.kept_process import KeptProcess

        if entrypoint is None:
            raise TorchrunException("torchrun needs a script: write run(entrypoint='train.py')")
        command = self._command(_pairs(torchrun_args), nproc_per_node)
        if find_spec("torch") is None:
            raise TorchNotInstalledException("torchrun needs PyTorch: give the step an image that has it")
        words = _words(_pairs(entrypoint_args)) if _is_mapping(entrypoint_args) else _texts(entrypoint_args)
        command += [_script(entrypoint), *words]
        code = KeptProcess(command).wait()
        if code:
            raise TorchrunException(f"torchrun ended with exit code {code}: {' '.join(command)}")

    def _command(self, given: Dict[str, Any], nproc_per_node: int | str | None) -> List[str]:
        """torchrun with its own arguments. Raises TorchrunException for two numbers of processes."""
        spelled = {name.replace("-", "_"): name for name in given}
        if nproc_per_node is not None and "nproc_per_node" in spelled:
            raise TorchrunException("nproc_per_node is given twice: as an argument, and in torchrun_args")
        own = {**self.torchrun_args}
        if nproc_per_node is not None:
            own["nproc_per_node"] = nproc_per_node
        own = {name: value for name, value in own.items() if name not in spelled}
        if "master_addr" in self.torchrun_args and "rdzv_endpoint" not in spelled:
            merged = {**self.torchrun_args, **{name: given[spelling] for name, spelling in spelled.items()}}
            own["rdzv_endpoint"] = f"{merged['master_addr']}:{merged['master_port']}"
        return [sys.executable, "-m", "torch.distributed.run", *_words({**own, **given})]


class TorchrunExecutor(TorchrunSingleNodeMultiGPU):
    """`current.torch`: torchrun in every member, which find each other at member 0."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """The variables of the gang say where member 0 is."""
        super().__init__()
        self.torchrun_args = {
            "nnodes": int(os.environ["WORLD_SIZE"]),
            "master_addr": os.environ["MASTER_ADDR"],
            "master_port": int(os.environ["MASTER_PORT"]),
            "node_rank": int(os.environ["NODE_RANK"]),
            "nproc_per_node": options.get("nproc_per_node", 1),
        }

    def run(
        self,
        torchrun_args: Given = None,
        entrypoint: str | None = None,
        entrypoint_args: Given = None,
        nproc_per_node: int | str | None = None,
        push_results_dir_to_cloud: bool = False,
        local_output_dir: str | None = None,
        cloud_output_dir: str | None = None,
    ) -> None:
        """As above; the last three do nothing, as in the extension, which is a line in the task's log."""
        if push_results_dir_to_cloud or local_output_dir or cloud_output_dir:
            names = "push_results_dir_to_cloud, local_output_dir and cloud_output_dir"
            print(f"flowc: {names} of current.torch.run do nothing: store files as artifacts", file=sys.stderr)
        super().run(torchrun_args, entrypoint, entrypoint_args, nproc_per_node)


def _is_mapping(given: Given) -> bool:
    return hasattr(given, "keys")


def _pairs(given: Given) -> Dict[str, Any]:
    """Arguments by name, without dashes before it. Raises TorchrunException for a list that ends in a name."""
    if _is_mapping(given):
        pairs: Dict[Any, Any] = dict(given)  # type: ignore[arg-type]
    else:
        items = list(given or ())
        if len(items) % 2:
            raise TorchrunException(f"torchrun_args as a list are names and values in turn, and {items[-1]!r} has none")
        pairs = dict(zip(items[::2], items[1::2]))
    return {str(name).lstrip("-"): value for name, value in pairs.items()}


def _words(arguments: Mapping[str, Any]) -> List[str]:
    """A command line of arguments by name."""
    words: List[str] = []
    for name, value in arguments.items():
        words.append(f"--{name}")
        if value is not None and value != "":
            words.append(value if isinstance(value, str) else json.dumps(value, default=str).replace('"', ""))
    return words


def _texts(given: Given) -> List[str]:
    return [str(item) for item in given or ()]


def _script(name: str) -> str:
    """The path of a script: in the working directory, or else beside the flow's file."""
    beside = os.path.join(os.environ.get(env_names.FILES, ""), name)
    return beside if not os.path.exists(name) and os.path.exists(beside) else name
