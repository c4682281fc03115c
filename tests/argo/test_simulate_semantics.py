"""The simulator does what Argo's controller does; each test names the place in Argo's source."""

from __future__ import annotations

import json
import time

import pytest

from flowc_targets.argo.retry_strategies import LOST_POD
from tests.argo.simulated import message, phases, run, task, workflow


@pytest.mark.process
def test_a_plain_name_goes_on_after_success_and_skipping_and_not_after_failure() -> None:
    """ancestry.go, expandDependency."""
    tasks = task("good") + task("bad", "false") + task("skip", when='"1 == 2"')
    tasks += task("a", depends="good") + task("b", depends="bad") + task("c", depends="skip")
    result = run(workflow(tasks))
    assert phases(result) == {
        "good": "Succeeded", "bad": "Failed", "skip": "Skipped", "a": "Succeeded", "b": "Omitted", "c": "Succeeded",
    }  # fmt: skip
    assert result.phase == "Failed"
    assert message(result, "bad") == "main: Error (exit code 1)"
    assert message(result, "skip") == "when '1 == 2' evaluated false"


@pytest.mark.process
@pytest.mark.parametrize(
    ("depends", "phase"),
    [
        ("bad.Failed", "Succeeded"),
        ("bad.Errored", "Omitted"),
        ("bad.Succeeded || skip-it.Skipped", "Succeeded"),
        ("bad.Failed && !skip-it.Succeeded", "Succeeded"),
        ("skip-it.Succeeded", "Omitted"),
        ("left-out.Omitted", "Succeeded"),
        ("left-out", "Omitted"),
        ("many.AnySucceeded", "Succeeded"),
        ("many.AllFailed", "Omitted"),
        ("many.Failed", "Succeeded"),
    ],
)
def test_depends(depends: str, phase: str) -> None:
    """dag.go, evaluateDependsLogic: of a name with `-`, too."""
    tasks = task("bad", "false") + task("skip-it", when='"1 == 2"') + task("left-out", depends="skip-it.Succeeded")
    tasks += task("many", "exit {{item}}", withSequence="{count: 2}") + task("x", depends=f'"{depends}"')
    assert phases(run(workflow(tasks)))["x"] == phase


@pytest.mark.process
def test_a_dag_that_lost_a_leaf_succeeds_where_what_came_before_did() -> None:
    """dag.go, assessDAGPhase: a task that is left out takes the phase of those before it, failures first."""
    tasks = task("a") + task("b", depends="a.Failed")
    assert run(workflow(tasks)).phase == "Succeeded"
    tasks = task("a", "false") + task("b", depends="a.Succeeded") + task("c", depends="b.Omitted")
    result = run(workflow(tasks))
    assert phases(result)["c"] == "Succeeded"
    assert result.phase == "Succeeded"


@pytest.mark.process
def test_a_fan_out_is_a_group_and_none_is_skipped() -> None:
    """dag.go, executeDAGTask: "Skipped, empty params"."""
    tasks = task("num", "echo 3 > $1") + task("none", "echo 0 > $1")
    tasks += task(
        "each", "echo {{item}} > $1", depends="num", withSequence='{count: "{{tasks.num.outputs.parameters.out}}"}'
    )
    tasks += task("zero", depends="none", withSequence='{count: "{{tasks.none.outputs.parameters.out}}"}')
    tasks += task("join", depends='"each && (zero.Succeeded || zero.Skipped)"')
    result = run(workflow(tasks))
    found = phases(result)
    assert [name for name in found if name.startswith("each")] == ["each", "each(0:0)", "each(1:1)", "each(2:2)"]
    assert found["zero"] == "Skipped"
    assert message(result, "zero") == "Skipped, empty params"
    assert found["join"] == "Succeeded"
    group = result.nodes.get("wf.each")
    assert group is not None
    assert (group.type, len(group.children)) == ("TaskGroup", 3)


@pytest.mark.process
def test_a_sequence_with_start_end_and_format() -> None:
    """operator.go, expandSequence: also downwards."""
    tasks = task("a", withSequence="{start: 5, end: 3, format: 'n%02d'}")
    assert list(phases(run(workflow(tasks))))[1:] == ["a(0:n05)", "a(1:n04)", "a(2:n03)"]


