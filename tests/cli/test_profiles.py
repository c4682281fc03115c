"""Profiles, the options of commands in settings, and `flowc config`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

from flowc.project_settings import TABLES, SettingsError, default_root, find_settings
from flowc_cli.app import SUMMARIES
from flowc_cli.option_declarations import NEVER_SET, options_of
from flowc_cli.settings_schema import settings_schema
from flowc_cli.toml_keys import key_places
from flowc_targets.base.target import load_target
from tests.support import START_AND_END, flowc, write_files, yaml_documents

FLOW = f"from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):{START_AND_END}"
SETTINGS = """
[tool.flowc]
root = "s3://dev/flows"
image = "ml:dev"
namespace = "dev"
include = ["data/*.csv"]
env = { A = "1", B = "1" }

[tool.flowc.argo]
namespace = "argo-dev"
parallelism = 50

[tool.flowc.profiles.base]
image = "ml:base"
service-account = "runner"

[tool.flowc.profiles.prod]
inherits = "base"
root = "s3://prod/flows"
namespace = "prod"
include = ["more/*.csv"]
env = { B = "2" }

[tool.flowc.profiles.prod.compile]
output = "manifests/"

[tool.flowc.profiles.prod.argo]
kind = "template"

[tool.flowc.profiles.canary]
inherits = ["base", "prod"]
namespace = "canary"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_files(
        tmp_path,
        {"pyproject.toml": SETTINGS, "flows/flow.py": FLOW, "data/a.csv": "1\n", "more/b.csv": "2\n", ".git/HEAD": ""},
    )
    return tmp_path


