"use strict";
(() => {
  const data = JSON.parse(document.getElementById("graph-data").textContent);
  const frame = document.getElementById("graph");
  const details = document.getElementById("details");
  const search = document.getElementById("search");
  const svg = frame.querySelector("svg");
  const whole = { width: svg.width.baseVal.value, height: svg.height.baseVal.value };
  const steps = new Map(data.nodes.map((node) => [node.id, node]));
  const into = new Map(data.nodes.map((node) => [node.id, []]));
  const out = new Map(data.nodes.map((node) => [node.id, []]));
  for (const edge of data.edges) {
    out.get(edge.source).push(edge);
    into.get(edge.target).push(edge);
  }
  const cards = new Map();
  for (const card of frame.querySelectorAll("[data-step]")) cards.set(card.dataset.step, card);
  let selected = null;

  // The view: which part of the drawing is seen, in its own units.
  const view = { x: 0, y: 0, scale: 1 };
  const LEAST = 0.0005;
  const MOST = 4;

  function show() {
    const box = frame.getBoundingClientRect();
    svg.setAttribute("viewBox", `${view.x} ${view.y} ${box.width / view.scale} ${box.height / view.scale}`);
  }

  function zoom(factor, clientX, clientY) {
    const box = frame.getBoundingClientRect();
    const x = clientX === undefined ? box.width / 2 : clientX - box.left;
    const y = clientY === undefined ? box.height / 2 : clientY - box.top;
    const scale = Math.min(MOST, Math.max(LEAST, view.scale * factor));
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    show();
  }

  // All of it; or, when the page opens, so much of it from the top that it can be read.
  function fit(least) {
    const box = frame.getBoundingClientRect();
    view.scale = Math.max(least, Math.min(1, box.width / whole.width, box.height / whole.height));
    const free = box.width / view.scale - whole.width;
    const start = cards.get(data.start) || cards.values().next().value;
    const middle = start ? start.getBBox().x + start.getBBox().width / 2 : 0;
    view.x = free >= 0 ? -free / 2 : middle - box.width / view.scale / 2;
    view.y = Math.min(0, (whole.height - box.height / view.scale) / 2);
    show();
  }

  function center(card) {
    const box = frame.getBoundingClientRect();
    const place = card.getBBox();
    const left = (place.x - view.x) * view.scale;
    const top = (place.y - view.y) * view.scale;
    const seen = left > 0 && top > 0 && left + place.width * view.scale < box.width
      && top + place.height * view.scale < box.height;
    if (seen) return;
    view.x = place.x + place.width / 2 - box.width / view.scale / 2;
    view.y = place.y + place.height / 2 - box.height / view.scale / 2;
    show();
  }

  // Details of a step. All text is set as text.
  function element(name, text, style) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (style) made.className = style;
    return made;
  }

  function heading(text) {
    details.append(element("h3", text));
  }

  function listEdges(title, edges, end) {
    if (!edges.length) return;
    heading(title);
    const list = element("ul");
    for (const edge of edges) {
      const item = element("li");
      const button = element("button", edge[end]);
      button.type = "button";
      button.addEventListener("click", () => select(edge[end], true));
      item.append(button);
      const words = [
        ...(edge.cases || []), ...typed(edge.artifacts || [], edge.types), ...(edge.unknown ? ["…"] : []),
      ];
      if (words.length) item.append(element("span", ` ${words.join(", ")}`, "soft"));
      list.append(item);
    }
    details.append(list);
  }

  function typed(names, types) {
    return names.map((name) => (types && Object.hasOwn(types, name) ? `${name}: ${types[name]}` : name));
  }

  function describe(step) {
    details.replaceChildren();
    const close = element("button", "×", "close");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => select(null));
    details.append(close, element("h2", step.id));
    const words = [step.gang ? "member of a gang" : "", step.kind, step.way_on || ""];
    details.append(element("p", words.filter(Boolean).join(" · "), "soft"));
    if (step.doc) details.append(element("p", step.doc));
    if (step.call) details.append(element("p")), details.lastChild.append(element("code", step.call));
    if (step.unused) details.append(element("p", "No step uses its result.", "warning"));
    details.append(element("p"));
    details.lastChild.append(element("code", `${step.file}:${step.line}`));
    if (step.facts) {
      heading("Specs");
      const list = element("dl");
      for (const fact of step.facts) list.append(element("dt", fact.name), element("dd", fact.text));
      details.append(list);
    }
    for (const [title, names] of [["Sets", typed(step.sets || [], step.types)], ["Reads", step.reads]]) {
      if (!names || !names.length) continue;
      heading(title);
      details.append(element("p"));
      details.lastChild.append(element("code", names.join("\n")));
    }
    listEdges("After", into.get(step.id).filter((edge) => !edge.loop), "source");
    listEdges("Leads to", out.get(step.id), "target");
  }

  function select(name, focus) {
    const resized = details.hidden !== (name === null);
    if (selected !== null) cards.get(selected).classList.remove("selected");
    for (const near of frame.querySelectorAll(".near")) near.classList.remove("near");
    selected = name;
    details.hidden = name === null;
    frame.classList.toggle("chosen", name !== null);
    if (resized) show();
    if (name === null) return;
    const card = cards.get(name);
    card.classList.add("selected");
    for (const part of frame.querySelectorAll("[data-source]")) {
      if (part.dataset.source === name || part.dataset.target === name) part.classList.add("near");
    }
    describe(steps.get(name));
    center(card);
    if (focus) card.focus({ preventScroll: true });
  }

  function neighbor(name, key) {
    if (key === "ArrowDown") return (out.get(name).find((edge) => !edge.loop) || {}).target;
    const parent = into.get(name).find((edge) => !edge.loop);
    if (key === "ArrowUp") return parent && parent.source;
    if (!parent) return undefined;
    const beside = out.get(parent.source).filter((edge) => !edge.loop).map((edge) => edge.target);
    return beside[beside.indexOf(name) + (key === "ArrowLeft" ? -1 : 1)];
  }

  for (const [name, card] of cards) {
    const step = steps.get(name);
    card.setAttribute("tabindex", "0");
    card.setAttribute("role", "button");
    card.setAttribute("aria-label", step.way_on ? `${name}, ${step.way_on}` : name);
    card.addEventListener("focus", () => center(card));
    const option = element("option");
    option.value = name;
    document.getElementById("steps").append(option);
  }

  // Pointers: one moves the drawing, two enlarge it.
  const pointers = new Map();
  let moved = 0;
  frame.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, event);
    moved = 0;
  });
  window.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    if (pointers.size === 1) {
      moved += Math.abs(event.clientX - before.clientX) + Math.abs(event.clientY - before.clientY);
      view.x -= (event.clientX - before.clientX) / view.scale;
      view.y -= (event.clientY - before.clientY) / view.scale;
      frame.classList.add("moving");
      show();
    } else {
      const [other] = [...pointers.values()].filter((pointer) => pointer.pointerId !== event.pointerId);
      const gap = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY) || 1;
      moved += 10;
      zoom(gap(event) / gap(before), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
    }
    pointers.set(event.pointerId, event);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    window.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      frame.classList.remove("moving");
    });
  }
  frame.addEventListener("click", (event) => {
    if (moved > 6) return;
    const card = event.target.closest("[data-step]");
    select(card ? card.dataset.step : null);
  });
  frame.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) {
      zoom(Math.exp(-event.deltaY / 200), event.clientX, event.clientY);
      return;
    }
    const unit = event.deltaMode === 0 ? 1 : 20;
    view.x += ((event.shiftKey ? event.deltaY : event.deltaX) * unit) / view.scale;
    view.y += ((event.shiftKey ? 0 : event.deltaY) * unit) / view.scale;
    show();
  }, { passive: false });

  document.addEventListener("keydown", (event) => {
    if (event.target === search) {
      if (event.key === "Escape") search.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const card = event.target.closest && event.target.closest("[data-step]");
    const actions = {
      "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: () => fit(LEAST),
      "/": () => search.focus(), Escape: () => select(null),
    };
    if (card && (event.key === "Enter" || event.key === " ")) {
      select(card.dataset.step);
    } else if (event.key.startsWith("Arrow") && (event.target === document.body || frame.contains(event.target))) {
      const next = card ? neighbor(card.dataset.step, event.key) : data.start;
      if (cards.has(next)) cards.get(next).focus({ preventScroll: true });
    } else if (actions[event.key]) {
      actions[event.key]();
    } else {
      return;
    }
    event.preventDefault();
  });
  search.addEventListener("change", () => {
    const wanted = search.value.trim();
    const lower = wanted.toLowerCase();
    const found = steps.has(wanted) ? wanted : [...steps.keys()].find((name) => name.toLowerCase().includes(lower));
    if (wanted && found) select(found, true);
  });
  document.getElementById("zoom-in").addEventListener("click", () => zoom(1.25));
  document.getElementById("zoom-out").addEventListener("click", () => zoom(0.8));
  document.getElementById("fit").addEventListener("click", () => fit(LEAST));
  window.addEventListener("resize", show);

  frame.classList.add("live");
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  fit(0.8);
})();
