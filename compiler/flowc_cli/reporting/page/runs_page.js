// The list of runs, which asks for itself again every few seconds.

const FIELDS = ["flow", "run", "where", "state", "created", "duration", "tags"];

class RunsPage {
  constructor(rows) {
    Object.assign(this, { state: "", have: "" });
    this.flow = byId("flow");
    this.search = byId("search");
    this.flow.addEventListener("change", () => this.draw());
    this.search.addEventListener("input", () => this.draw());
    addEventListener("keydown", (event) => { if (event.key === "/" && event.target !== this.search) { event.preventDefault(); this.search.focus(); } });
    followTheme(() => {});
    this.take(rows);
    setInterval(() => { if (!document.hidden) this.ask(); }, 4000);
  }
  take(rows) {
    this.rows = rows.map((row) => Object.fromEntries(FIELDS.map((name, place) => [name, row[place]])));
    this.at = Date.now();
    const names = [...new Set(this.rows.map((row) => row.flow))].sort(), chosen = this.flow.value;
    this.flow.replaceChildren(make("option", { value: "" }, "all flows"), ...names.map((name) => make("option", { value: name }, name)));
    this.flow.value = names.includes(chosen) ? chosen : "";
    this.draw();
  }
  async ask() {
    try {
      const answer = await fetch(`/data/runs?have=${this.have}`);
      if (answer.status === 200) { this.have = answer.headers.get("X-Flowc-Have"); this.take(await answer.json()); }
      byId("trouble").hidden = answer.ok;
      if (!answer.ok) byId("trouble").textContent = await answer.text();
    } catch {
      byId("trouble").hidden = false;
      byId("trouble").textContent = "flowc ui does not answer: it has ended.";
    }
  }
  draw() {
    const text = this.search.value.trim().toLowerCase(), counts = {};
    for (const row of this.rows) counts[row.state] = (counts[row.state] || 0) + 1;
    byId("states").replaceChildren(...Object.entries(counts).map(([state, count]) => make("button", { type: "button", "aria-pressed": String(this.state === state), onclick: () => { this.state = this.state === state ? "" : state; this.draw(); } }, `${countText(count)} ${state}`)));
    const shown = this.rows.filter((row) => (!this.flow.value || row.flow === this.flow.value) && (!this.state || row.state === this.state) && (!text || `${row.flow}/${row.run} ${row.tags.join(" ")}`.toLowerCase().includes(text)));
    byId("runs").replaceChildren(...(shown.length ? shown.map((row) => this.row(row)) : [make("p", { class: "empty" }, this.rows.length ? "No such runs." : "This store has no runs yet: flowc run FILE makes one.")]));
  }
  row(row) {
    return make("a", { class: "run-row", href: `/run/${encodeURIComponent(row.flow)}/${encodeURIComponent(row.run)}` },
      pill(row.state), make("span", { class: "who" }, make("b", {}, row.flow), make("span", { class: "soft num" }, ` ${row.run}`)), make("span", { class: "tags" }, row.tags.map((tag) => make("span", { class: "tag" }, tag))),
      make("span", { class: "soft" }, row.where), make("span", { class: "right num" }, secondsText(row.duration)), make("span", { class: "right soft num", title: momentText(0, row.created) }, `${secondsText(Math.max(0, this.at / 1000 - row.created)).replace(/ \d+ (s|min|h)$/, "")} ago`));
  }
}

new RunsPage(JSON.parse(byId("run-data").textContent));
