// Elements and texts. Everything that is shown of a run goes through textContent: nothing of it is ever read as HTML.

/** An element: its attributes, and what it contains. `on...` attributes are listeners, `null` ones are left out. */
function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [property, text] of Object.entries(value)) element.style.setProperty(property, text);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const byId = (id) => document.getElementById(id);

function drawing(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Seconds for people: `0.4 s`, `41 s`, `3 min 5 s`, `2 h 10 min`. */
function secondsText(seconds) {
  if (seconds === null || seconds === undefined || Number.isNaN(seconds)) return "";
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  for (const [size, unit, part, smaller] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]])
    if (whole >= size) return `${Math.floor(whole / size)} ${unit} ${Math.floor((whole % size) / part)} ${smaller}`;
  return `${whole} s`;
}

function sizeText(size) {
  let amount = size;
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (amount < 999.5 || unit === "TB") return unit === "B" ? `${amount} B` : `${Number(amount.toPrecision(3))} ${unit}`;
    amount /= 1000;
  }
}

const countText = (count) => count.toLocaleString("en-US");
const plural = (count, word) => `${countText(count)} ${word}${count === 1 ? "" : "s"}`;

/** A moment of the run, which is in seconds since it was created, in UTC. */
function momentText(seconds, created) {
  if (seconds === null || seconds === undefined) return "";
  const text = new Date((created + seconds) * 1000).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)} UTC`;
}

const pill = (state) => make("span", { class: `pill ${state.replace(" ", "-")}` }, state);

/** A list of many rows of one height, of which only those in sight are in the page. `draw(place)` makes a row. */
class LongList {
  constructor(box, height, draw) {
    Object.assign(this, { box, height, draw, count: 0, rows: new Map() });
    this.space = box.appendChild(make("div", { class: "space" }));
    box.addEventListener("scroll", () => this.update(), { passive: true });
    new ResizeObserver(() => this.update()).observe(box);
  }
  show(count) {
    this.count = count;
    this.space.style.height = `${count * this.height}px`;
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.update();
  }
  update() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - 4);
    const last = Math.min(this.count, Math.ceil((this.box.scrollTop + (this.box.clientHeight || 320)) / this.height) + 4);
    for (const [place, row] of this.rows) if (place < first || place >= last) { row.remove(); this.rows.delete(place); }
    for (let place = first; place < last; place++) {
      if (this.rows.has(place)) continue;
      const row = this.draw(place);
      row.style.top = `${place * this.height}px`;
      this.rows.set(place, row);
      this.space.append(row);
    }
  }
  reveal(place) {
    const top = place * this.height;
    if (top < this.box.scrollTop || top + this.height > this.box.scrollTop + this.box.clientHeight)
      this.box.scrollTop = top - this.box.clientHeight / 2;
    this.update();
  }
}