@pytest.mark.process
def test_when_may_ask_for_the_item() -> None:
    tasks = task("a", withSequence="{count: 3}", when='"{{item}} == 1"')
    assert phases(run(workflow(tasks))) == {
        "a": "Succeeded", "a(0:0)": "Skipped", "a(1:1)": "Succeeded", "a(2:2)": "Skipped",
    }  # fmt: skip


def test_the_output_of_a_task_that_was_skipped_is_an_error() -> None:
    """It is one from Argo 3.7.16 and 4.0.7 on, where the output has no default; before that, luck."""
    tasks = task("a", when='"1 == 2"') + task("b", "echo {{tasks.a.outputs.parameters.out}}", depends="a")
    result = run(workflow(tasks))
    assert phases(result)["b"] == "Error"
    assert "a was Skipped, so that it has no outputs" in message(result, "b")
    assert result.phase == "Error"


def test_when_is_looked_at_before_the_arguments() -> None:
    """dag.go, resolveDependencyReferences: what is skipped may name what is not there."""
    tasks = task("a", when='"1 == 2"')
    tasks += task("b", "echo {{tasks.a.outputs.parameters.out}}", depends="a", when='"2 == 1"')
    assert phases(run(workflow(tasks)))["b"] == "Skipped"


@pytest.mark.process
def test_values_are_put_in_without_escapes_and_twice() -> None:
    """common/util.go, SubstituteParams: what a value brings in is replaced, too, once."""
    tasks = '- {name: a, template: sh, arguments: {parameters: [{name: script, value: "{{workflow.parameters.x}}"}]}}'
    spec = "arguments: {parameters: [{name: x, value: 'echo {{workflow.name}} \"q\" > $1'}]}\n"
    result = run(workflow(tasks, spec=spec))
    node = result.nodes.get("wf.a")
    assert node is not None
    assert node.outputs == {"out": "wf q"}


@pytest.mark.process
def test_an_output_loses_one_newline_and_has_a_default() -> None:
    """executor.go, SaveParameters."""
    result = run(workflow(task("a", 'printf "1\\n\\n" > $1') + task("b")))
    outputs = [node.outputs for node in result.nodes.by_id.values() if node.type == "Pod"]
    assert outputs == [{"out": "1\n"}, {"out": "none"}]


TRIES = """
- name: tries
  {retry}
  container: {{command: [sh, -c, "{script}"]}}
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("strategy", "attempts", "text"),
    [
        ('{limit: "2", retryPolicy: Always}', 3, "No more retries left"),
        ('{limit: "2", retryPolicy: OnError}', 1, "main: Error (exit code 1)"),
        ('{limit: "1"}', 2, "No more retries left"),
        ('{limit: "0", retryPolicy: Always}', 1, "No more retries left"),
    ],
)
def test_retries(strategy: str, attempts: int, text: str) -> None:
    """operator.go, processNodeRetries. Without a policy it is OnFailure."""
    templates = TRIES.format(retry=f"retryStrategy: {strategy}", script="exit 1")
    result = run(workflow("- {name: a, template: tries}", templates=templates))
    assert [name for name in phases(result) if name != "a"] == [f"a({number})" for number in range(attempts)]
    assert message(result, "a") == text
    assert phases(result)["a"] == "Failed"


@pytest.mark.process
@pytest.mark.parametrize(("script", "attempts"), [("exit 1", 1), ("kill -TERM $$$$", 3)])
def test_attempts_for_lost_pods_only(script: str, attempts: int) -> None:
    """operator.go, RetryPolicyActual: with an expression the policy is Always."""
    strategy = f'retryStrategy: {{limit: "2", expression: {json.dumps(LOST_POD)}}}'
    result = run(workflow("- {name: a, template: tries}", templates=TRIES.format(retry=strategy, script=script)))
    assert len(phases(result)) == 1 + attempts


@pytest.mark.process
def test_an_attempt_knows_its_number() -> None:
    templates = TRIES.format(retry='retryStrategy: {limit: "5"}', script="test {{retries}} = 2")
    result = run(workflow("- {name: a, template: tries}", templates=templates))
    assert phases(result) == {"a": "Succeeded", "a(0)": "Failed", "a(1)": "Failed", "a(2)": "Succeeded"}


@pytest.mark.process
def test_backoff_waits_and_can_be_made_shorter() -> None:
    strategy = 'retryStrategy: {limit: "2", backoff: {duration: 300ms, factor: "2"}}'
    text = workflow("- {name: a, template: tries}", templates=TRIES.format(retry=strategy, script="exit 1"))
    begun = time.monotonic()
    run(text)
    assert time.monotonic() - begun > 0.9
    begun = time.monotonic()
    run(text, backoff=0)
    assert time.monotonic() - begun < 0.9


CHAIN = """
- name: loop
  inputs: {parameters: [{name: i}]}
  dag:
    tasks:
    - name: num
      template: sh
      arguments: {parameters: [{name: script, value: "echo $(({{inputs.parameters.i}} + 1)) > $1"}]}
    - name: again
      template: loop
      depends: num
      when: "{{tasks.num.outputs.parameters.out}} < LIMIT"
      arguments: {parameters: [{name: i, value: "{{tasks.num.outputs.parameters.out}}"}]}
