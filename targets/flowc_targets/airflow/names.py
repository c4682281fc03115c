"""Names of a DAG file's variables: steps may be named like what the file itself uses."""

from __future__ import annotations

import builtins
import keyword
import re

_OF_THE_FILE = """
    AirflowSkipException Asset BaseOperator CODE ENVIRONMENT EmptyOperator HookOperator KubernetesPodOperator
    KubernetesPodOperatorCallback PARAMETERS PYTHON Param Path PublishOutput ROOT START StepOperator TAGS arguments
    base64 dag datetime encoded environment flow index indices json k8s os quote skip_unless_chosen subprocess sys
    task task_group tempfile timedelta timezone
"""

TAKEN = frozenset({*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_OF_THE_FILE.split()})
"""Names that a variable must not hide."""


class Names:
    """Gives out names, each once."""

    def __init__(self) -> None:
        self._taken = set(TAKEN)

    def take(self, wanted: str) -> str:
        """The wanted name, with an underscore and a number where it is taken. What no name may have becomes `_`."""
        wanted = re.sub(r"\W|^(?=\d)", "_", wanted, flags=re.ASCII)
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name
