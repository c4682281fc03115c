// The run as the page uses it, from the JSON that it brings along.

const BAD = ["failed", "killed"];
const DONE = ["successful", "caught", "taken over", "from the cache"];

class RunModel {
  constructor(data) {
    Object.assign(this, data);
    this.now ??= 0;
    this.steps = (data.steps || []).map((step, place) => ({ kind: "", depth: 0, total: 0, facts: [], ...step, place, tasks: [] }));
    this.hosts = data.hosts || [];
    this.details = data.details || {};
    this.values = data.values || {};
    this.tasks = (data.tasks || []).map(([step, index, state, ready, attempts], place) => this.task(step, index, state, ready, attempts, place));
    for (const task of this.tasks) task.step.tasks.push(task);
    this.shown = this.steps.filter((step) => !step.virtual);
    const moments = this.tasks.flatMap((task) => (task.takenOver ? [] : task.attempts.map((attempt) => attempt.ended ?? attempt.started ?? 0)));
    this.length = Math.max(0.001, this.ended ?? (this.state === "running" ? this.now : 0), moments.reduce((a, b) => Math.max(a, b), 0));
  }
  task(step, index, state, ready, attempts, place) {
    const name = this.steps[step].name;
    const task = { step: this.steps[step], index, state, ready, place, key: index ? `${name}/${index}` : name, takenOver: state === "taken over" };
    task.attempts = attempts.map(([number, state, started, ended, host]) => ({ number, state, started, ended, host: this.hosts[host] ?? "" }));
    const last = task.attempts.at(-1);
    task.started = task.attempts.find((attempt) => attempt.started !== null)?.started ?? null;
    task.ended = last?.ended ?? null;
    const end = task.state === "running" ? this.now : task.ended;
    task.took = task.takenOver || !last || last.started === null || end === null ? null : Math.max(0, end - last.started);
    // What is ready before its run was created was done by the run that it resumes.
    task.waited = ready === null || task.started === null || task.takenOver ? null : Math.max(0, task.started - Math.max(0, ready));
    return task;
  }
  /** Counts of tasks by state; those that are known to follow are `waiting`. */
  counts(tasks, total) {
    const found = {};
    for (const task of tasks) found[task.state] = (found[task.state] || 0) + 1;
    if (total > tasks.length) found.waiting = total - tasks.length;
    return found;
  }
  find(key) {
    this.byKey ??= new Map(this.tasks.map((task) => [task.key, task]));
    return this.byKey.get(key);
  }
}

function median(numbers) {
  if (!numbers.length) return null;
  const sorted = Float64Array.from(numbers).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
