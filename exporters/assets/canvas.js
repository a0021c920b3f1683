// The timeline of a large run: what is in view is drawn on a canvas, one mark for all that falls on one pixel.

const LANE = 20, BAR = 15, TOP = 22, PATH = 22, GAP = 8, DEPTH = 30;
const COLORS = ["paper", "ink", "soft", "rule", "tick", "run", "run-line", "run-ink", "bad", "bad-ground", "bad-ink",
  "human", "human-line", "human-ink", "hatch", "crit", "select", "panel", "depth"];

function laneOf(columns, raw, attempts) {
  const [kinds, starts, lengths, moves, texts] = columns;
  const lane = { kinds: kinds.map((kind) => raw.bars[kind]), attempts: [], texts, starts: new Float64Array(kinds.length), ends: new Float64Array(kinds.length) };
  let [at, last] = [0, 0];
  kinds.forEach((_, index) => {
    last += moves[index];
    const attempt = attempts[last] || null;
    lane.attempts.push(attempt);
    if (texts[index] < 0 && attempt) {
      lane.starts[index] = attempt.row.at;
      lane.ends[index] = attempt.row.at + attempt.row.took;
    } else {
      at += starts[index];
      lane.starts[index] = at / 1000;
      lane.ends[index] = (at + lengths[index]) / 1000;
    }
  });
  lane.failed = Array.from(lane.starts.keys()).filter((index) => lane.kinds[index] === "failed");
  lane.lit = [];
  return lane;
}

// The first of some numbers for which a test holds that holds for all after it.
function lowest(low, high, test) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function firstFrom(sorted, value) { return lowest(0, sorted.length, (at) => sorted[at] >= value); }

