// The page is complete without scripts. These add one selection that graph, timeline, log and cards share, search,
// keys, and the even time axis. Everything is found by the anchors that the page was written with; text is only ever
// set as text.

const data = JSON.parse(document.getElementById("data").textContent);
const byRef = new Map(data.runs.map((run) => [run.ref, run]));
const sections = new Map(all(document, "section.run").map((each) => [each.dataset.run, each]));
const state = { run: data.runs[0], ref: "", critical: false, even: false };
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function all(root, query) { return Array.from(root.querySelectorAll(query)); }
function section() { return sections.get(state.run.ref); }
function field() { return section().querySelector("input[type=search]"); }
function edgeKey(source, target) { return source + "\n" + target; }

function grouped(number) { return String(number).replace(/\B(?=(\d{3})+$)/g, "\u00a0"); }

function prepare(run) {
  run.criticalKeys = new Set([...run.critical, ...passed(run.critical)].map(([source, target]) => edgeKey(source, target)));
  run.criticalNodes = new Set(run.critical.flat());
  run.nodeOf = new Map(Object.entries(run.nodes).map(([node, ref]) => [ref, node]));
  const root = sections.get(run.ref);
  run.nodeEls = all(root, ".picture [data-id]");
  run.edgeEls = all(root, ".picture [data-source][data-target]");
  run.barEls = all(root, ".plot a[data-ref]");
  run.rowEls = all(root, ".events .log tbody tr");
  run.rows = run.log.map((facets, index) => rowOf(facets, run.rowEls[index]));
  run.tickHtml = root.querySelector(".grid").cloneNode(true);
  for (const each of all(root, "[hidden].tools")) each.hidden = false;
  const button = root.querySelector("[data-do=axis]");
  button.hidden = !run.breaks.length;
  for (const node of run.nodeEls) {
    if (!run.nodes[node.dataset.id]) continue;
    node.style.cursor = "pointer";
    node.addEventListener("click", (event) => { event.preventDefault(); select(run.nodes[node.dataset.id]); });
  }
}

// From maker to taker, for pictures of large flows, where events are written on the lines.
function passed(edges) {
  const takers = new Map();
  for (const [source, target] of edges) takers.set(source, [...(takers.get(source) || []), target]);
  return edges.flatMap(([source, event]) => (takers.get(event) || []).map((target) => [source, target]));
}

function rowOf([ref, step, outcome, kind, events, took, at, queued, attempt, worker], element) {
  const text = () => element.textContent;
  return { ref, step, outcome: outcomeWords(outcome), kind, events, took, at, queued, attempt, worker, text };
}

// ---- selection -----------------------------------------------------------------------------------------------------

function select(ref, keepHash) {
  const run = byRef.get(ref.split(".")[0]) || state.run;
  const moved = run !== state.run;
  state.run = run;
  if (moved) state.critical = false;
  const known = document.getElementById(ref)?.closest(".card") || run.figures?.card(ref, section());
  state.ref = known ? ref : run.ref;
  if (!keepHash && location.hash.slice(1) !== state.ref) remember(state.ref);
  sections.forEach((each, key) => each.classList.toggle("on", key === run.ref));
  for (const each of all(document, ".picker a")) each.setAttribute("aria-current", each.dataset.run === run.ref);
  for (const each of all(section(), ".card")) each.classList.toggle("on", each.id === state.ref);
  section().querySelector(".cards").scrollTop = 0;
  const title = section().querySelector(".card.on h3");
  section().querySelector(".spoken").textContent = title ? title.textContent : "";
  if (run.large) unfold(run);
  if (moved) layOut();
  paint();
  reveal();
}

function remember(ref) {
  try { history.replaceState(null, "", "#" + ref); } catch { /* a frame without an address of its own */ }
}

function selectedNodes(run) {
  const node = run.nodeOf.get(state.ref) || run.nodeOf.get(stepOf(run, state.ref));
  return new Set(node ? [node] : []);
}

function stepOf(run, ref) { return run.steps[ref] || run.figures?.stepOf(ref) || ""; }
function edgesOf(run, ref) { return run.edges[ref] || run.figures?.edgesOf(ref) || []; }
// The lines of what is selected; where its events have no nodes, those that touch its step.
function edgesDrawn(run, nodes) {
  const edges = edgesOf(run, state.ref);
  const drawn = run.edgeEls.map((each) => [each.dataset.source, each.dataset.target]);
  const known = new Set(drawn.map(([source, target]) => edgeKey(source, target)));
  const there = edges.filter(([source, target]) => known.has(edgeKey(source, target)));
  return there.length || !edges.length ? there : drawn.filter((ends) => ends.some((node) => nodes.has(node)));
}

function isSelected(ref) { return Boolean(ref) && (ref === state.ref || stepOf(state.run, ref) === state.ref); }

function paint() {
  const run = state.run;
  const found = search(run, field().value);
  paintGraph(run, found);
  if (run.figures) run.figures.paint(found);
  else paintWritten(run, found);
  const output = section().querySelector("output");
  const wrong = found.wrong.length > 0;
  output.textContent = wrong ? "not understood: " + found.wrong.join(" ") : found.active ? `${grouped(found.rows.length)} of ${grouped(run.rows.length)}` : "";
  output.classList.toggle("wrong", wrong);
  field().setAttribute("aria-invalid", wrong);
  section().querySelector("[data-do=critical]").setAttribute("aria-pressed", state.critical);
  section().querySelector("[data-do=axis]").setAttribute("aria-pressed", !state.even);
}

