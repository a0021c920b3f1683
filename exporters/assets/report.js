"use strict";
// The page is complete without this script. It adds one selection that graph, timeline, log and cards share, search,
// keys, and the even time axis. Everything is found by the anchors that the server wrote; text is only set as text.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byRef = new Map(data.runs.map((run) => [run.ref, run]));
  const all = (root, query) => Array.from(root.querySelectorAll(query));
  const sections = new Map(all(document, "section.run").map((each) => [each.dataset.run, each]));
  const state = { run: data.runs[0], ref: "", critical: false, even: false };
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const section = () => sections.get(state.run.ref);

  function edgeKey(source, target) {
    return source + "\n" + target;
  }

  function prepare(run) {
    run.criticalKeys = new Set(run.critical.map(([source, target]) => edgeKey(source, target)));
    run.criticalNodes = new Set(run.critical.flat());
    run.nodeOf = new Map(Object.entries(run.nodes).map(([node, ref]) => [ref, node]));
    const root = sections.get(run.ref);
    run.nodeEls = all(root, ".picture [data-id]");
    run.edgeEls = all(root, ".picture [data-source][data-target]");
    run.barEls = all(root, ".plot a[data-ref]");
    run.rowEls = all(root, ".events .log tbody tr");
    run.tickHtml = root.querySelector(".grid").cloneNode(true);
    all(root, "[hidden].tools").forEach((each) => { each.hidden = false; });
    for (const node of run.nodeEls) {
      if (!run.nodes[node.dataset.id]) continue;
      node.style.cursor = "pointer";
      node.addEventListener("click", (event) => { event.preventDefault(); select(run.nodes[node.dataset.id]); });
    }
  }

  // ---- selection -------------------------------------------------------------------------------------------------

  function select(ref, keepHash) {
    const run = byRef.get(ref.split(".")[0]) || state.run;
    const moved = run !== state.run;
    state.run = run;
    state.ref = document.getElementById(ref) ? ref : run.ref;
    if (!keepHash && location.hash.slice(1) !== state.ref) history.replaceState(null, "", "#" + state.ref);
    sections.forEach((each, key) => each.classList.toggle("on", key === run.ref));
    all(document, ".picker a").forEach((each) => each.setAttribute("aria-current", each.dataset.run === run.ref));
    all(section(), ".card").forEach((each) => each.classList.toggle("on", each.id === state.ref));
    const pane = section().querySelector(".cards");
    pane.scrollTop = 0;
    if (moved) place();
    paint();
    reveal();
  }

  function selectedNodes(run) {
    const node = run.nodeOf.get(state.ref) || run.nodeOf.get(run.steps[state.ref]);
    return new Set(node ? [node] : []);
  }

  function matchesSelection(ref) {
    return ref && (ref === state.ref || state.run.steps[ref] === state.ref);
  }

  function paint() {
    const run = state.run;
    const nodes = selectedNodes(run);
    const edges = new Set((run.edges[state.ref] || []).map(([source, target]) => edgeKey(source, target)));
    const dimmed = state.critical || edges.size > 0;
    const litNodes = new Set(nodes);
    edges.forEach((key) => key.split("\n").forEach((node) => litNodes.add(node)));
    for (const each of run.nodeEls) {
      const id = each.dataset.id;
      each.classList.toggle("sel-node", nodes.has(id));
      each.classList.toggle("dim", dimmed && !(state.critical ? run.criticalNodes.has(id) : litNodes.has(id)));
    }
    for (const each of run.edgeEls) {
      const key = edgeKey(each.dataset.source, each.dataset.target);
      each.classList.toggle("dim", dimmed && !(state.critical ? run.criticalKeys : edges).has(key));
    }
    for (const each of all(section(), ".picture .labels")) each.classList.toggle("dim", dimmed && !state.critical);
    const found = search(run);
    run.rowEls.forEach((row, index) => {
      row.hidden = !found.rows[index];
      row.classList.toggle("sel", Boolean(matchesSelection(row.dataset.ref)));
    });
    for (const bar of run.barEls) {
      bar.classList.toggle("sel", Boolean(matchesSelection(bar.dataset.ref)));
      const off = state.critical ? !bar.classList.contains("critical") : found.active && !found.refs.has(bar.dataset.ref);
      bar.classList.toggle("dim", off);
    }
    section().querySelector("output").textContent = found.active ? found.count + " of " + run.rowEls.length : "";
    section().querySelector("[data-do=critical]").setAttribute("aria-pressed", state.critical);
  }

  function reveal() {
    const row = state.run.rowEls.find((each) => !each.hidden && each.classList.contains("sel"));
    const bar = state.run.barEls.find((each) => each.classList.contains("sel"));
    const how = { block: "nearest", inline: "nearest", behavior: calm.matches ? "auto" : "smooth" };
    const wide = matchMedia("(min-width:1200px)").matches;
    if (row && wide) row.scrollIntoView(how);
    if (bar && wide) bar.scrollIntoView(how);
  }

  // ---- search ----------------------------------------------------------------------------------------------------

  const UNITS = { us: 0.001, "µs": 0.001, ms: 1, s: 1000, min: 60000, h: 3600000 };

  function term(word) {
    const duration = /^dur([<>]=?)([\d.]+)(us|µs|ms|s|min|h)?$/.exec(word);
    if (duration) {
      const limit = Number(duration[2]) * UNITS[duration[3] || "ms"];
      const more = duration[1][0] === ">";
      return (facets) => facets[4] !== null && (more ? facets[4] >= limit : facets[4] <= limit);
    }
    const named = /^(step|status|event):(.+)$/.exec(word);
    if (!named) return (facets, text) => text.includes(word);
    const want = named[2];
    if (named[1] === "step") return (facets) => facets[1].toLowerCase() === want;
    if (named[1] === "status") return (facets) => facets[2].split(" ").includes(want);
    return (facets) => facets[3].some((kind) => kind.toLowerCase() === want);
  }

  function search(run) {
    const words = section().querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
    const terms = words.map(term);
    const rows = run.rowEls.map((row, index) => {
      if (!terms.length) return true;
      const text = row.textContent.toLowerCase();
      return terms.every((test) => test(run.log[index], text));
    });
    const refs = new Set(run.log.filter((_, index) => rows[index]).map((facets) => facets[0]));
    return { active: terms.length > 0, rows, refs, count: rows.filter(Boolean).length };
  }

  // ---- time axis -------------------------------------------------------------------------------------------------

  function placeOf(run, ms) {
    if (state.even) return run.ms ? ms / run.ms : 0;
    const points = run.axis;
    let at = 1;
    while (at < points.length - 1 && points[at][0] < ms) at += 1;
    const [t0, x0] = points[at - 1];
    const [t1, x1] = points[at];
    return t1 > t0 ? Math.min(1, Math.max(0, x0 + ((x1 - x0) * (ms - t0)) / (t1 - t0))) : x0;
  }

  const percent = (part) => (part * 100).toFixed(3) + "%";

  function place() {
    const run = state.run;
    const root = section();
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
    for (const bars of lanes.values()) {
      let used = 0;
      bars.forEach((bar, index) => { used = label(run, bar, used, bars[index + 1], width); });
    }
    axis(run, root);
    root.querySelector("[data-do=axis]").setAttribute("aria-pressed", !state.even);
    root.querySelector("[data-do=axis]").hidden = !run.breaks.length;
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

  function axis(run, root) {
    const grid = root.querySelector(".grid");
    root.querySelector(".breaks").style.display = state.even ? "none" : "";
    if (!state.even) { grid.replaceChildren(...run.tickHtml.cloneNode(true).childNodes); return; }
    const height = root.querySelector(".plot").getAttribute("height");
    const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400]
      .flatMap((base) => [base / 1000, base, base * 1000]).sort((a, b) => a - b)
      .find((each) => each / run.ms >= 0.1) || run.ms;
    const parts = [];
    for (let time = 0; time <= run.ms; time += step) parts.push(...tick(time, time / run.ms, height));
    grid.replaceChildren(...parts);
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

  function duration(ms) {
    const unit = ms >= 3600000 ? "h" : ms >= 60000 ? "min" : ms >= 1000 ? "s" : "ms";
    return Number((ms / UNITS[unit]).toPrecision(4)) + " " + unit;
  }

  // ---- keys and clicks -------------------------------------------------------------------------------------------

  function step(list, forward) {
    if (!list.length) return;
    const at = list.indexOf(state.ref);
    const next = at < 0 ? (forward ? 0 : list.length - 1) : (at + (forward ? 1 : -1) + list.length) % list.length;
    select(list[next]);
  }

  function visible() {
    const found = search(state.run);
    return found.active ? state.run.order.filter((ref) => found.refs.has(ref)) : state.run.order;
  }

  const actions = {
    "/": () => section().querySelector("input").focus(),
    j: () => step(visible(), true),
    k: () => step(visible(), false),
    e: () => step(state.run.errors, true),
    E: () => step(state.run.errors, false),
    c: () => { state.critical = !state.critical; select(state.critical ? state.run.ref + ".critical-path" : state.run.ref); },
    b: () => { state.even = !state.even; place(); paint(); },
    "]": () => other(1),
    "[": () => other(-1),
    "+": () => zoom(1.25),
    "-": () => zoom(0.8),
    0: () => zoom(0),
    "?": () => document.querySelector("dialog").showModal(),
    Escape: () => clear(),
  };

  function other(by) {
    const at = data.runs.indexOf(state.run) + by;
    if (data.runs[at]) select(data.runs[at].ref);
  }

  function zoom(by) {
    const picture = section().querySelector(".picture");
    const svg = picture.querySelector("svg");
    const width = svg.getBoundingClientRect().width * by;
    picture.classList.toggle("zoomed", by !== 0);
    svg.style.width = by ? Math.min(6000, Math.max(150, width)) + "px" : "";
  }

  function clear() {
    section().querySelector("input").value = "";
    state.critical = false;
    document.activeElement.blur();
    select(state.run.ref);
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog").open) return;
    const typing = event.target.matches("input");
    if (typing && event.key !== "Escape") return;
    const action = actions[event.key];
    if (action) { event.preventDefault(); action(); }
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    const names = { critical: "c", axis: "b", error: "e", help: "?" };
    if (button) { actions[names[button.dataset.do]](); return; }
    const link = event.target.closest("a[href^='#']");
    const row = event.target.closest(".events tr[data-ref]");
    const ref = link ? link.getAttribute("href").slice(1) : row ? row.dataset.ref : "";
    if (ref) { event.preventDefault(); select(ref); }
  });

  document.addEventListener("input", (event) => { if (event.target.matches("input[type=search]")) paint(); });
  function address() {
    try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
  }

  addEventListener("hashchange", () => select(address(), true));
  addEventListener("resize", () => place());

  data.runs.forEach(prepare);
  document.documentElement.classList.add("js");
  select(address() || data.runs[0].ref, true);
  place();
})();