"""


@pytest.mark.process
def test_a_dag_template_calls_itself() -> None:
    tasks = '- {name: a, template: loop, arguments: {parameters: [{name: i, value: "0"}]}}'
    result = run(workflow(tasks, templates=CHAIN.replace("LIMIT", "3")))
    assert phases(result) == {
        "a": "Succeeded", "a.num": "Succeeded", "a.again": "Succeeded", "a.again.num": "Succeeded",
        "a.again.again": "Succeeded", "a.again.again.num": "Succeeded", "a.again.again.again": "Skipped",
    }  # fmt: skip


@pytest.mark.process
def test_a_recursion_ends_at_a_depth_of_a_hundred() -> None:
    """operator.go, executeTemplate: maxStackDepth. The 100th call is an error, and so are all above it."""
    tasks = '- {name: a, template: loop, arguments: {parameters: [{name: i, value: "0"}]}}'
    result = run(workflow(tasks, templates=CHAIN.replace("LIMIT", "1000")))
    assert result.phase == "Error"
    deepest = max(result.nodes.by_id.values(), key=lambda node: node.depth)
    assert (deepest.depth, deepest.phase, deepest.message) == (100, "Error", "Maximum recursion depth exceeded")
    assert sum(node.type == "Pod" for node in result.nodes.by_id.values()) == 97


@pytest.mark.process
def test_outputs_of_a_dag() -> None:
    templates = """
    - name: inner
      outputs: {parameters: [{name: o, valueFrom: {parameter: "{{tasks.num.outputs.parameters.out}}"}}]}
      dag: {tasks: [{name: num, template: sh, arguments: {parameters: [{name: script, value: echo 7 > $1}]}}]}
    """
    tasks = "- {name: a, template: inner}\n" + task("b", "echo {{tasks.a.outputs.parameters.o}} > $1", depends="a")
    node = run(workflow(tasks, templates=templates)).nodes.get("wf.b")
    assert node is not None
    assert node.outputs == {"out": "7"}


CAPPED = """
- name: capped
  parallelism: 2
  dag: {tasks: [TASK]}