function largeTimeline(run, raw, attempts, root) {
  const rows = raw.lanes.map((row) => ({ ...row, lanes: row.lanes.map((lane) => laneOf(lane, raw, attempts)), queue: queueOf(row, attempts) }));
  const path = raw.path.map(([kind, start, length, attempt, text]) => ({ kind, start: start / 1000, end: (start + length) / 1000, attempt: attempts[attempt], text: raw.texts[text] }));
  let top = TOP + PATH + GAP;
  for (const row of rows) {
    row.top = top;
    top += row.lanes.length * LANE + (row.queue.peak ? DEPTH + 4 : 0) + GAP;
  }
  const canvas = make("canvas", {
    tabindex: "0", role: "img",
    "aria-label": root.querySelector(".plot").getAttribute("aria-label") + " Arrow keys move it, plus and minus zoom, 0 shows all; the log below says the same in words.",
  });
  const box = make("div", { class: "timeline drawn", style: `height:${top}px` }, make("div", { class: "names" }, ...namesOf(run, rows)), canvas);
  root.querySelector(".timeline").before(toolsOf(), box);
  const view = { from: 0, to: 1, lit: null, chosen: [], asked: false };
  const colors = {};
  const pen = canvas.getContext("2d");

  function toolsOf() {
    const button = (text, label, act) => {
      const made = make("button", { type: "button", "aria-label": label }, text);
      made.addEventListener("click", act);
      return made;
    };
    return make("div", { class: "moves" }, button("−", "zoom out", () => zoomTo(1.6)), button("+", "zoom in", () => zoomTo(0.625)),
      button("all", "show the whole time", () => look(0, 1)), make("small", {}, "drag to move, Ctrl and wheel to zoom"));
  }

  function look(from, to) {
    const width = Math.min(1, Math.max(to - from, 1e-7));
    view.from = Math.min(Math.max(0, from), 1 - width);
    view.to = view.from + width;
    ask();
  }

  function zoomTo(by, around = (view.from + view.to) / 2) { look(around - (around - view.from) * by, around + (view.to - around) * by); }
  function move(part) { look(view.from + part * (view.to - view.from), view.to + part * (view.to - view.from)); }

  function ask() {
    if (view.asked) return;
    view.asked = true;
    requestAnimationFrame(() => { view.asked = false; draw(); });
  }

  function layOut() {
    const style = getComputedStyle(document.documentElement);
    for (const name of COLORS) colors[name] = style.getPropertyValue("--" + name).trim();
    const scale = devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(top * scale);
    canvas.style.height = top + "px";
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    draw();
  }

  // ---- drawing -----------------------------------------------------------------------------------------------------

  function draw() {
    const width = canvas.clientWidth;
    if (!width) return;
    const frame = { width, marks: 0, chosen: [], texts: [], outlines: [], batches: new Map(), from: timeOf(run, view.from), to: timeOf(run, view.to), x: (ms) => ((placeOf(run, ms) - view.from) / (view.to - view.from)) * width };
    pen.fillStyle = colors.paper;
    pen.fillRect(0, 0, width, top);
    pen.font = '11.5px system-ui,"Segoe UI","Helvetica Neue",Arial,sans-serif';
    drawAxis(frame);
    for (const part of path) drawPath(frame, part);
    for (const row of rows) {
      pen.fillStyle = colors.rule;
      pen.fillRect(0, row.top - GAP / 2, width, 1);
      row.lanes.forEach((lane, index) => drawLane(frame, lane, row.top + index * LANE));
      if (row.queue.peak) drawQueue(frame, row.queue, row.top + row.lanes.length * LANE);
    }
    flush(frame);
    canvas.dataset.marks = frame.marks;
  }

  function drawAxis(frame) {
    for (const [start, stop] of state.even ? [] : run.breaks) {
      const [x0, x1] = [frame.x(start), frame.x(stop)];
      if (x1 < 0 || x0 > frame.width) continue;
      pen.fillStyle = colors.panel;
      pen.fillRect(x0, 0, x1 - x0, top);
      write(`… ${spell(stop - start)} idle …`, (x0 + x1) / 2, 12, "soft", "center");
    }
    const scale = (view.to - view.from) * straight();
    const step = STEPS.find((each) => each / scale >= 100 / frame.width) || STEPS.at(-1);
    let used = -9;
    for (let at = Math.ceil(frame.from / step) * step; at <= frame.to; at += step) {
      if (!state.even && run.breaks.some(([start, stop]) => start < at && at < stop)) continue;
      const x = frame.x(at);
      if (x < used) continue;
      used = x + 90;
      pen.fillStyle = colors.tick;
      pen.fillRect(x, 16, 1, top);
      write(duration(at, step), x + 3, 12, "soft");
    }
  }

  // How many milliseconds the whole width would hold at the scale outside the breaks.
  function straight() {
    if (state.even || !run.breaks.length) return run.ms;
    const broken = run.breaks.reduce((sum, [start, stop]) => sum + stop - start, 0);
    const short = run.breaks.reduce((sum, [start, stop]) => sum + placeOf(run, stop) - placeOf(run, start), 0);
    return Math.max((run.ms - broken) / Math.max(1 - short, 0.05), 1e-6);
  }

  function write(text, x, y, color, align = "left") {
    pen.fillStyle = colors[color];
    pen.textAlign = align;
    pen.fillText(text, x, y);
  }

  function drawPath(frame, part) {
    if (part.end < frame.from || part.start > frame.to) return;
    const x = frame.x(part.start);
    const long = Math.max(1, frame.x(part.end) - x);
    if (part.kind === "run" || long < 3) { pen.fillStyle = colors.crit; pen.fillRect(x, TOP + 4, long, 9); }
    else outline(x, TOP + 4.5, long, 8, "crit", part.kind === "back-off" ? [1.5, 2.5] : [3, 2]);
    frame.marks += 1;
  }

  function outline(x, y, width, height, color, dashes = [], line = 1) {
    pen.strokeStyle = colors[color];
    pen.lineWidth = line;
    pen.setLineDash(dashes);
    pen.strokeRect(x, y, Math.max(width, 1), height);
    pen.setLineDash([]);
  }

  // What falls on one pixel is drawn once; above it what was searched for, what failed and what is selected.
  function drawLane(frame, lane, y) {
    const dim = view.lit !== null;
    sweep(frame, lane.starts.length, lane, (at) => at, y, !dim);
    if (dim) sweep(frame, lane.lit.length, lane, (at) => lane.lit[at], y, true);
    sweep(frame, lane.failed.length, lane, (at) => lane.failed[at], y, !dim);
    const mine = chosenIn(lane);
    sweep(frame, mine.length, lane, (at) => mine[at], y, true);
  }

  function sweep(frame, count, lane, index, y, lit) {
    const span = (view.to - view.from) / frame.width;
    let at = lowest(0, count, (each) => lane.ends[index(each)] >= frame.from);
    while (at < count) {
      const bar = index(at);
      if (lane.starts[bar] > frame.to) return;
      const x = frame.x(lane.starts[bar]);
      const long = Math.max(1, frame.x(lane.ends[bar]) - x);
      drawBar(frame, lane, bar, [x, long, y], lit);
      frame.marks += 1;
      at += 1;
      if (long > 1) continue;
      const next = timeOf(run, view.from + (Math.floor(x) + 1) * span);
      at = lowest(at, count, (each) => lane.ends[index(each)] >= next);
    }
  }

  function chosenIn(lane) { return view.chosen.filter(([of]) => of === lane).map(([, at]) => at); }

  const GROUNDS = { failed: ["bad-ground", "bad", 2], human: ["human", "human-line", 1], wait: ["human", "human-line", 1] };

  function drawBar(frame, lane, at, [x, long, y], lit) {
    const kind = lane.kinds[at];
    if (kind === "join") put(frame, lit, 0, "soft", [x, y + BAR / 2 - 1, long, 3]);
    else if (kind === "back-off" || kind === "cancelled") frame.outlines.push([lit, x, y, long, kind]);
    else {
      const [ground, line, edge] = GROUNDS[kind] || ["run", "run-line", 1];
      const wide = long >= 3 + edge;
      put(frame, lit, kind === "failed" ? 2 : 0, wide || kind !== "run" ? line : ground, [x, y, long, BAR]);
      if (wide) put(frame, lit, kind === "failed" ? 3 : 1, ground, [x + edge, y + edge, long - 2 * edge, BAR - 2 * edge]);
    }
    const attempt = lane.attempts[at];
    if (attempt !== null && isSelected(attempt.ref)) frame.chosen.push([x, y, long]);
    if (long > 16 && kind !== "join") frame.texts.push([lit, lane, at, x, long, y]);
  }

  // Rectangles wait for one another, so that each colour is set once a frame.
  function put(frame, lit, layer, color, rect) {
    const key = `${layer}${lit ? 1 : 0}${color}`;
    let batch = frame.batches.get(key);
    if (!batch) frame.batches.set(key, (batch = { layer, lit, color, rects: [] }));
    batch.rects.push(rect);
  }

  function flush(frame) {
    for (const { lit, color, rects } of [...frame.batches.values()].sort((a, b) => a.layer - b.layer)) {
      pen.globalAlpha = lit ? 1 : 0.25;
      pen.fillStyle = colors[color];
      for (const [x, y, width, height] of rects) pen.fillRect(x, y, width, height);
    }
    for (const [lit, x, y, long, kind] of frame.outlines) {
      pen.globalAlpha = lit ? 1 : 0.25;
      outline(x, y + 0.5, long, BAR - 1, kind === "cancelled" ? "soft" : "bad", kind === "cancelled" ? [8, 3] : [1.5, 2.5]);
    }
    for (const each of frame.texts) drawText(frame, ...each);
    pen.globalAlpha = 1;
    for (const [x, y, long] of frame.chosen) outline(x - 2.5, y - 2.5, long + 5, BAR + 5, "select", [], 2.5);
  }

  function drawText(frame, lit, lane, at, x, long, y) {
    const kind = lane.kinds[at];
    const text = lane.texts[at] >= 0 ? raw.texts[lane.texts[at]] : numbered(lane.attempts[at], kind);
    const from = Math.max(x, 0);
    if (Math.min(x + long, frame.width) - from < text.length * 6.4 + 8) return;
    pen.globalAlpha = lit ? 1 : 0.25;
    write(text, from + 5, y + 11.5, { run: "run-ink", failed: "bad-ink", human: "human-ink", wait: "human-ink" }[kind] || "ink");
  }

  function numbered(attempt, kind) {
    const number = attempt.execution.slice(attempt.execution.lastIndexOf("#") + 1);
    return `#${number}${attempt.number > 1 ? " ↻" : ""}${kind === "failed" ? " ✗" : ""}`;
  }

  function drawQueue(frame, queue, y) {
    pen.fillStyle = colors.depth;
    let most = 0;
    for (let x = 0; x < frame.width; x += 1) {
      const time = timeOf(run, view.from + ((x + 0.5) / frame.width) * (view.to - view.from));
      const depth = firstFrom(queue.starts, time) - firstFrom(queue.ends, time);
      most = Math.max(most, depth);
      const high = (depth / queue.peak) * DEPTH;
      pen.fillRect(x, y + DEPTH - high, 1, high);
    }
    if (most) write(`up to ${grouped(most)} queued`, 5, y + DEPTH - 4, "soft");
  }

  // ---- pointing ----------------------------------------------------------------------------------------------------

  function at(event) {
    const frame = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
    const part = view.from + (x / frame.width) * (view.to - view.from);
    return { part, y, time: timeOf(run, part), slack: (timeOf(run, part + (3 / frame.width) * (view.to - view.from)) - timeOf(run, part)) };
  }

  function picked(event) {
    const { y, time, slack } = at(event);
    if (y >= TOP && y < TOP + PATH) return path.find((each) => each.start <= time && time <= each.end);
    const row = rows.find((each) => y >= each.top && y < each.top + each.lanes.length * LANE);
    const lane = row?.lanes[Math.floor((y - row.top) / LANE)];
    if (!lane) return null;
    let best = null;
    for (let index = firstFrom(lane.ends, time - slack); index < lane.starts.length && lane.starts[index] <= time + slack; index += 1) {
      const bar = { attempt: lane.attempts[index], text: lane.texts[index] >= 0 ? raw.texts[lane.texts[index]] : "", failed: lane.kinds[index] === "failed" };
      if (!best || bar.failed) best = bar;
      if (best.failed) break;
    }
    return best;
  }

  function dragged(down) {
    const start = { x: down.clientX, from: view.from, to: view.to };
    let far = false;
    const onMove = (event) => {
      const by = ((start.x - event.clientX) / canvas.clientWidth) * (start.to - start.from);
      far ||= Math.abs(event.clientX - start.x) > 3;
      if (far) look(start.from + by, start.to + by);
    };
    canvas.setPointerCapture(down.pointerId);
    canvas.addEventListener("pointermove", onMove);
    canvas.addEventListener("pointerup", (event) => {
      canvas.removeEventListener("pointermove", onMove);
      const bar = far ? null : picked(event);
      if (bar?.attempt) select(bar.attempt.ref);
    }, { once: true });
  }

  canvas.addEventListener("pointerdown", dragged);
  canvas.addEventListener("pointermove", (event) => {
    const bar = event.buttons ? null : picked(event);
    canvas.title = !bar ? "" : bar.text || bar.attempt?.row.text() || "";
    canvas.style.cursor = bar?.attempt ? "pointer" : "grab";
  });
  canvas.addEventListener("wheel", (event) => {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey) zoomTo(event.deltaY > 0 ? 1.25 : 0.8, at(event).part);
    else if (Math.abs(sideways) > Math.abs(event.deltaY) / 2) move(sideways / canvas.clientWidth);
    else return;
    event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const keys = { ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), "+": () => zoomTo(0.625), "-": () => zoomTo(1.6), 0: () => look(0, 1) };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", layOut);

  function reveal(attempt) {
    const [from, to] = [placeOf(run, attempt.row.at), placeOf(run, attempt.row.at + attempt.row.took)];
    const middle = (from + to) / 2;
    const half = (view.to - view.from) / 2;
    if (to < view.from || from > view.to) look(middle - half, middle + half);
    else ask();
  }

  const lanes = rows.flatMap((row) => row.lanes);

  function paint(lit) {
    view.lit = lit;
    view.chosen = [];
    for (const lane of lanes) {
      lane.lit = [];
      lane.attempts.forEach((attempt, at) => {
        if (attempt && lit && lit(attempt)) lane.lit.push(at);
        if (attempt && attempt.ref === state.ref) view.chosen.push([lane, at]);
      });
    }
    ask();
  }

  return { layOut, reveal, paint };
}

function queueOf(row, attempts) {
  const mine = row.step < 0 ? [] : attempts.filter((each) => each.place === row.step && each.queued >= 1);
  const starts = Float64Array.from(mine, (each) => each.row.at - each.queued).sort();
  const ends = Float64Array.from(mine, (each) => each.row.at).sort();
  let peak = 0;
  starts.forEach((start, index) => { peak = Math.max(peak, index + 1 - firstFrom(ends, start)); });
  return { starts, ends, peak };
}

function namesOf(run, rows) {
  const name = (top, css, ...children) => make("div", { class: css, style: `top:${top}px` }, ...children);
  const ref = run.ref + ".critical-path";
  return [name(TOP, "path-name", anchor(ref, "critical path")), ...rows.map((row) => {
    const stepRef = run.nodes["step:" + row.name];
    const text = row.human ? "☺ human" : row.name;
    const made = name(row.top - 2, "", stepRef && !row.human ? anchor(stepRef, text) : text, row.more > 0 ? make("small", {}, ` +${row.more}`) : "");
    made.title = row.name;
    return made;
  })];
}