function paintGraph(run, found) {
  const nodes = selectedNodes(run);
  const edges = new Set(edgesDrawn(run, nodes).map(([source, target]) => edgeKey(source, target)));
  const lit = new Set(nodes);
  for (const key of edges) for (const node of key.split("\n")) lit.add(node);
  const hits = new Set(Array.from(found.steps, (step) => "step:" + step));
  const chosen = state.critical ? run.criticalNodes : edges.size ? lit : found.active ? hits : null;
  for (const each of run.nodeEls) {
    const id = each.dataset.id;
    each.classList.toggle("sel-node", nodes.has(id));
    if (nodes.has(id)) each.setAttribute("aria-current", "true");
    else each.removeAttribute("aria-current");
    each.classList.toggle("dim", chosen !== null && !chosen.has(id));
  }
  for (const each of run.edgeEls) {
    const key = edgeKey(each.dataset.source, each.dataset.target);
    const on = state.critical ? run.criticalKeys.has(key) : edges.size ? edges.has(key) : !found.active;
    each.classList.toggle("dim", !on);
  }
  for (const each of all(section(), ".picture .labels")) each.classList.toggle("dim", chosen !== null && !state.critical);
}

function paintWritten(run, found) {
  const left = new Set(found.rows);
  run.rowEls.forEach((row, index) => {
    row.hidden = !left.has(index);
    mark(row, isSelected(row.dataset.ref));
  });
  for (const bar of run.barEls) {
    mark(bar, isSelected(bar.dataset.ref));
    const off = state.critical ? !bar.classList.contains("critical") : found.active && !found.refs.has(bar.dataset.ref);
    bar.classList.toggle("dim", off);
  }
}

function mark(element, on) {
  element.classList.toggle("sel", on);
  if (on) element.setAttribute("aria-current", "true");
  else element.removeAttribute("aria-current");
}

function reveal() {
  const run = state.run;
  const wide = matchMedia("(min-width:1200px)").matches;
  const how = { block: "nearest", inline: "nearest", behavior: calm.matches ? "auto" : "smooth" };
  const node = run.nodeEls.find((each) => each.classList.contains("sel-node"));
  if (node && wide) node.scrollIntoView(how);
  if (run.figures) { run.figures.reveal(); return; }
  const row = run.rowEls.find((each) => !each.hidden && each.classList.contains("sel"));
  const bar = run.barEls.find((each) => each.classList.contains("sel"));
  if (row && wide) row.scrollIntoView(how);
  if (bar && wide) bar.scrollIntoView(how);
}

function layOut() {
  if (state.run.figures) state.run.figures.layOut();
  else if (!state.run.large) place(state.run, section());
}

// ---- keys and clicks -----------------------------------------------------------------------------------------------

function step(list, forward) {
  if (!list.length) return;
  const at = list.indexOf(state.ref);
  const next = at < 0 ? (forward ? 0 : list.length - 1) : (at + (forward ? 1 : -1) + list.length) % list.length;
  select(list[next]);
}

function order(errors) {
  const run = state.run;
  const refs = run.figures ? run.figures.order(errors) : errors ? run.errors : run.order;
  const found = search(run, field().value);
  return found.active ? refs.filter((ref) => found.refs.has(ref)) : refs;
}

const actions = {
  "/": () => field().focus(),
  j: () => step(order(false), true),
  k: () => step(order(false), false),
  e: () => step(order(true), true),
  E: () => step(order(true), false),
  c: () => { state.critical = !state.critical; select(state.critical ? state.run.ref + ".critical-path" : state.run.ref); },
  b: () => { if (state.run.breaks.length) { state.even = !state.even; layOut(); paint(); } },
  p: () => { if (state.run.parent) select(state.run.parent); },
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
  field().value = "";
  state.critical = false;
  document.activeElement.blur();
  select(state.run.ref);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog").open) return;
  const typing = event.target.matches("input");
  if (typing && event.key === "Enter") { step(order(false), true); return; }
  if ((typing && event.key !== "Escape") || event.defaultPrevented) return;
  const action = actions[event.key];
  if (action) { event.preventDefault(); action(); }
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  const names = { critical: "c", axis: "b", error: "e", help: "?" };
  if (button) { actions[names[button.dataset.do]](); return; }
  const link = event.target.closest("a[href^='#']");
  const row = event.target.closest("tr[data-ref]");
  const ref = link ? link.getAttribute("href").slice(1) : row ? row.dataset.ref : "";
  if (!ref) return;
  event.preventDefault();
  select(ref);
  if (link?.closest(".card, .inside")) section().querySelector(".card.on").focus({ preventScroll: true });
});

document.addEventListener("input", (event) => { if (event.target.matches("input[type=search]")) paint(); });

function address() {
  try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; }
}

addEventListener("hashchange", () => select(address(), true));
addEventListener("resize", () => layOut());

data.runs.forEach(prepare);
document.documentElement.classList.add("js");
select(address() || data.runs[0].ref, true);
layOut();
if (!state.run.large) document.documentElement.dataset.ready = Math.round(performance.now());