def listed(folder: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """What `flowc config --json` prints, by table and name."""
    done = flowc(folder, "config", "--json", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    return {f"{item['table']}.{item['name']}".strip("."): item for item in found["settings"]} | {"": found}


def manifest(project: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """The Workflow or the template that `flowc compile` prints."""
    done = flowc(project, "compile", "flows/flow.py", "-o", "-", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    return yaml_documents(done.stdout)[-1]


PROFILES: dict[str, tuple[list[str], dict[str, str], tuple[str, str, str]]] = {
    "none": ([], {}, ("Workflow", "argo-dev", "ml:dev")),
    "by option": (["--profile", "prod"], {}, ("WorkflowTemplate", "prod", "ml:base")),
    "by variable": ([], {"FLOWC_PROFILE": "prod"}, ("WorkflowTemplate", "prod", "ml:base")),
    "the option counts": (
        ["--profile", "canary"],
        {"FLOWC_PROFILE": "base"},
        ("WorkflowTemplate", "canary", "ml:base"),
    ),
    "what inherits nothing": (["--profile", "base"], {}, ("Workflow", "argo-dev", "ml:base")),
    "the command line counts": (["--profile", "prod", "-n", "mine"], {}, ("WorkflowTemplate", "mine", "ml:base")),
    "an empty variable": ([], {"FLOWC_PROFILE": ""}, ("Workflow", "argo-dev", "ml:dev")),
}


@pytest.mark.parametrize("case", PROFILES)
@pytest.mark.parametrize("file", ["pyproject.toml", "flowc.toml", "flowc.toml, as tool.flowc"])
def test_profiles(case: str, file: str, project: Path) -> None:
    arguments, variables, wanted = PROFILES[case]
    if file != "pyproject.toml":
        text = SETTINGS if "," in file else SETTINGS.replace("tool.flowc.", "").replace("[tool.flowc]", "")
        (project / "flowc.toml").write_text(text)
        (project / "pyproject.toml").unlink()
    found = manifest(project, *arguments, **variables)
    image = next(item["container"]["image"] for item in found["spec"]["templates"] if "container" in item)
    assert (found["kind"], found["metadata"]["namespace"], image) == wanted
    assert "FLOWC_PROFILE" not in os.environ or os.environ["FLOWC_PROFILE"] == variables.get("FLOWC_PROFILE")


@pytest.mark.parametrize(("file", "tables"), [("flowc.toml", ""), ("pyproject.toml", "tool.flowc")])
def test_config_prints_the_tables_of_its_file(file: str, tables: str, project: Path) -> None:
    (project / "pyproject.toml").unlink()
    for written in dict.fromkeys([tables, "tool.flowc"]):
        top, inner = (f"[{written}]", f"[{written}.argo]") if written else ("", "[argo]")
        (project / file).write_text(f"{top}\nimage = 'a'\n{inner}\nnamespace = 'b'\n")
        lines = [line.partition("  #")[0] for line in flowc(project, "config").stdout.splitlines()]
        assert lines[1:-2] == [*([""] if not top else ["", top]), 'image = "a"', "", inner, 'namespace = "b"']


def test_layers_of_lists_and_tables(project: Path) -> None:
    text = json.dumps(manifest(project, "--profile", "prod"))
    assert "a.csv" in text
    assert "b.csv" in text
    found = listed(project, "--profile", "prod")
    assert found["env.A"]["line"] == SETTINGS[: SETTINGS.index("env = { A")].count("\n") + 1
    assert (found["env.A"]["value"], found["env.A"]["profile"]) == ("1", None)
    assert (found["env.B"]["value"], found["env.B"]["profile"]) == ("2", "prod")
    assert found["include"]["value"] == ["data/*.csv", "more/*.csv"]
    assert found["include"]["place"] == "pyproject.toml:6 and pyproject.toml:21"


def test_every_origin(project: Path) -> None:
    found = listed(project, "flows/flow.py", "--profile", "prod", FLOWC_ROOT="s3://mine", FLOWC_RUN_MAX_WORKERS="3")
    assert found[""]["profiles"] == ["base", "prod"]
    assert (found["root"]["value"], found["root"]["source"], found["root"]["place"]) == (
        "s3://mine", "environment", "FLOWC_ROOT",
    )  # fmt: skip
    assert found["run.max_workers"]["place"] == "FLOWC_RUN_MAX_WORKERS"
    assert (found["image"]["source"], found["image"]["profile"]) == ("file", "base")
    assert found["timeout_grace"]["source"] == "default"
    assert found["compile.output"]["value"] == f"{project}/manifests/"
    assert "argo.namespace" not in found
    text = flowc(project, "config", "--profile", "prod").stdout
    assert 'namespace = "prod"  # pyproject.toml:20, profile prod\n' in text
    assert "timeout_grace" not in text
    assert "timeout_grace = 300  # default" in flowc(project, "config", "--all").stdout


def test_paths_start_at_their_file(project: Path) -> None:
    (project / "elsewhere").mkdir()
    done = flowc(project / "elsewhere", "compile", "../flows/flow.py", "--profile", "prod")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (project / "manifests").iterdir()} >= {"f.yaml"}
    assert flowc(project / "flows", "compile", "flow.py", "--profile", "prod", "--check").returncode == 0


WRONG = {
    "imag = 'x'": ("FC504", "did you mean `image`?"),
    "[tool.flowc.compil]\nkind = 'cron'": ("FC504", "did you mean `compile`?"),
    "[tool.flowc.compile]\noutptu = 'x'": ("FC504", "did you mean `output`?"),
    "[tool.flowc.compile]\nkind = 3": ("FC505", 'write kind = "..."'),
    "[tool.flowc.compile]\nformat = 'jsn'": ("FC505", "did you mean `json`?"),
    "[tool.flowc.compile]\nproduction = 'yes'": ("FC505", "write production = true"),
    "[tool.flowc.compile]\nwith = 'retry'": ("FC505", 'write with = ["..."]'),
    "[tool.flowc.compile]\noutput = '../../x'": ("FC605", "--allow-read"),
    "[tool.flowc.compile]\nallow-read = ['/']": ("FC505", "give --allow-read"),
    "[tool.flowc.compile]\ncheck_server = true": ("FC505", "give --check-server"),
    "[tool.flowc.argo]\nkindd = 'cron'": ("FC504", "did you mean `kind`?"),
    "[tool.flowc.profiles.x]\nnamespce = 'x'": ("FC504", "did you mean `namespace`?"),
    "[tool.flowc.profiles.x.argo]\nkindd = 'cron'": ("FC504", "did you mean `kind`?"),
    "[tool.flowc.profiles.x.compile]\noutptu = 'x'": ("FC504", "did you mean `output`?"),
    "[tool.flowc.profiles.x]\nextends = 'base'": ("FC504", 'inherits = "NAME"'),
    "[tool.flowc.commands.compile]\nkind = 'cron'": ("FC504", "write [tool.flowc.compile]"),
    "argo = 3": ("FC505", "write [tool.flowc.argo]"),
    "profiles = 3": ("FC505", "write [tool.flowc.profiles.NAME]"),
    "[tool.flowc.profiles]\nx = 3": ("FC505", "write [tool.flowc.profiles.x]"),
}


WRONG_VALUES = {
    "env = ['A=b']": ("['A=b'] is not a table", 'write env = { A = "b" }'),
    "labels = { a = 1 }": ("option `labels.a` of target argo: 1 is not a text", 'write "1"'),
    "restricted = 'yes'": ("'yes' is not true or false", "write restricted = true"),
    "run_as_user = true": ("true is not a whole number", "such as 3"),
    "image-pull-policy = 'never'": ("'never' is not one of Always", "did you mean `Never`?"),
    "gpu = { a = { resorce = 'x' } }": ("option `gpu.a.resorce` of target argo: there is no such key", "`resource`"),
    "[tool.flowc.argo]\nparallelism = '3'": ("'3' is not a whole number", "such as 3"),
    "[tool.flowc.argo]\nttl_seconds = '7d'": ("'7d' is not a whole number", "it is in seconds: write 604800"),
    "[tool.flowc.argo]\nworkflow_patch = { spec = { hostNetwrk = true } }": (
        "option `workflow_patch.spec.hostNetwrk` of target argo", "did you mean `hostNetwork`?",
    ),
    "[tool.flowc.argo.template_patch.container]\ncommand = ['x']": ("is what flowc starts", "leave it out"),
    "[tool.flowc.check]\nignore = ['FC9x']": ("no diagnostic's code begins with `FC9x`", "flowc explain"),
    "allow_read = ['/']": ("counts on the command line only", "give --allow-read"),
}  # fmt: skip


def test_wrong_values_in_the_words_of_settings(project: Path) -> None:
    """All of them at once, by `compile` and by `config`, each at its line."""
    for settings, (message, help_text) in WRONG_VALUES.items():
        (project / "pyproject.toml").write_text(f"[tool.flowc]\nroot = 's3://b/p'\n{settings}\n")
        done = flowc(project, "compile", "flows/flow.py", "-o", "-")
        assert (done.returncode, done.stderr.count("error[FC505]")) == (2, 1), done.stderr
        found = flowc(project, "config").stderr
        assert found.count("error[") == 1, found
        for text in (done.stderr, found):
            assert message.replace(" of target argo", "") in text.replace(" of target argo", "")
            assert help_text in text
            assert f"pyproject.toml:{3 + settings.count(chr(10))}:" in text


def test_values_of_another_kind_do_not_hide_patches(project: Path) -> None:
    settings = "[tool.flowc.argo]\nkind = 'crn'\ntemplate_patch = { container = { command = ['x'], imge = 'y' } }"
    (project / "pyproject.toml").write_text(f"[tool.flowc]\nroot = 's3://b/p'\n{settings}\n")
    text = flowc(project, "compile", "flows/flow.py").stderr
    assert all(item in text for item in ("`kind`", "container.imge", "container.command")), text


OF_COMMAND_LINES = {
    "kind=templte": "did you mean `template`?",
    "pod_gc=OnPodSucess": "did you mean `OnPodSuccess`?",
    "concurrency_policy=forbid": "did you mean `Forbid`?",
    'annotations={x y="1"}': "is not TOML: Expected '=' after a key",
    "labels={a=1}": 'write "1", in quotes',
    "ttl_seconds=90m": "write 5400",
    "parallelism=x": "'x' is not a whole number",
    "parallelism=0": "0 is less than 1",
    "operator=local": "it is an option of target airflow",
}


def test_wrong_values_of_the_command_line(project: Path) -> None:
    given = [item for setting in OF_COMMAND_LINES for item in ("--set", setting)]
    text = "".join(
        flowc(project, "compile", "flows/flow.py", *given[n : n + 2]).stderr for n in range(0, len(given), 2)
    )
    assert [item for item in OF_COMMAND_LINES.values() if item not in text] == []
    callback = flowc(project, "compile", "flows/flow.py", "-t", "airflow", "--set", "on_failure_callback=plain").stderr
    assert "'plain' is not a dotted name, such as" in callback
    assert flowc(project, "compile", "flows/flow.py", "--set", "parallelism=3", "-o", "-").returncode == 0
    assert (
        "it is an option of target argo"
        in flowc(project, "compile", "flows/flow.py", "-t", "airflow", "--kind", "cron").stderr
    )


def test_wrong_values_of_options_that_typer_reads(project: Path) -> None:
    for arguments, text in (
        ("check --format xml", "'xml' is not one of 'text'"),
        ("check --jobs 0", "write 1 or more"),
    ):
        assert text in flowc(project, *arguments.split()).stderr
    assert "did you mean `docker`?" in flowc(project, "image", "flows/flow.py", "--builder", "dockr").stderr


def test_a_root_that_only_profiles_have(project: Path) -> None:
    (project / "pyproject.toml").write_text(
        "[tool.flowc.profiles.dev]\nroot = 's3://d'\n[tool.flowc.profiles.prod.argo]\nroot = 's3://p'\n"
    )
    text = flowc(project, "compile", "flows/flow.py").stderr
    assert "error[FC502]" in text
    assert "help: profiles dev and prod have one: --profile dev; or give --root" in text
    assert "help: profile dev has one" in flowc(project, "compile", "flows/flow.py", "-t", "airflow").stderr


def test_packages_where_tasks_are_processes(project: Path) -> None:
    write_files(
        project,
        {
            "flows/flow.py": FLOW.replace("    @step", "    @pypi(packages={'numpy': '2'})\n    @step", 1).replace(
                "import", "import pypi,", 1
            )
        },
    )
    local = flowc(
        project, "compile", "flows/flow.py", "-t", "airflow", "--operator", "local", "--root", "/s", "-o", "x.py"
    ).stderr
    assert "the Python that runs the steps must contain" in local
    assert "--set python=PATH" in local
    assert "flowc image" not in local


def test_config_of_what_does_not_exist(project: Path) -> None:
    done = flowc(project, "config", "nosuch.py")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[FC104]: nosuch.py does not exist" in done.stderr


OF_TABLES = {"did you mean `compile`?", "write [tool.flowc.compile]"}
"""Help about the header of a table."""
TWICE = [*WRONG][::6]


@pytest.mark.parametrize("settings", WRONG)
def test_wrong_settings_are_reported_at_their_line(settings: str, project: Path) -> None:
    (project / "pyproject.toml").write_text(f"[tool.flowc]\nroot = 's3://b/p'\n{settings}\n")
    code, help_text = WRONG[settings]
    for command in (["compile", "flows/flow.py", "-o", "-"], ["config"])[: 2 if settings in TWICE else 1]:
        done = flowc(project, *command)
        assert done.returncode == 2, done.stderr
        assert f"error[{code}]" in done.stderr
        assert help_text in done.stderr
        line = 2 + (1 if help_text in OF_TABLES else settings.count("\n") + 1)
        assert f"pyproject.toml:{line}:" in done.stderr


def test_mistakes_in_settings_and_in_the_flow_are_reported_together(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.flowc]\nimag = 'x'\n[tool.flowc.compile]\nkind = 3\n")
    (project / "flows/flow.py").write_text(FLOW.replace("self.end", "self.ende"))
    text = flowc(project, "compile", "flows/flow.py").stderr
    assert all(code in text for code in ("imag", "kind", "ende"))
    checked = flowc(project, "check", "flows", "flows/flow.py", "--format", "json")
    messages = [item["message"] for item in json.loads(checked.stdout)["diagnostics"]]
    assert sum("imag" in message for message in messages) == 1


CHAINS = {
    "a = { inherits = 'a' }": "a -> a",
    "a = { inherits = 'b' }\nb = { inherits = ['c'] }\nc = { inherits = 'a' }": "a -> b -> c -> a",
    "a = { inherits = 'bb' }\nb = {}": "did you mean `b`?",
    "a = { inherits = 3 }": 'write inherits = "base"',
    "b = {}": "there is no profile `a`",
}


@pytest.mark.parametrize("profiles", CHAINS)
def test_profiles_that_cannot_be_used(profiles: str, project: Path) -> None:
    (project / "pyproject.toml").write_text(f"[tool.flowc]\nroot = 's3://b/p'\n[tool.flowc.profiles]\n{profiles}\n")
    for command in (["compile", "flows/flow.py"], ["check", "flows/flow.py"], ["config"], ["show", "F"]):
        done = flowc(project, *command, "--profile", "a")
        assert done.returncode == 2, command
        assert CHAINS[profiles] in done.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOWC_PROFILE", "a")
        with pytest.raises(SettingsError):
            find_settings(str(project))


NOT_CHOSEN = {
    "[tool.flowc.profiles.x]\ninherits = 'bae'\n[tool.flowc.profiles.base]": ("FC504", "did you mean `base`?", 1),
    "[tool.flowc.profiles.x]\ninherits = 3": ("FC505", 'write inherits = "base"', 1),
    "[tool.flowc.profiles.x]\ninherits = 'y'\n[tool.flowc.profiles.y]\ninherits = 'x'": ("FC505", "x -> y -> x", 3),
    "[tool.flowc.profiles.x]\nimage-pull-policy = 'never'": ("FC505", "image_pull_policy", 1),
    "[tool.flowc.profiles.x.argo]\nkind = 'crn'": ("FC505", "kind", 1),
    "[tool.flowc.profiles.x.compile]\nformat = 'jsn'": ("FC505", "did you mean `json`?", 1),
    "[tool.flowc.profiles.x.check]\nignore = 'FC1'": ("FC505", 'ignore = ["FC319", "FC4"]', 1),
    "[tool.flowc.profiles.x.run]\nmax_workers = 0": ("FC505", "less than 1", 1),
}


@pytest.mark.parametrize("settings", NOT_CHOSEN)
def test_config_checks_profiles_that_are_not_chosen(settings: str, project: Path) -> None:
    (project / "pyproject.toml").write_text(f"[tool.flowc]\nroot = 's3://b/p'\n{settings}\n")
    code, text, line = NOT_CHOSEN[settings]
    done = flowc(project, "config")
    assert (done.returncode, done.stderr.count("error[")) == (2, 1), done.stderr
    assert f"error[{code}]" in done.stderr
    assert text in done.stderr
    assert f"pyproject.toml:{3 + line}:" in done.stderr
    assert flowc(project, "check", "flows/flow.py").returncode == 0, "what is not used is of no concern there"


def test_a_profile_where_there_are_no_settings(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW})
    done = flowc(tmp_path, "check", "flow.py", "--profile", "prod")
    assert done.returncode == 2
    assert "there is no profile `prod`: no flowc.toml or pyproject.toml" in done.stderr


def test_a_thousand_profiles_in_a_row(project: Path) -> None:
    chain = (
        "".join(f"[profiles.p{i}]\ninherits = 'p{i + 1}'\n" for i in range(3000)) + "[profiles.p3000]\nimage = 'x'\n"
    )
    (project / "flowc.toml").write_text(chain)
    assert listed(project, "--profile", "p0")["image"]["profile"] == "p3000"


def test_the_client_follows_the_profile(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWC_ROOT", raising=False)
    monkeypatch.setenv("FLOWC_PROFILE", "prod")
    assert default_root(str(project / "flows")) == "s3://prod/flows"


def test_a_parameter_named_profile_is_the_flow_s(project: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.flowc.profiles.p]\nroot = 'x'\n")
    text = FLOW.replace("import FlowSpec", "import FlowSpec, Parameter")
    for name in ("profile", "PROFILE"):
        own = text.replace("(FlowSpec):", f"(FlowSpec):\n    given = Parameter('{name}', type=int)\n")
        (project / "flows/flow.py").write_text(own)
        done = flowc(project, "run", "flows/flow.py", "--profile", "zzz")
        assert "FC303" in done.stderr, done.stderr
        assert "there is no profile" not in done.stderr
        assert "FC305" not in done.stderr


def test_flowc_toml_counts_beside_pyproject(project: Path) -> None:
    (project / "flowc.toml").write_text('image = "own:1"\n')
    done = flowc(project, "config")
    assert 'image = "own:1"  # flowc.toml:1' in done.stdout
    assert "warning[FC506]" in done.stderr
    assert "FC506" in flowc(project, "check", "flows/flow.py").stderr


MANY = {
    "a file": ("".join(f"[{number}]\n" for number in range(20_000)), "[tool.flowc] has 19,900 more unknown names"),
    "a command": ("[compile]\n" + "".join(f"x{number} = 1\n" for number in range(9_000)), "compile] has 8,900 more"),
    "a target": ("[argo]\n" + "".join(f"x{number} = 1\n" for number in range(9_000)), "argo] has 8,900 more"),
    "commands": ("[commands]\n" + "".join(f"x{number} = 1\n" for number in range(9_000)), "commands] has 8,900 more"),
    "codes": (f"[check]\nselect = {[f'x{number}' for number in range(9_000)]}", "select: 8,900 more begin no"),
    "patterns": (
        f"include = {[f'x{number}' for number in range(9_000)]}",
        "has 9,000 patterns, which is more than 1,000",
    ),
}
"""Settings with too many mistakes to correct one by one, and what is reported about the rest."""


@pytest.mark.parametrize("case", MANY)
def test_many_mistakes_are_counted(case: str, project: Path) -> None:
    """Each would be compared with all that is known, or searched for: that takes seconds."""
    settings, text = MANY[case]
    (project / "pyproject.toml").unlink()
    (project / "flowc.toml").write_text(settings)
    command = ("check",) if case == "codes" else ("compile", "--root", "s3://b/p")
    done = flowc(project, *command, "flows/flow.py")
    assert done.returncode == 2
    assert text in done.stderr
    assert done.stderr.count("error[") <= 102


def test_settings_are_checked_anew_after_a_change(project: Path) -> None:
    variables = {"FLOWC_CACHE_DIR": str(project / "cache")}
    (project / "flows/other.py").write_text(FLOW)
    assert flowc(project, "check", "flows", **variables).returncode == 0
    (project / "flowc.toml").write_text("imag = 1\n")
    assert flowc(project, "check", "flows", **variables).returncode == 2


def test_the_tables_of_options() -> None:
    """Their keys are names of the user's or an engine's, and keep their dashes."""
    models = [load_target(name).options_model for name in ("argo", "airflow")]
    fields = {name: field for model in models for name, field in model.model_fields.items()}
    assert {name for name, field in fields.items() if isinstance(field.get_default(), dict)} == set(TABLES)


def test_every_option_has_a_value_placeholder_and_a_place_in_the_schema() -> None:
    schema = settings_schema()
    assert json.loads(json.dumps(schema)) == schema, "no value of Python's is left in it"
    for command in SUMMARIES:
        for option in options_of(command).values():
            assert option.kind == "flag" or option.metavar, (command, option.name)
            table = schema["properties"].get(command, {})
            table = table if table.get("type") == "object" else schema["properties"]["commands"]["properties"][command]
            assert option.name in NEVER_SET or option.name in table["properties"], (command, option.name)


def test_the_schema_accepts_what_flowc_accepts(project: Path) -> None:
    import tomllib

    done = flowc(project, "config", "--schema")
    schema = json.loads(done.stdout)
    table = tomllib.loads(SETTINGS)["tool"]["flowc"]
    known = schema["properties"]
    profile = schema["$defs"]["Profile"]["properties"]
    for key, value in table.items():
        assert key in known
        if key == "profiles":
            assert all(name.replace("-", "_") in profile for layer in value.values() for name in layer)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ("env-from-secrets = ['s3']", False),
        ("env-from-secrets = 's3'", True),
        ("image-digests = {a = 'sha256:" + "0" * 64 + "'}", False),
        ("[argo]\nworkflow-patch = {spec = {priority = 1}}", False),
        ("[airflow]\npod-override = {metadata = {labels = {a-b = '1'}}}", False),
        ("[airflow]\nexecutor-config = 3", True),
        ("[argo]\nconcurrency-policy = 'Forbid'", False),
        ("[argo]\nconcurrency-policy = 'forbid'", True),
        ("[commands.image]\ntag-prefix = 'x'", False),
        ("[run]\nmax-workers = 0", True),
        ("[profiles.x]\nimage-pull-policy = 'Never'\n[profiles.x.argo]\nttl-seconds = 3", False),
        ("[profiles.x.argo]\nttl-seconds = 'x'", True),
        ("[gpu.a100]\nselector = {a-b = 'c'}", False),
        ("[compile]\nallow-large = true", True),
        ("[diff-runs]\n", False),
        ("profiles = 3", True),
        ("[profiles.x]\ninherits = 3", True),
    ],
)
def test_a_validator_finds_by_the_schema_what_flowc_finds(settings: str, wrong: bool, project: Path) -> None:
    import tomllib

    validator = pytest.importorskip("jsonschema").Draft202012Validator(settings_schema())
    assert validator.is_valid(tomllib.loads(settings)) != wrong
    (project / "flowc.toml").write_text(settings)
    (project / "pyproject.toml").unlink()
    assert flowc(project, "config").returncode == (2 if wrong else 0)


def test_the_schema_of_a_pyproject_leaves_the_rest_alone(project: Path) -> None:
    """Taplo checks the whole file by it."""
    import tomllib

    done = flowc(project, "config", "pyproject.toml", "--schema")
    assert done.stderr == ""
    validator = pytest.importorskip("jsonschema").Draft202012Validator(json.loads(done.stdout))
    others = "[project]\nname = 'x'\n[tool.ruff]\nline-length = 3\n"
    assert validator.is_valid(tomllib.loads(others + SETTINGS))
    assert not validator.is_valid(tomllib.loads(others + SETTINGS.replace("parallelism = 50", "paralelism = 50")))
    assert not validator.is_valid(tomllib.loads(others + SETTINGS.replace('kind = "template"', 'kind = "tmplate"')))


PLACES = '''# c
root = "a # b" # x
"q.k" = 'its'
[tool.flowc]
env = { A = "1", B.c = [1, {z = 2}, {y=3}, "}"]}
lst = [
  "a", # ]
  """multi ] " ""\\" """,
  {k = 1},
]
d = 1979-05-27 07:32:00
a . b = 3
[tool.flowc.profiles."pr od"]
x = \'\'\'
[fake]
y = 1\'\'\'
[[arr]]
k = 1
[[arr]]
l = {}
last = [[[]]]
'''


def test_places_of_keys() -> None:
    import tomllib

    def keys(value: object, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
        found = set[tuple[str, ...]]()
        if isinstance(value, list):
            found.update(*(keys(item, above) for item in cast("list[object]", value)))
        elif isinstance(value, dict):
            for key, item in cast("dict[str, object]", value).items():
                found |= {(*above, key), *keys(item, (*above, key))}
        return found

    places = key_places(PLACES)
    assert set(places) == keys(tomllib.loads(PLACES))
    assert all(PLACES[start:end].strip("\"'") == path[-1] for path, (start, end) in places.items())
