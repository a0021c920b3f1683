// A large run: its figures are unfolded when it is first looked at, and drawn by canvas.js and rows.js. The excerpt that
// the page was written with goes away.

async function unfold(run) {
  if (run.unfolding) return;
  run.unfolding = true;
  const root = sections.get(run.ref);
  try {
    const text = document.getElementById(run.ref + "-figures").textContent;
    const letters = atob(text);
    const bytes = new Uint8Array(letters.length);
    for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    run.figures = figuresOf(run, await new Response(stream).json(), root);
  } catch (error) {
    const words = `This browser cannot unfold the figures of this run (${error.message}): what you see is an excerpt.`;
    root.querySelector(".events").prepend(make("p", { class: "note" }, words));
    return;
  }
  run.found = null;
  root.classList.add("unfolded");
  select(state.run === run ? address() || run.ref : state.ref, true);
  layOut();
  document.documentElement.dataset.ready = Math.round(performance.now());
}

// An element with attributes and children; strings become text.
function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

// A duration as the rest of the page writes it.
function spell(ms) {
  if (ms === 0) return "0\u00a0ms";
  if (ms < 0.05) return Math.max(1, Math.round(ms * 1000)) + "\u00a0µs";
  if (ms < 9.95) return ms.toFixed(1) + "\u00a0ms";
  if (ms < 999.5) return ms.toFixed(0) + "\u00a0ms";
  if (ms < 59950) return (ms / 1000).toFixed(1) + "\u00a0s";
  const seconds = Math.round(ms / 1000);
  for (const [size, unit, less, lesser] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
    if (seconds < size) continue;
    const rest = Math.floor((seconds % size) / less);
    return `${Math.floor(seconds / size)}\u00a0${unit}` + (rest ? ` ${rest}\u00a0${lesser}` : "");
  }
  return seconds + "\u00a0s";
}

function attemptsOf(run, raw) {
  const packed = raw.attempts;
  const counts = new Map();
  return packed.s.map((place, index) => {
    const number = (counts.get(place) || 0) + packed.n[index];
    counts.set(place, number);
    const [step, stepRef] = raw.steps[place];
    const odd = packed.odd[index];
    return {
      index, step, stepRef, place,
      execution: odd ? odd[1] : `${step}#${number}`,
      ref: odd ? odd[0] : `${stepRef}.${number}.${packed.k[index]}`,
      number: packed.k[index],
      queued: packed.q[index] / 1000,
      worker: packed.w[index],
      cause: packed.c[index] ? index - packed.c[index] : -1,
      event: raw.texts[packed.e[index]],
      delay: packed.r[index] < 0 ? null : packed.r[index] / 1000,
      reason: raw.texts[packed.b[index]],
      segment: packed.segments[index],
      trace: raw.texts[packed.traces[index]],
      span: packed.spans.slice(index * 16, index * 16 + 16),
      row: null,
    };
  });
}

class FigureRow {
  constructor(attempt, mine, named, rest) {
    this.of = attempt;
    this.mine = mine;
    this.named = named;
    this.rest = rest;
    this.ref = attempt ? attempt.ref : "";
    this.step = attempt ? attempt.step : "";
    this.attempt = attempt ? attempt.number : 0;
    this.queued = mine ? attempt.queued : 0;
    this.worker = mine ? attempt.worker : null;
  }

  text() {
    const { of, named } = this;
    const name = !of || !named ? "" : named === 1 ? of.execution : `${of.execution} attempt ${of.number}`;
    return name + this.rest + (this.mine && of.reason ? ` · queued ${spell(of.queued)}, ${of.reason}` : "");
  }
}

function rowsOf(raw, attempts) {
  const packed = raw.rows;
  const outcomes = raw.texts.map((text) => (text.includes(" ") ? outcomeWords(text) : []));
  const events = raw.texts.map((text) => text.split("\n").filter(Boolean));
  let [own, last, time, number] = [0, 0, 0, 0];
  return packed.k.map((place, index) => {
    const kind = raw.kinds[place];
    const mine = kind === "step" || kind === "error";
    const at = mine ? own++ : packed.a[index] + last - 1;
    last = at + 1;
    time += packed.s[index];
    number += packed.q[index];
    const row = new FigureRow(attempts[at] || null, mine, packed.f[index], raw.texts[packed.x[index]]);
    row.kind = kind;
    row.outcome = outcomes[packed.o[index]];
    row.events = events[packed.e[index]];
    row.took = packed.t[index] < 0 ? null : packed.t[index] / 1000;
    row.at = time / 1000;
    row.late = raw.texts[packed.l[index]];
    row.number = number;
    if (mine) row.of.row = row;
    return row;
  });
}

