"""What the compiler, the targets and the shim have to agree on, each thing written once.

`env_names` has the environment variables of a task, `exit_codes` how its process ends, `encodings` how values travel
in them, `plan` the format of plan.json, `metaflow_names` and `zenml_names` the names that are served. Standard library
only; every layer may import it. Texts that must stand alone, such as Airflow's DAG files, repeat what they need, and
tests compare them.
"""

from __future__ import annotations

FALLBACK_RETRIES = 3
"""Further attempts of a step with `@catch` after those of `@retry`, as in Metaflow."""

TIMEOUT_GRACE_SECONDS = 300
"""How much longer than its `@timeout` a pod may live by default, from its start, its image's pull included."""

PLAN_FILE = "plan.json"
"""The plan in the code package."""
RUNTIME_FILE = "flowc.zip"
"""The shim in the code package, a zip of its own."""
SHIM_HALVES = ("flowc.zip.1", "flowc.zip.2")
"""Its two halves where one object cannot hold it: one in the package, and one beside it, compressed."""
PACKED_SUFFIX = ".flowc-zlib"
"""The end of a file's name where the code package is a folder, and the file in it compressed."""
FILES_FOLDER = "files"
"""The folder of the code package whose files the shim unpacks before it imports the user's."""
PACKAGES_FOLDER = "packages"
"""The folder of the code package with the files of requirements that pods install when they start."""
REQUIREMENTS = "requirements.txt"
"""The packages that a pod installs when it starts, each with the hashes of its files."""
GIT_REQUIREMENTS = "requirements-git.txt"
"""Those from version control, which have no hashes."""

NOTIFY_SUCCESS, NOTIFY_FAILURE = "flowc.shim.notifications.success", "flowc.shim.notifications.failure"
"""The functions that send the notifications of `@notify`, which engines call as exit hooks."""
