"""Fan-out by `.map`: as many tasks as there are items, which is known when the first step has run, and not before.

`parallel_count` only goes into a step, so that every run may be given another one, on every target.

    flowc run examples/fan_out_map.py
    flowc run examples/fan_out_map.py -p parallel_count=16
    flowc run examples/fan_out_map.py -p parallel_count=0
"""

from flowc import pipeline, step


@step
def load_step(count: int) -> list[str]:
    return ["Hello from flowc!"] * count


@step
def process_step(input_data: str) -> str:
    return input_data


@step
def combine_step(results: list[str]) -> None:
    print(",".join(f"process_{number}: {result}" for number, result in enumerate(results)))


@pipeline
def fan_out_map(parallel_count: int = 8) -> None:
    combine_step(process_step.map(load_step(parallel_count)))


if __name__ == "__main__":
    fan_out_map()