"""


@pytest.mark.process
@pytest.mark.parametrize("where", ["template", "workflow"])
def test_parallelism(where: str, capfd: pytest.CaptureFixture[str]) -> None:
    """operator.go, checkParallelism: of a template, and of the whole Workflow. No more than so many at a time."""
    each = task("e", "date +%s.%N; sleep 0.2; date +%s.%N", withSequence="{count: 6}").removeprefix("- ").strip()
    if where == "template":
        text = workflow("- {name: a, template: capped}", templates=CAPPED.replace("TASK", each))
    else:
        text = workflow(f"- {each}", spec="parallelism: 2\n")
    result = run(text, max_workers=6)
    assert result.phase == "Succeeded"
    times = [line.rpartition(" ")[2] for line in capfd.readouterr().out.splitlines() if "e(" in line and "] 1" in line]
    spans = sorted((float(one), float(two)) for one, two in zip(times[::2], times[1::2], strict=True))
    assert len(spans) == 6
    assert all(spans[i + 2][0] >= min(spans[i][1], spans[i + 1][1]) for i in range(4))


@pytest.mark.process
def test_the_exit_handler_knows_the_status_and_may_fail_the_run() -> None:
    templates = """
    - name: bye
      dag:
        tasks:
        - {name: good, template: sh, when: "{{workflow.status}} == Succeeded"}
        - {name: bad, template: sh, when: "{{workflow.status}} != Succeeded"}
    """
    for script, good, bad in (("true", "Succeeded", "Skipped"), ("false", "Skipped", "Succeeded")):
        result = run(workflow(task("a", script), templates=templates, spec="onExit: bye\n"))
        assert (phases(result)["onExit.good"], phases(result)["onExit.bad"]) == (good, bad)
        assert result.phase == ("Succeeded" if script == "true" else "Failed")
    fails = "- name: bye\n  container: {command: [sh, -c, exit 3]}\n"
    assert run(workflow(task("a"), templates=fails, spec="onExit: bye\n")).phase == "Failed"


@pytest.mark.process
def test_deadlines() -> None:
    """Of a pod: the kubelet's; of a Workflow: operator.go, and the exit handler runs all the same."""
    templates = "- {name: slow, activeDeadlineSeconds: 1, container: {command: [sleep, '30']}}\n"
    result = run(workflow("- {name: a, template: slow}", templates=templates))
    assert message(result, "a") == "Pod was active on the node longer than the specified deadline"
    spec = "activeDeadlineSeconds: 1\nonExit: sh\n"
    result = run(workflow(task("a", "sleep 30") + task("b", depends="a"), spec=spec))
    assert phases(result) == {"a": "Failed", "b": "Omitted", "onExit": "Succeeded"}
    assert message(result, "a") == "Step exceeded its deadline"
    assert result.phase == "Failed"
    assert result.seconds < 10


@pytest.mark.process
def test_fail_fast_says_only_which_leaf_counts() -> None:
    """dag.go, assessDAGPhase: what can still run does run, with failFast, too."""
    for fast in ("true", "false"):
        text = workflow(task("a", "false") + task("b", "sleep 0.3") + task("c", depends="b"))
        text = text.replace("    dag:\n", f"    dag:\n      failFast: {fast}\n", 1)
        assert phases(run(text)) == {"a": "Failed", "b": "Succeeded", "c": "Succeeded"}


@pytest.mark.process
def test_a_command_that_is_not_there_fails() -> None:
    templates = "- {name: gone, container: {command: [/no/such/program]}}\n"
    assert message(run(workflow("- {name: a, template: gone}", templates=templates)), "a").endswith("(exit code 127)")


@pytest.mark.process
def test_an_output_without_a_default_is_an_error() -> None:
    templates = """
    - name: silent
      outputs: {parameters: [{name: o, valueFrom: {path: /tmp/it/o}}]}
      container: {command: ["true"]}
    """
    result = run(workflow("- {name: a, template: silent}", templates=templates))
    assert phases(result) == {"a": "Error"}


@pytest.mark.process
def test_environment() -> None:
    """Kubernetes expands `$(NAME)` of what comes before, and `$$`; a pod reads fields of itself."""
    templates = """
    - name: env
      outputs: {parameters: [{name: o, valueFrom: {path: /tmp/it/o}}]}
      container:
        command: [sh, -c, 'mkdir -p $(dirname "$0"); echo "$A|$B|$C|$D|$(E)" > "$0"', /tmp/it/o]
        env:
        - {name: A, value: "x$$(Y)"}
        - {name: B, value: "$(A)$(C)"}
        - {name: C, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: D, value: "{{pod.name}}"}
        - {name: E, value: e}
    """
    node = run(workflow("- {name: a, template: env}", templates=templates)).nodes.get("wf.a")
    assert node is not None
    pod = "wf-env-" + node.id.removeprefix("wf-")
    assert node.outputs == {"o": f"x$(Y)|x$(Y)$(C)|{pod}|{pod}|e"}
