// The timeline: a lane for each step, and below it a row for each of its tasks, of which only those in sight are drawn.

const FOLDED_FROM = 12;

class Timeline {
  constructor(section, run, open) {
    Object.assign(this, { section, run, open, lists: [] });
    this.unfolded = new Set(run.shown.filter((step) => step.tasks.length > 1 && step.tasks.length < FOLDED_FROM).map((step) => step.name));
    this.draw();
  }
  draw() {
    const states = new Set(this.run.tasks.map((task) => task.state));
    const keys = [["waiting for its turn", "--queue"], ["successful", "--ok"]];
    if (this.run.tasks.some((task) => task.attempts.length > 1 || BAD.includes(task.state))) keys.push(["failed", "--bad"]);
    if (states.has("running")) keys.push(["running", "--run"]);
    if (states.has("caught")) keys.push(["caught", "--warn"]);
    if (states.has("stopped")) keys.push(["stopped", "--warn"]);
    const legend = make("div", { class: "legend" }, keys.map(([text, color]) => make("span", { style: { "--key": `var(${color})` } }, text)));
    const lanes = this.run.shown.filter((step) => step.tasks.length || step.total).flatMap((step) => this.lane(step));
    this.section.replaceChildren(
      make("div", { class: "section-head" }, make("h2", {}, "Timeline"), make("div", { class: "right" }, legend)),
      make("div", { class: "card lanes", style: { "--grid": `${(this.tick() / this.run.length) * 100}%` } }, this.axis(), lanes));
    for (const draw of this.lists.splice(0)) draw();
  }
  tick() {
    const least = this.run.length / (this.section.clientWidth < 600 ? 3 : 6);
    const steps = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400];
    return steps.find((step) => step >= least) ?? Math.ceil(least / 86400) * 86400;
  }
  axis() {
    const tick = this.tick(), ticks = [];
    for (let place = 0; place * tick <= this.run.length * 0.97; place++)
      ticks.push(make("span", { style: { left: `${((place * tick) / this.run.length) * 100}%` } }, place ? tickText(place * tick) : "0"));
    return make("div", { class: "axis", "aria-hidden": "true" }, make("div"), make("div", { class: "ticks" }, ticks), make("div"));
  }
  lane(step) {
    const several = step.tasks.length > 1, unfolded = this.unfolded.has(step.name);
    const counts = this.run.counts(step.tasks, step.total);
    const fold = make("button", {
      type: "button", class: `fold${several ? "" : " none"}`, "aria-expanded": String(unfolded), "aria-label": `Tasks of ${step.name}`,
      onclick: () => { unfolded ? this.unfolded.delete(step.name) : this.unfolded.add(step.name); this.draw(); this.section.querySelector(`[aria-label="${CSS.escape(`Tasks of ${step.name}`)}"]`)?.focus(); },
    });
    const name = make("div", { class: "name", style: { "--depth": step.depth } }, fold,
      make("button", { type: "button", class: "link", onclick: () => this.open(step.tasks.length === 1 ? step.tasks[0].key : null, step) }, make("b", {}, step.name)),
      make("span", { class: "faint" }, step.tasks.length > 1 || step.total > 1 ? `${countText(step.tasks.length)}${step.total > step.tasks.length ? ` of ${countText(step.total)}` : ""}` : ""));
    const track = make("div", { class: "track", title: stepSummary(step, counts) });
    if (several) this.lists.push(() => this.density(track, step));
    else for (const task of step.tasks) track.append(...this.bars(task));
    const started = step.tasks.map((task) => task.started).filter((time) => time !== null && time >= 0);
    const ended = step.tasks.map((task) => (task.state === "running" ? this.run.now : task.ended)).filter((time) => time !== null);
    const own = step.tasks.some((task) => !task.takenOver);
    const took = started.length && own ? Math.max(...ended.slice(-1), ended.reduce((a, b) => Math.max(a, b), 0)) - started.reduce((a, b) => Math.min(a, b)) : null;
    const lane = make("div", { class: "lane" }, name, track, make("div", { class: "took" }, own ? secondsText(took) : step.tasks.length ? "taken over" : ""));
    return several && unfolded ? [lane, this.rows(step)] : [lane];
  }
  place(time) { return Math.min(100, Math.max(0, (time / this.run.length) * 100)); }
  bars(task) {
    if (task.takenOver) return [];
    const found = [];
    let free = task.ready ?? 0;
    for (const [number, attempt] of task.attempts.entries()) {
      if (attempt.started === null) continue;
      const start = this.place(attempt.started), from = this.place(free);
      const end = this.place(attempt.ended ?? (attempt.state === "running" ? this.run.now : attempt.started));
      if (start > from) found.push(make("i", { class: "bar queue", style: { left: `${from}%`, width: `${start - from}%` } }));
      const last = number === task.attempts.length - 1, state = last ? task.state : attempt.state;
      const name = `${task.key}${task.attempts.length > 1 ? `, attempt ${attempt.number}` : ""}: ${attempt.state}, ${secondsText((attempt.ended ?? this.run.now) - attempt.started)}`;
      found.push(make("button", { type: "button", tabindex: -1, class: `bar state-${state.replace(" ", "-")}${last || state === "successful" ? "" : " retried"}`, title: name, "aria-label": name,
        style: { left: `${start}%`, width: `${Math.max(0, end - start)}%` }, onclick: (event) => { event.stopPropagation(); this.open(task.key); } }));
      free = attempt.ended ?? attempt.started;
    }
    return found;
  }
  rows(step) {
    const box = make("div", { class: "rows", tabindex: 0, role: "list", "aria-label": `Tasks of ${step.name}`, style: { height: `${Math.min(13, step.tasks.length) * 24}px` } });
    this.lists.push(() => {
      const list = new LongList(box, 24, (place) => {
      const task = step.tasks[place];
      return make("div", { class: "row", role: "listitem", onclick: () => this.open(task.key) },
        make("div", { class: "name", style: { "--depth": step.depth } }, make("span", {}, task.index || task.key)),
        make("div", { class: "track" }, this.bars(task)), make("div", { class: "took" }, secondsText(task.took)));
      });
      list.show(step.tasks.length);
      box.style.setProperty("--scrollbar", `${box.offsetWidth - box.clientWidth}px`);  // rows lie under it, as wide as the axis
    });
    return box;
  }
  /** How many tasks of a step waited, worked and failed, over time: a picture of any number of tasks. */
  density(track, step) {
    const canvas = track.appendChild(make("canvas", { "aria-hidden": "true" }));
    const width = Math.max(60, Math.round(track.clientWidth)), height = 28, ratio = Math.min(2, devicePixelRatio || 1);
    Object.assign(canvas, { width: width * ratio, height: height * ratio });
    const work = new Float64Array(width + 1), queue = new Float64Array(width + 1), bad = new Uint32Array(width);
    const at = (time) => Math.min(width - 1, Math.max(0, Math.floor((time / this.run.length) * width)));
    const count = (changes, from, to) => { changes[at(from)]++; changes[at(to) + 1]--; };
    for (const task of step.tasks) {
      if (task.takenOver) continue;
      let free = task.ready ?? task.started ?? 0;
      for (const attempt of task.attempts) {
        if (attempt.started === null) continue;
        if (attempt.started > free) count(queue, free, attempt.started);
        count(work, attempt.started, attempt.ended ?? (attempt.state === "running" ? this.run.now : attempt.started));
        if (BAD.includes(attempt.state)) bad[at(attempt.ended ?? attempt.started)]++;
        free = attempt.ended ?? attempt.started;
      }
    }
    const sums = [work, queue].map((changes) => { let sum = 0; return Array.from({ length: width }, (_, place) => (sum += changes[place])); });
    const style = getComputedStyle(document.documentElement), pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    for (const [values, color, most, tall] of [[sums[1], "--queue", Math.max(...sums[1], 1), 10], [sums[0], BAD.includes(worst(step)) ? "--ok" : stateColor(step), Math.max(...sums[0], 1), height - 4]]) {
      pen.fillStyle = style.getPropertyValue(color);
      values.forEach((value, x) => { if (value > 0) { const tallness = Math.max(2, (value / most) * tall); pen.fillRect(x, height - tallness, 1, tallness); } });
    }
    pen.fillStyle = style.getPropertyValue("--bad");
    bad.forEach((value, x) => { if (value) pen.fillRect(x - 0.5, 0, 2, height); });
  }
}

