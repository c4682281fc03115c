"""Fan-out and fan-in as ZenML's documentation has it, unchanged: the last step looks for the results of its run itself.

The call at the end of the file is what the flow is compiled with; it does nothing when a task imports the file. ZenML
need not be installed. `fan_in_direct.py` and `fan_out_map.py` are the same pipeline with results passed as arguments.

    flowc run examples/fan_out_fan_in.py
    flowc run examples/fan_out_fan_in.py -p parallel_count=16
"""

from zenml import step, get_step_context, pipeline
from zenml.client import Client


@step
def load_step() -> str:
    return "Hello from ZenML!"


@step
def process_step(input_data: str) -> str:
    return input_data


@step
def combine_step(step_prefix: str, output_name: str) -> None:
    run_name = get_step_context().pipeline_run.name
    run = Client().get_pipeline_run(run_name)

    # Fetch all results from parallel processing steps
    processed_results = {}
    for step_name, step_info in run.steps.items():
        if step_name.startswith(step_prefix):
            output = step_info.outputs[output_name][0]
            processed_results[step_info.name] = output.load()

    # Combine all results
    print(",".join([f"{k}: {v}" for k, v in processed_results.items()]))


@pipeline(enable_cache=False)
def fan_out_fan_in_pipeline(parallel_count: int) -> None:
    # Initial step (source)
    input_data = load_step()

    # Fan out: Process data in parallel branches
    after = []
    for i in range(parallel_count):
        _ = process_step(input_data, id=f"process_{i}")
        after.append(f"process_{i}")

    # Fan in: Combine results from all parallel branches
    combine_step(step_prefix="process_", output_name="output", after=after)


fan_out_fan_in_pipeline(parallel_count=8)
