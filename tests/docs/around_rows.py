"""What each target does with what surrounds steps, and the tests that show it: the rows of docs/around-the-steps.md."""

from __future__ import annotations

from dataclasses import dataclass

NOT_TRIED = "not tried"
"""Ends a cell that no test executes."""
LOCAL, SIMULATE, ARGO, AIRFLOW_3, AIRFLOW_2 = "local", "simulate", "Argo", "Airflow 3.3", "Airflow 2.11"
COLUMNS = (LOCAL, SIMULATE, ARGO, AIRFLOW_3, AIRFLOW_2)


@dataclass(frozen=True)
class Cell:
    """What a target does, in a few words, and the tests that execute it, or that show the diagnostic which it names."""

    text: str
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A topic, where the documentation has it, and a cell for each of `COLUMNS`."""

    topic: str
    link: str
    cells: tuple[Cell, ...]


def cell(text: str, *tests: str) -> Cell:
    """What a target does, and which tests of `tests/` execute it, without the folder."""
    return Cell(text if tests else f"{text}, {NOT_TRIED}", tuple(f"tests/{test}" for test in tests))


def same(text: str, *tests: str) -> tuple[Cell, Cell]:
    """The cells of both Airflows, or of both that run on this machine."""
    return cell(text, *tests), cell(text, *tests)


NONE = Cell("—", ())
"""There is nothing to do."""

LIVE_GATES = ("airflow/test_live_gates.py::test_a_file_and_persons", "airflow/test_live_gates.py::test_pods_look")
OWN_RUNS = "airflow/test_live_calls.py::test_a_deployed_flow_is_called"
SAID = "docs/test_around_the_steps.py::test_what_deployments_and_pods_alone_have_is_said"
SIMULATED = "docs/test_around_the_steps.py::test_a_simulated_run_has_no_sidecars_and_the_time_that_is_given"
FAILED_ITEMS = "test_failed_items.py::test_the_join_gets_what_failed"
IN_PODS = "airflow/test_retries_in_pods.py"
EPOCHS = "test_a_loop_that_is_killed_and_one_that_is_told"
EXAMPLE = "airflow/test_dags.py::test_an_example_leaves_the_artifacts_of_the_local_engine"
SAME = "cluster/test_flows.py::test_same_artifacts_as_the_local_engine"
LIVE_NOTICES = "airflow/test_live_notices.py"
NOTICE_PODS = "airflow/test_live_notices_pods.py::test_pods_share_a_pool_and_tell_how_they_end"
TOLD_LIVE = (
    f"{LIVE_NOTICES}::test_people_are_told_how_a_run_has_ended",
    f"{LIVE_NOTICES}::test_a_deadline_ends_a_run_and_people_are_told",
    NOTICE_PODS,
)
TOLD = "cluster/test_notices.py::test_people_are_told_how_a_run_has_ended"
LOCKS = "local/test_locks.py::test_runs_and_a_simulation_on_one_root_keep_to_one_limit"
SECRETS = "cli/test_secret_values.py::test_tasks_have_the_values_and_nothing_that_is_written_has"
DEPLOYER = "airflow/test_live_resume.py::test_runs_of_this_machine_and_of_deployments"
EVENTS = "airflow/test_live_schedules.py::test_an_event_with_a_payload"
ON_ARGO_EVENTS = "cluster/test_events.py"
HOOKS = "pipelines/test_step_hooks.py::test_a_task_calls_the_hooks_of_its_step"

ROWS: tuple[Row, ...] = (
    Row(
        "Approvals",
        "approvals.md#a-person-chooses",
        (
            cell("terminal, or `flowc approve`", "local/test_gates.py::test_a_file_and_persons"),
            cell("`--approve`, or `flowc approve`", "local/test_gates.py::test_the_simulator_asks"),
            cell("`suspend` with an `enum`", "cluster/test_gates.py::test_an_object_and_persons"),
            cell("`HITLOperator`", *LIVE_GATES),
            cell("a sensor on the store", *LIVE_GATES),
        ),
    ),
    Row(
        "Waiting",
        "approvals.md#waiting-for-data-and-runs",
        (
            cell("the run looks", "local/test_gates.py::test_a_file_and_persons"),
            cell("a pod looks", "local/test_gates.py::test_the_simulator_asks"),
            cell("a pod, by `backoff`", "cluster/test_gates.py::test_an_object_and_persons"),
            *same("a rescheduled sensor", *LIVE_GATES),
        ),
    ),
    Row(
        "Calls, inlined",
        "calling-flows.md",
        (
            cell("steps of the caller", "local/test_called_flows.py::test_everywhere"),
            cell("steps of the caller", "local/test_called_flows.py::test_the_simulator_and_the_called_flow_alone"),
            cell("steps of the caller", "cluster/test_resume.py::test_a_flow_calls_a_flow"),
            *same("steps of the caller", f"{EXAMPLE}[calling_flows]"),
        ),
    ),
    Row(
        "Class flows call pipelines, and the other way around",
        "calling-flows.md#class-flows-and-pipelines",
        (
            cell("steps of the caller", "local/test_calls_between_front_ends.py::test_a_pipeline_calls_classes"),
            cell(
                "steps of the caller", "argo/test_simulate_runs.py::test_same_artifacts_as_the_local_engine[crossing]"
            ),
            cell("steps of the caller", f"{SAME}[crossing]"),
            *same("steps of the caller", f"{EXAMPLE}[crossing]"),
        ),
    ),
    Row(
        "Calls of deployed flows, `deployed=True`",
        "calling-flows.md#a-run-of-its-own",
        (
            cell("a run in the same store", "local/test_deployed_calls.py::test_runs_of_their_own"),
            cell("a run in the same store", "local/test_deployed_calls.py::test_the_simulator"),
            cell("a short pod creates a Workflow", "cluster/test_called_runs.py::test_a_deployed_flow_is_called"),
            *same("`TriggerDagRunOperator`", OWN_RUNS),
        ),
    ),
    Row(
        "Container steps",
        "containers.md",
        (
            cell(
                "docker, podman, or a process",
                "runtime/test_container_steps.py::test_values_of_every_kind_go_in_and_out",
                "local/test_real_containers.py::test_files_and_values_arrive",
                "local/test_real_containers.py::test_a_signal_ends_the_container",
            ),
            cell("a process", "argo/test_container_steps.py::test_the_simulator_runs_the_command"),
            cell("a container set", "cluster/test_containers.py::test_values_and_files_arrive_exactly"),
            *same(
                "init containers", "airflow/test_pods.py::test_containers_get_exact_values_and_their_output_is_logged"
            ),
        ),
    ),
    Row(
        "Sidecars and init containers",
        "containers.md#sidecars-and-init-containers",
        (
            cell("not started, said", SAID),
            cell("refused, or left out", SIMULATED),
            cell("init containers", "cluster/test_containers.py::test_init_containers_and_sidecars_run_beside_steps"),
            *same("init containers", "airflow/test_pods.py::test_init_containers_and_sidecars_run_beside_steps"),
        ),
    ),
    Row(
        "Retries by kind of failure",
        "retries.md",
        (
            cell("by exit code", "local/test_retries.py::test_each_failure_has_its_attempts[run]"),
            cell("by exit code", "local/test_retries.py::test_each_failure_has_its_attempts[simulate]"),
            cell("`retryStrategy.expression`", "cluster/test_retries.py::test_each_failure_has_its_attempts"),
            *same(
                "AirflowFailException",
                "airflow/test_dags.py::test_a_failure_that_retry_is_not_for_is_the_end",
                f"{IN_PODS}::test_each_failure_has_its_attempts",
            ),
        ),
    ),
    Row(
        "Memory and nodes of each attempt",
        "retries.md#what-each-attempt-needs",
        (
            *same("no resources", "local/test_retries.py::test_each_failure_has_its_attempts"),
            cell("`podSpecPatch`", "cluster/test_retries.py::test_each_failure_has_its_attempts"),
            *same("the operator changes its pod", f"{IN_PODS}::test_each_failure_has_its_attempts"),
        ),
    ),
    Row(
        "A share of the items may fail",
        "retries.md#a-share-of-the-items-may-fail",
        (
            cell("tasks end as failed", f"local/{FAILED_ITEMS}[run]"),
            cell("pods end well", f"local/{FAILED_ITEMS}[simulate]"),
            cell("pods end well", "cluster/test_retries.py::test_a_share_of_the_items_fails"),
            *same(
                "tasks end well",
                "airflow/test_dags.py::test_a_share_of_the_items_fails",
                f"{IN_PODS}::test_a_share_of_the_items_fails",
            ),
        ),
    ),
    Row(
        "Checkpoints",
        "retries.md#checkpoints",
        (
            cell(
                "in the store", "local/test_checkpoints.py::test_a_loop_that_is_killed_five_times_runs_each_epoch_once"
            ),
            cell("in the store", "local/test_checkpoints.py::test_simulated_pods_do_likewise"),
            cell("in the store", f"cluster/test_retries.py::{EPOCHS}"),
            *same("in the store", f"{IN_PODS}::{EPOCHS}"),
        ),
    ),
    Row(
        "Notice that a machine goes away",
        "retries.md#notice",
        (
            cell("SIGTERM", "local/test_checkpoints.py::test_what_fails_after_a_notice_is_lost"),
            cell("SIGTERM", "local/test_checkpoints.py::test_simulated_pods_do_likewise"),
            cell("SIGTERM, cloud's metadata", f"cluster/test_retries.py::{EPOCHS}"),
            *same("SIGTERM, cloud's metadata", f"{IN_PODS}::{EPOCHS}"),
        ),
    ),
    Row(
        "Step decorators and mutators of Metaflow",
        "decorators.md#around-a-step-as-in-metaflow",
        (
            cell("around the step", "testing/test_step_wrappers.py::test_the_outermost_is_the_first_and_the_last"),
            cell("around the step", "argo/test_simulate_runs.py::test_same_artifacts_as_the_local_engine[wrapped]"),
            cell("around the step", f"{SAME}[wrapped]"),
            *same("around the step", f"{EXAMPLE}[wrapped]"),
        ),
    ),
    Row(
        "Hooks of ZenML's steps and pipelines",
        "zenml.md",
        (
            *same("in the task", HOOKS),
            cell("in the task", f"{SAME}[hooked]"),
            *same("in the task", f"{EXAMPLE}[hooked]"),
        ),
    ),
    Row(
        "Deadline of a run",
        "notifications.md#deadlines",
        (
            cell("ends the tasks", "local/test_deadline.py::test_it_ends_the_run_which_can_be_resumed"),
            cell("`activeDeadlineSeconds`", "local/test_deadline.py::test_the_simulator_ends_it_as_argo_does"),
            cell("`activeDeadlineSeconds`", f"{TOLD}[late]"),
            *same("`dagrun_timeout`", f"{LIVE_NOTICES}::test_a_deadline_ends_a_run_and_people_are_told"),
        ),
    ),
    Row(
        "Notifications",
        "notifications.md",
        (
            cell("a process after the run", "local/test_deadline.py::test_it_ends_the_run_which_can_be_resumed"),
            cell("`onExit`", "local/test_deadline.py::test_the_simulator_ends_it_as_argo_does"),
            cell("`onExit`", TOLD),
            cell("last tasks, DAG callback or deadline alert", *TOLD_LIVE),
            cell("last tasks, DAG callback", *TOLD_LIVE),
        ),
    ),
    Row(
        "Locks of steps",
        "locks.md",
        (
            *same("a ticket in the store", LOCKS),
            cell("mutex or semaphore", "cluster/test_notices.py::test_runs_of_two_workflows_share_a_lock"),
            *same("a pool", f"{LIVE_NOTICES}::test_a_lock_is_a_pool_that_has_to_be_there", NOTICE_PODS),
        ),
    ),
    Row(
        "Limits of runs",
        "locks.md#on-each-engine",
        (
            cell("for deployments, said", SAID),
            cell("for deployments", SIMULATED),
            cell(
                "`synchronization`, or a CronWorkflow's `concurrencyPolicy`",
                "cluster/test_run_limits.py::test_a_run_waits_for_the_one_before",
                "cluster/test_run_limits.py::test_a_run_ends_the_one_before_or_does_not_begin",
            ),
            *same(
                "`max_active_runs`; other policies FC501",
                f"{LIVE_NOTICES}::test_a_run_waits_for_the_one_before",
                f"{LIVE_NOTICES}::test_airflow_lets_runs_wait_only",
            ),
        ),
    ),
    Row(
        "Several crons",
        "schedules.md#schedules",
        (
            *same("runs begin by hand", SIMULATED),
            cell("`schedules`", "cluster/test_deploy.py::test_a_cron_workflow_fires"),
            cell("`MultipleCronTriggerTimetable`", "airflow/test_dags.py::test_several_crons"),
            cell("one cron, else a warning", "airflow/test_dags.py::test_several_crons"),
        ),
    ),
    Row(
        "The scheduled time",
        "schedules.md#the-time-of-a-run",
        (
            cell("`--scheduled-time`", "runtime/test_scheduled.py::test_a_local_run_and_the_one_that_resumes_it"),
            cell("`--scheduled-time`", SIMULATED),
            cell("`workflow.scheduledTime`", "cluster/test_deploy.py::test_a_cron_workflow_fires"),
            *same("the data interval's end", "airflow/test_live_schedules.py::test_backfill"),
        ),
    ),
    Row(
        "Backfill",
        "schedules.md#backfill",
        (
            cell(
                "runs of this machine", "cli/test_backfill.py::test_what_is_missing_is_started_and_what_failed_if_asked"
            ),
            NONE,
            cell("runs by Argo Server", "cluster/test_schedules.py::test_backfill"),
            *same("runs by its API", "airflow/test_live_schedules.py::test_backfill"),
        ),
    ),
    Row(
        "Publishing events",
        "events.md#publishing",
        (
            cell("by the webhook", "runtime/test_argo_events.py::test_the_command"),
            NONE,
            cell("by the webhook", f"{ON_ARGO_EVENTS}::test_a_task_publishes_what_a_sensor_filters_and_passes_on"),
            *same("an asset's event", EVENTS),
        ),
    ),
    Row(
        "Payloads and filters",
        "events.md#filters",
        (
            cell("`--event`, `--payload`", "runtime/test_triggers.py::test_a_local_run_of_an_event"),
            NONE,
            cell(
                "the Sensor",
                f"{ON_ARGO_EVENTS}::test_a_task_publishes_what_a_sensor_filters_and_passes_on",
                f"{ON_ARGO_EVENTS}::test_all_events_of_a_trigger_and_the_flow_after_it",
                f"{ON_ARGO_EVENTS}::test_fields_of_any_program",
            ),
            *same("first task, all tasks", EVENTS),
        ),
    ),
    Row(
        "Secrets of managers",
        "decorators.md#secrets-of-a-manager",
        (
            *same("fetched in the task", SECRETS),
            cell("fetched in the task", "cluster/test_secrets.py::test_four_managers_know_the_pod"),
            *same("fetched in the task", "airflow/test_pods.py::test_four_managers_know_the_pod"),
        ),
    ),
    Row(
        "`Runner` and `Deployer`",
        "submitting.md#deployments",
        (
            cell("`Runner`", "runtime/test_deployment.py::test_a_run_and_its_resumption"),
            NONE,
            cell("template or CronWorkflow", "cluster/test_deployer.py::test_a_flow_is_deployed_and_triggered"),
            *same("a DAG", DEPLOYER),
        ),
    ),
    Row(
        "Resuming runs of any engine",
        "submitting.md#continuing-a-run",
        (
            cell("takes tasks over", "cli/test_engine_resume.py::test_a_run_of_an_engine_goes_on_here"),
            cell("takes tasks over", "argo/test_resume.py::test_the_simulator_goes_on_from_a_run"),
            cell("takes tasks over", "cluster/test_resume.py::test_a_run_is_resumed"),
            *same("takes tasks over", "airflow/test_live_resume.py::test_a_run_is_resumed"),
        ),
    ),
    Row(
        "Lineage, OpenLineage",
        "keeping.md#lineage",
        (
            cell(
                "from the store",
                "cli/test_lineage.py::test_a_value_that_a_run_made_and_another_took_over",
                "cli/test_lineage.py::test_events_go_to_a_server",
            ),
            cell("from the store", "argo/test_resume.py::test_the_simulator_goes_on_from_a_run"),
            cell("from the store", "cluster/test_resume.py::test_a_run_is_resumed"),
            *same("from the store", "airflow/test_live_resume.py::test_a_run_is_resumed"),
        ),
    ),
)
