"""Decorators in whole local runs: caught failures of every kind, projects, exit hooks, what is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_cli.flow_options import FlowOptions
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_targets.package.project_names import with_branch
from tests.local.flows import Local

METHODS = pytest.mark.parametrize("method", ["fork", "spawn"])

CAUGHT = """
    import os, signal, time
    from flowc import FlowSpec, catch, current, retry, step, timeout

    class Caught(FlowSpec):
        @step
        def start(self):
            self.items = ["fine", "raises", "dies", "exits", "hangs", "deaf", "in C"]
            self.next(self.body, foreach="items")

        @catch(var="failure", print_exception=False)
        @retry(times=1, minutes_between_retries=0)
        @timeout(seconds=1)
        @step
        def body(self):
            self.tried = current.retry_count
            if self.input == "raises":
                raise ValueError("raised")
            if self.input == "dies":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.input == "exits":
                os._exit(5)
            if self.input == "hangs":
                time.sleep(60)
            if self.input == "deaf" :
                signal.signal(signal.SIGALRM, signal.SIG_IGN)
                time.sleep(60)
            if self.input == "in C":
                sum(range(10**12))  # lets no other thread run
            self.next(self.join)

        @catch(var="failure")
        @step
        def join(self, inputs):
            self.kinds = [each.failure and each.failure.type.rpartition(".")[2] for each in inputs]
            self.tried = [getattr(each, "tried", None) for each in inputs]
            self.next(self.end)

        @step
        def end(self):
            pass
"""


@pytest.mark.process
@METHODS
def test_every_kind_of_failure_is_caught(tmp_path: Path, method: str) -> None:
    local = Local(tmp_path, CAUGHT)
    result = local.run(start_method=method, max_workers=7, timeout_grace=5.0)
    assert result.status == "successful", (local.says.err, local.says.notes)
    join = local.client(result)["join"].task
    assert join.data.kinds == [
        None, "ValueError", "FailureHandledByCatch", "FailureHandledByCatch", "TimeoutException",
        "FailureHandledByCatch", "FailureHandledByCatch",
    ]  # fmt: skip
    assert join.data.tried == [0, 1, None, None, 1, None, None]
    assert join.data.failure is None
    assert join.successful
    assert [task.successful for task in local.client(result)["body"]].count(True) == 1
    notes = "\n".join(local.says.notes)
    assert "task body/1 failed at attempt 0 of 0-1: ValueError: raised; attempt 1 begins" in notes
    assert "task body/2 failed at attempt 1 of 0-1: the task was killed by SIGKILL; @catch goes on without it" in notes
    late = "the task ran longer than its timeout of 1 s"
    assert f"task body/5 failed at attempt 1 of 0-1: TimeoutException: {late}, and went on for 1 s more" in notes
    assert f"task body/6 failed at attempt 1 of 0-1: {late}; @catch goes on without it" in notes
    said = "\n".join(local.says.err)
    assert "Where the step's code still was" in said
    assert "Timeout (0:00:02.5" in said, "faulthandler says where C code that holds the lock was called"


@pytest.mark.process
def test_attempts_wait_only_where_they_are_asked_to(tmp_path: Path) -> None:
    source = """
        from flowc import FlowSpec, catch, current, retry, step

        class Twice(FlowSpec):
            @retry(times=1, minutes_between_retries=MINUTES)
            @step
            def start(self):
                if current.retry_count == 0:
                    raise ValueError("once")
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    local = Local(tmp_path, source.replace("MINUTES", "30"))
    assert local.run().status == "successful"
    assert "task start failed at attempt 0 of 0-1: ValueError: once; attempt 1 begins" in local.says.notes
    local = Local(tmp_path, source.replace("MINUTES", "0.02"))
    result = local.run(retry_wait=True)
    assert result.status == "successful"
    assert result.seconds > 1.2
    assert "task start failed at attempt 0 of 0-1: ValueError: once; attempt 1 begins in 1.2 s" in local.says.notes


@pytest.mark.process
def test_a_fallback_that_fails_ends_the_run(tmp_path: Path) -> None:
    """`@catch` goes on with what came before. Where that is gone, it cannot, and says what is missing."""
    source = """
        import shutil
        from flowc import FlowSpec, catch, step

        class Gone(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @catch
            @step
            def end(self):
                import glob, os
                shutil.rmtree(os.path.join(os.environ["FLOWC_ROOT"].replace("file://", ""), "Gone",
                                           os.environ["FLOWC_RUN_ID"], "start"))
                os._exit(1)
    """
    local = Local(tmp_path, source)
    result = local.run()
    assert result.status == "failed"
    assert result.failed is not None
    assert result.failed.attempt == 3, "the limit of fallbacks"
    assert "start" in result.failed.message


