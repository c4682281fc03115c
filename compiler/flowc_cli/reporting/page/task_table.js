// All tasks in a table that can be searched and sorted.

const COLUMNS = [
  ["task", "Task", (task) => task.place],
  ["state", "State", (task) => task.state],
  ["tries", "Attempts", (task) => task.attempts.length],
  ["waited", "Waited", (task) => task.waited],
  ["started", "Started", (task) => task.started],
  ["took", "Duration", (task) => task.took],
  ["host", "Ran on", (task) => task.attempts.at(-1)?.host ?? ""],
];

class TaskTable {
  constructor(section, run, open) {
    Object.assign(this, { section, run, open, text: "", state: "", step: "", sort: "task", down: false, chosen: null });
    this.found = [];
    this.search = make("input", { type: "search", placeholder: "Search tasks ( / )", "aria-label": "Search tasks", id: "search", oninput: () => { this.text = this.search.value.trim().toLowerCase(); this.update(); } });
    this.steps = make("select", { "aria-label": "Step", onchange: () => { this.step = this.steps.value; this.update(); } });
    this.states = make("div", { class: "filters" });
    this.head = make("div", { class: "task-head", role: "row" });
    this.box = make("div", { class: "scroller", tabindex: 0, role: "grid", "aria-label": "Tasks", onkeydown: (event) => this.key(event) });
    this.none = make("p", { class: "empty", hidden: true }, "No such tasks.");
    section.replaceChildren(
      make("div", { class: "section-head" }, make("h2", {}, "Tasks"), make("div", { class: "right filters" }, this.states, this.steps, this.search)),
      make("div", { class: "card task-table" }, this.head, this.box, this.none));
    this.list = new LongList(this.box, 32, (place) => this.row(this.found[place]));
    this.renew(run);
  }
  renew(run) {
    this.run = run;
    const names = run.shown.filter((step) => step.tasks.length).map((step) => step.name);
    this.steps.replaceChildren(make("option", { value: "" }, "all steps"), ...names.map((name) => make("option", { value: name }, name)));
    this.steps.value = names.includes(this.step) ? this.step : "";
    const counts = run.counts(run.tasks, 0);
    this.states.replaceChildren(...(Object.keys(counts).length < 2 ? [] : Object.entries(counts).map(([state, count]) => make("button", {
      type: "button", "aria-pressed": String(this.state === state), onclick: () => { this.state = this.state === state ? "" : state; this.renew(this.run); } }, `${countText(count)} ${state}`))));
    this.head.replaceChildren(...COLUMNS.map(([id, title], place) => make("button", {
      type: "button", class: place > 1 && place < 6 ? "right" : null, "aria-sort": this.sort !== id ? "none" : this.down ? "descending" : "ascending",
      onclick: () => { this.down = this.sort === id ? !this.down : ["took", "waited", "tries"].includes(id); this.sort = id; this.renew(this.run); } },
      title, this.sort === id ? (this.down ? " ↓" : " ↑") : "")));
    this.update();
  }
  update() {
    const value = COLUMNS.find(([id]) => id === this.sort)[2], sign = this.down ? -1 : 1;
    this.found = this.run.tasks.filter((task) => (!this.state || task.state === this.state) && (!this.step || task.step.name === this.step) && (!this.text || task.key.toLowerCase().includes(this.text)));
    if (this.sort !== "task" || this.down) this.found.sort((a, b) => { const x = value(a), y = value(b); return x === y ? a.place - b.place : x === null ? 1 : y === null ? -1 : (x < y ? -1 : 1) * sign; });
    this.box.style.height = `${Math.min(15, this.found.length) * 32}px`;
    this.none.hidden = this.found.length > 0;
    this.list.show(this.found.length);
  }
  row(task) {
    const right = (text) => make("span", { class: "right num soft" }, text);
    return make("div", { class: `task-row${task === this.chosen ? " chosen" : ""}`, role: "row", onclick: () => this.open(task.key) },
      make("span", {}, make("b", {}, task.step.name), task.index ? make("span", { class: "soft num" }, ` ${task.index}`) : null), pill(task.state),
      right(String(task.attempts.length)), right(secondsText(task.waited)), right(task.takenOver || task.started === null ? "" : `+${secondsText(task.started)}`), right(secondsText(task.took)),
      make("span", { class: "soft", title: task.attempts.at(-1)?.host }, task.attempts.at(-1)?.host ?? ""));
  }
  choose(task) {
    this.chosen = task ?? null;
    const place = this.found.indexOf(task);
    this.list.show(this.found.length);
    if (place >= 0) this.list.reveal(place);
  }
  /** The task before or after another, as the table has them. */
  beside(task, way) { return this.found[Math.min(this.found.length - 1, Math.max(0, this.found.indexOf(task) + way))]; }
  key(event) {
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!way || !this.found.length) return;
    event.preventDefault();
    this.open(this.beside(this.chosen, way).key, null, true);
  }
}
