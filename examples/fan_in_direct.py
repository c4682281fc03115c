"""Fan-in by a list of results: the last step takes them as an argument, and flowc knows what it waits for.

How many steps there are is settled when the flow is compiled: by the default, the call at the end, or `-p`.

    flowc run examples/fan_in_direct.py
    flowc run examples/fan_in_direct.py -p parallel_count=16
"""

from flowc import pipeline, step


@step
def load_step() -> str:
    return "Hello from flowc!"


@step
def process_step(input_data: str) -> str:
    return input_data


@step
def combine_step(results: list[str]) -> None:
    print(",".join(f"process_{number}: {result}" for number, result in enumerate(results)))


@pipeline
def fan_in_direct(parallel_count: int = 8) -> None:
    input_data = load_step()
    results = [process_step(input_data, id=f"process_{i}") for i in range(parallel_count)]
    combine_step(results)


if __name__ == "__main__":
    fan_in_direct()