PROJECT = """
    from flowc import FlowSpec, current, exit_hook, project, step

    def told(run):
        print("exit hook of", run.pathspec.split("/")[0], run.successful)

    def plain():
        print("plain")

    def broken():
        raise ValueError("in the hook")

    @project(name="shop")
    @exit_hook(on_success=[told, broken, plain], on_error=["told"])
    @exit_hook(on_error=["os.getcwd"])
    class Shop(FlowSpec):
        @step
        def start(self):
            self.facts = [current.project_name, current.branch_name, current.project_flow_name]
            self.flags = [current.is_production, current.is_user_branch]
            self.next(self.end)

        @step
        def end(self):
            if current.is_production:
                raise ValueError("not in production")
"""


@pytest.mark.process
def test_hooks_and_facts_of_a_run_that_succeeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("METAFLOW_OWNER", "ann")
    local = Local(tmp_path, PROJECT)
    result = local.run()
    assert result.ok
    start = local.client(result)["start"].task.data
    assert start.facts == ["shop", "user.ann", "shop.user.ann.Shop"]
    assert start.flags == [False, True]
    project = {"project:shop", "project_branch:user.ann"}
    run = local.client(result)
    assert run.system_tags >= {*project, "runtime:dev"}
    assert run.is_local
    Path(local.root, run.pathspec, "run.json").unlink()  # Argo and Airflow write none
    run = local.client(result)
    assert run.system_tags == run["start"].task.tags == project
    assert not run.is_local
    said = [line.partition("] ")[2] or line for line in local.says.out]
    assert said[0] == "exit hook of Shop True"
    assert said[-1] == "plain"
    assert any("ValueError: in the hook" in line for line in said)
    assert "the exit hook broken failed with exit code 1" in local.says.notes


@pytest.mark.process
def test_hooks_of_a_run_that_fails(tmp_path: Path) -> None:
    local = Local(tmp_path, PROJECT)
    flow = with_branch(local.compilation.flow, "test_9", True, DiagnosticSink())
    from flowc_targets.local import RunOptions, run_flow

    result = run_flow(flow, local.compilation.source, RunOptions(root=local.root), local.says)
    assert result.status == "failed"
    assert local.client(result)["start"].task.data.facts == ["shop", "prod.test_9", "shop.prod.test_9.Shop"]
    assert any(line.endswith("exit hook of Shop False") for line in local.says.out)
    assert not any("plain" in line for line in local.says.out)


@pytest.mark.parametrize(
    ("decorator", "branch", "production", "name"),
    [
        ("name='p'", None, False, "p.user.ann.Shop"),
        ("name='p'", "b", False, "p.test.b.Shop"),
        ("name='p'", "b", True, "p.prod.b.Shop"),
        ("name='p'", None, True, "p.prod.Shop"),
        ("name='p', branch='b'", None, False, "p.test.b.Shop"),
        ("name='p', branch='b'", "b", True, "p.prod.b.Shop"),
        ("name='p', production=True", None, False, "p.prod.Shop"),
        ("name='p', branch='b'", "c", False, None),
        ("name='p', production=False", None, True, None),
        ("name='p'", "No!", False, None),
        ("", "b", False, None),
    ],
)
def test_names_of_deployments(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    decorator: str,
    branch: str | None,
    production: bool,
    name: str | None,
) -> None:
    from flowc_targets.package.project_names import deployment_name

    monkeypatch.setenv("METAFLOW_OWNER", "ann")
    file = tmp_path / "shop_flow.py"
    line = f"@project({decorator})" if decorator else ""
    file.write_text(f"""
from flowc import FlowSpec, project, step


{line}
class Shop(FlowSpec):
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
""")
    reading = FlowOptions(branch=branch, production=production)
    if name is None:
        with pytest.raises(FlowcError) as caught:
            reading.compile(file, DiagnosticSink())
        assert {item.code for item in caught.value.diagnostics} == {"FC505"}
        return
    assert deployment_name(reading.compile(file, DiagnosticSink()).flow) == name


@pytest.mark.process
def test_what_a_local_run_leaves_out_is_said(tmp_path: Path) -> None:
    source = """
        from flowc import FlowSpec, airflow_options, kubernetes, pypi, pypi_base, secrets, step

        @pypi_base(packages={"numpy": "1.26"})
        class Left(FlowSpec):
            @airflow_options(pool="small", on_failure_callback="company.alerts.page")
            @kubernetes(cpu=2, image="some:image", config_maps=["c"], secret_volumes={"a": "/a"})
            @secrets(sources=[{"type": "kubernetes", "id": "s"}])
            @step
            def start(self):
                self.next(self.end)

            @kubernetes(persistent_volume_claims={"c": "/c"})
            @pypi(disabled=True)
            @step
            def end(self):
                pass
    """
    local = Local(tmp_path, source)
    assert local.run().ok
    assert local.says.notes == [
        "packages of @conda and @pypi are not installed: start runs in the Python of this run",
        "Kubernetes Secrets are not read: start runs with the variables of this shell",
        "ConfigMaps are not read: start runs with the variables of this shell",
        "claims, Secrets and ConfigMaps are not mounted: start, end run with the files that are here",
        "callbacks of Airflow are not called: start runs without",
    ]