function figuresOf(run, raw, root) {
  const attempts = attemptsOf(run, raw);
  run.rows = rowsOf(raw, attempts);
  const byAnchor = new Map(attempts.map((attempt) => [attempt.ref, attempt]));
  const refs = attempts.map((attempt) => attempt.ref);
  const failed = attempts.filter((attempt) => attempt.row?.kind === "error").map((attempt) => attempt.ref);
  const drawing = largeTimeline(run, raw, attempts, root);
  const table = largeLog(run, root);
  const path = { of: new Set(raw.path.map((part) => part[3])) };
  return {
    card: (ref, where) => makeCard(run, byAnchor.get(ref), attempts, where),
    stepOf: (ref) => byAnchor.get(ref)?.stepRef,
    edgesOf: (ref) => (byAnchor.has(ref) ? edgesNear(run, byAnchor.get(ref)) : []),
    order: (errors) => (errors ? failed : refs),
    paint: (found) => {
      const lit = state.critical ? (attempt) => path.of.has(attempt.index) : found.active ? (attempt) => found.refs.has(attempt.ref) : null;
      drawing.paint(lit);
      table.paint(found.rows);
    },
    reveal: () => {
      const attempt = byAnchor.get(state.ref);
      if (attempt) { drawing.reveal(attempt); table.reveal(attempt.row); }
    },
    layOut: () => { drawing.layOut(); table.layOut(); },
  };
}

// The edges of the drawing beside a step that carry an event of the attempt.
function edgesNear(run, attempt) {
  const step = "step:" + attempt.step;
  const kinds = new Set(attempt.row.events);
  const name = (node) => node.slice(node.lastIndexOf(".") + 1).replace(/^event:/, "");
  return run.edgeEls.map((each) => [each.dataset.source, each.dataset.target])
    .filter(([source, target]) => (source === step && kinds.has(name(target))) || (target === step && kinds.has(name(source))));
}

// ---- the card of an attempt that was not written out ---------------------------------------------------------------

function makeCard(run, attempt, attempts, root) {
  for (const each of all(root, ".card.made")) each.remove();
  if (!attempt || document.getElementById(attempt.ref)) return Boolean(attempt);
  const siblings = attempts.filter((each) => each.execution === attempt.execution);
  const failed = attempt.row.kind === "error";
  const title = make("h3", {}, attempt.execution + " ", make("small", {}, `${failed ? "✗ " : ""}attempt ${attempt.number} of ${siblings.length}`));
  const beside = run.rows.filter((row) => row.of === attempt && !row.mine).slice(0, 60);
  const parts = [
    ...part("Time", timesOf(run, attempt)),
    ...part("Error", failed ? make("p", { class: "bad" }, attempt.row.text()) : null),
    ...part("Caused by", chainOf(attempt, attempts)),
    ...part("Attempts", siblings.length > 1 ? make("ul", {}, ...siblings.map((each) => siblingOf(each, attempt))) : null),
    ...part("Made and waited for", beside.length ? make("ul", {}, ...beside.map((row) => make("li", {}, row.text()))) : null),
    ...part("Ids", idsOf(run, attempt)),
    make("p", { class: "hint" }, "Input, output and traceback are not in this page: it holds so many attempts in figures only."),
  ];
  const card = make("article", { class: "card made", id: attempt.ref, tabindex: "-1" }, title, ...parts);
  root.querySelector(".cards").append(card);
  return true;
}

function part(title, body) { return body ? [make("h4", {}, title), body] : []; }

function facts(pairs) {
  return make("dl", {}, ...pairs.filter(([, value]) => value).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function anchor(ref, text) { return make("a", { href: "#" + ref }, text); }

function timesOf(run, attempt) {
  const why = attempt.reason ? ` (${attempt.reason})` : "";
  return facts([
    ["started", "after " + spell(attempt.row.at)],
    ["queued", spell(attempt.queued) + why],
    ["ran", `${spell(attempt.row.took)} · worker ${attempt.worker}`],
    ["outcome", attempt.row.outcome.filter((word) => word !== "ok" && word !== "error").join(", ").replaceAll("_", " ")],
    ["segment", attempt.segment > 1 ? String(attempt.segment) : ""],
    ["step", anchor(attempt.stepRef, attempt.step)],
  ]);
}

function chainOf(attempt, attempts) {
  const items = [];
  for (let at = attempt; at && items.length < 40; at = attempts[at.cause]) {
    const cause = attempts[at.cause];
    items.push(cause ? make("li", {}, at.event + " ← ", anchor(cause.ref, cause.execution)) : make("li", {}, at.event));
  }
  return make("ol", { class: "chain" }, ...items);
}

function siblingOf(each, attempt) {
  const name = "attempt " + each.number;
  const after = each.delay === null ? "" : `, then a wait of ${spell(each.delay)}`;
  const sign = each.row.kind === "error" ? "✗" : "✓";
  return make("li", {}, each === attempt ? make("b", {}, name) : anchor(each.ref, name), ` · ${sign} · ${spell(each.row.took)}${after}`);
}

function idsOf(run, attempt) {
  const list = facts([["execution", attempt.execution], ["trace", attempt.trace], ["span", attempt.span]]);
  const fill = (pattern) => pattern.replaceAll("{trace_id}", encodeURIComponent(attempt.trace)).replaceAll("{span_id}", encodeURIComponent(attempt.span));
  const links = run.pages.map(([name, , pattern]) => make("a", { href: fill(pattern), rel: "noreferrer" }, name + " ↗"));
  if (!links.length) return list;
  const words = make("p", {}, "open in ");
  links.forEach((each, index) => words.append(index ? " · " : "", each));
  return make("div", {}, list, words);
}
