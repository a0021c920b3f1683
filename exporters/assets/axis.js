// Times to places and back, and the bars of a written timeline on a broken or an even axis.

const STEPS = [
  ...[0.001, 0.01, 0.1, 1, 10, 100].flatMap((power) => [power, 2 * power, 5 * power]),
  ...[1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600].map((seconds) => seconds * 1000),
  ...[1, 2, 5, 10, 20, 50, 100, 365].map((days) => days * 86400000),
];

function segmentAt(points, column, value) {
  let low = 1;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][column] < value) low = middle + 1;
    else high = middle;
  }
  return [points[low - 1], points[low]];
}

function placeOf(run, ms) {
  if (state.even) return run.ms ? ms / run.ms : 0;
  const [[t0, x0], [t1, x1]] = segmentAt(run.axis, 0, ms);
  return t1 > t0 ? Math.min(1, Math.max(0, x0 + ((x1 - x0) * (ms - t0)) / (t1 - t0))) : x0;
}

function timeOf(run, part) {
  if (state.even) return part * run.ms;
  const [[t0, x0], [t1, x1]] = segmentAt(run.axis, 1, part);
  return x1 > x0 ? t0 + ((t1 - t0) * (part - x0)) / (x1 - x0) : t0;
}

const percent = (part) => (part * 100).toFixed(3) + "%";

function duration(ms, step) {
  const size = Math.abs(ms);
  const unit = size >= 3600000 ? "h" : size >= 60000 ? "min" : size >= 1000 ? "s" : size >= 0.05 || !size ? "ms" : "µs";
  const value = ms / UNITS[unit];
  if (step === undefined) return Number(value.toPrecision(value >= 100 ? 4 : 3)) + "\u00a0" + unit;
  return Number(value.toFixed(Math.max(0, Math.ceil(-Math.log10(step / UNITS[unit]) - 1e-9) + 1))) + "\u00a0" + unit;
}

// A time since the start as the log writes it.
function clock(run, ms) {
  if (run.clock === "time, ms") return ms.toFixed(1);
  if (run.clock === "time, s") return (ms / 1000).toFixed(3);
  const seconds = Math.floor(Math.abs(ms) / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const rest = String(Math.floor(Math.abs(ms) % 1000)).padStart(3, "0");
  return `${ms < 0 ? "−" : ""}${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}.${rest}`;
}

function place(run, root) {
  const width = root.querySelector(".plot").getBoundingClientRect().width;
  if (!width) return;
  for (const rect of all(root, ".plot rect[data-a]")) stretch(rect, rect.dataset, run);
  const lanes = new Map();
  for (const bar of run.barEls) {
    const rect = bar.querySelector("rect");
    stretch(rect, bar.dataset, run);
    const lane = rect.getAttribute("y");
    if (!lanes.has(lane)) lanes.set(lane, []);
    lanes.get(lane).push(bar);
  }
  for (const text of all(root, ".plot text[data-a]")) text.setAttribute("x", percent(placeOf(run, Number(text.dataset.a))));
  for (const line of all(root, ".plot line[data-x]")) {
    for (const end of ["x1", "x2"]) line.setAttribute(end, percent(placeOf(run, Number(line.dataset.x))));
  }
  for (const bars of lanes.values()) {
    let used = 0;
    bars.forEach((bar, index) => { used = label(run, bar, used, bars[index + 1], width); });
  }
  grid(run, root, width);
}

function stretch(rect, times, run) {
  const start = placeOf(run, Number(times.a));
  rect.setAttribute("x", percent(start));
  rect.setAttribute("width", percent(Math.max(placeOf(run, Number(times.b)) - start, 0.003)));
}

// Write a bar's text where there is room for it, and say where in the lane the next text may begin.
function label(run, bar, left, after, width) {
  const text = bar.querySelector("text");
  const whole = text.dataset.text;
  const start = placeOf(run, Number(bar.dataset.a));
  const stop = placeOf(run, Number(bar.dataset.b));
  const right = after ? placeOf(run, Number(after.dataset.a)) : 1;
  const long = whole.length * 6.4 + 10;
  const fits = Math.floor(((stop - start) * width - 10) / 6.4);
  let [where, at, shift, shown] = ["none", start, 5, ""];
  if (long <= (stop - start) * width) [where, shown] = ["in", whole];
  else if (long <= (right - stop) * width) [where, at, shown] = ["right", stop, whole];
  else if (long <= (start - left) * width) [where, shift, shown] = ["left", -5, whole];
  else if (fits > 3) [where, shown] = ["in", whole.slice(0, fits - 1) + "…"];
  if (where === "in" && bar.classList.contains("join")) where = "above";
  text.setAttribute("class", where);
  text.setAttribute("x", percent(at));
  text.setAttribute("dx", shift);
  text.textContent = shown;
  return stop + (where === "right" ? long / width : 0);
}

function grid(run, root, width) {
  const lines = root.querySelector(".grid");
  root.querySelector(".breaks").style.display = state.even ? "none" : "";
  if (state.even) {
    const height = root.querySelector(".plot").getAttribute("height");
    const step = STEPS.find((each) => each / run.ms >= 0.11) || run.ms;
    const parts = [];
    for (let time = 0; time <= run.ms; time += step) parts.push(...tick(time, time / run.ms, height));
    lines.replaceChildren(...parts);
  } else lines.replaceChildren(...run.tickHtml.cloneNode(true).childNodes);
  thin(all(lines, "text"), state.even ? [] : all(root, ".breaks text"), width);
}

// Take away times until those that are left touch neither one another, nor a break's text, nor the edge.
function thin(texts, breaks, width) {
  const last = texts.at(-1);
  if (last && extent(last, width)[1] > width) {
    last.setAttribute("text-anchor", "end");
    last.setAttribute("dx", "-2");
  }
  const taken = breaks.map((each) => extent(each, width));
  const clear = texts.filter((text) => {
    const [left, right] = extent(text, width);
    const free = !taken.some(([from, to]) => left < to && from < right);
    if (!free) text.remove();
    return free;
  });
  const fits = (stride) => clear.filter((_, index) => index % stride === 0)
    .every((text, index, kept) => !index || extent(kept[index - 1], width)[1] + 6 < extent(text, width)[0]);
  const stride = [1, 2, 4, 5, 10].find(fits) || clear.length;
  clear.forEach((text, index) => { if (index % stride) text.remove(); });
}

function extent(text, width) {
  const x = (parseFloat(text.getAttribute("x")) / 100) * width + Number(text.getAttribute("dx") || 0);
  const long = text.textContent.length * 6.4;
  const back = { end: long, middle: long / 2 }[text.getAttribute("text-anchor")] || 0;
  return [x - back, x - back + long];
}

function tick(time, part, height) {
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  const text = document.createElementNS("http://www.w3.org/2000/svg", "text");
  const sizes = { class: "tick", x1: percent(part), x2: percent(part), y1: 16, y2: height };
  for (const [name, value] of Object.entries(sizes)) line.setAttribute(name, value);
  const end = part > 0.93;
  const places = { class: "tick", x: percent(part), dx: end ? -2 : 3, y: 12, "text-anchor": end ? "end" : "start" };
  for (const [name, value] of Object.entries(places)) text.setAttribute(name, value);
  text.textContent = duration(time);
  return [line, text];
}