const clock = (large, small) => `${Math.floor(large)}:${String(Math.round(small)).padStart(2, "0")}`;
const tickText = (seconds) => (seconds >= 60 && seconds < 3600 && seconds % 60 ? clock(seconds / 60, seconds % 60) : seconds < 1 ? `${Math.round(seconds * 1000)} ms` : seconds < 60 ? `${Number(seconds.toFixed(1))} s` : seconds < 3600 ? `${Number((seconds / 60).toFixed(1))} min` : seconds < 86400 ? `${Number((seconds / 3600).toFixed(1))} h` : `${Number((seconds / 86400).toFixed(1))} d`);

function worst(step) {
  for (const state of [...BAD, "running", "stopped", "caught"]) if (step.tasks.some((task) => task.state === state)) return state;
  return "successful";
}
const stateColor = (step) => ({ running: "--run", stopped: "--warn", caught: "--warn" })[worst(step)] ?? "--ok";

function stepSummary(step, counts) {
  const times = step.tasks.map((task) => task.took).filter((time) => time !== null);
  const parts = Object.entries(counts).map(([state, count]) => `${countText(count)} ${state}`);
  if (times.length > 1) parts.push(`median ${secondsText(median(times))}, longest ${secondsText(times.reduce((a, b) => Math.max(a, b)))}`);
  return `${step.name}: ${parts.join(", ")}`;
}
