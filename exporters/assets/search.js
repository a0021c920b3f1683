// The search: words that must all hold for a row of the log. docs/howto/read-a-report.md has the grammar.

const UNITS = { us: 0.001, "µs": 0.001, ms: 1, s: 1000, min: 60000, h: 3600000, d: 86400000 };
const COMPARE = {
  ">": (a, b) => a > b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, "<=": (a, b) => a <= b,
  "=": (a, b) => a === b, ":": (a, b) => a === b,
};
const MEASURES = { dur: "took", queued: "queued", at: "at", attempt: "attempt", worker: "worker" };

function like(text, want) {
  return want.endsWith("*") ? text.startsWith(want.slice(0, -1)) : text === want;
}

// A test of a row, null for a word that is not understood.
function term(word) {
  const measured = /^(dur|queued|at|attempt|worker)(>=|<=|[<>=:])(.*)$/.exec(word);
  if (measured) {
    const [, name, sign, value] = measured;
    const number = /^(\d+\.?\d*|\.\d+)(us|µs|ms|s|min|h|d)?$/.exec(value);
    const counts = name === "attempt" || name === "worker";
    if (!number || (counts && number[2])) return null;
    const limit = Number(number[1]) * (counts ? 1 : UNITS[number[2] || "ms"]);
    const [field, compare] = [MEASURES[name], COMPARE[sign]];
    return (row) => row[field] !== null && compare(row[field], limit);
  }
  const named = /^(step|outcome|status|event|kind):"?([^"]*)"?$/.exec(word);
  if (!named) {
    const want = word.replaceAll('"', "");
    return (row) => textOf(row).includes(want);
  }
  const [, name, want] = named;
  if (!want) return null;
  if (name === "step") return (row) => like(row.step.toLowerCase(), want);
  if (name === "kind") return (row) => like(row.kind, want);
  if (name === "event") return (row) => row.events.some((kind) => like(kind.toLowerCase(), want));
  return (row) => row.outcome.some((each) => like(each, want));
}

function parsed(query) {
  const terms = [];
  const wrong = [];
  for (const [word] of query.toLowerCase().matchAll(/-?(?:\w+:)?"[^"]*"?|\S+/g)) {
    const not = word.length > 1 && word[0] === "-";
    const test = term(not ? word.slice(1) : word);
    if (test) terms.push(not ? (row) => !test(row) : test);
    else wrong.push(word);
  }
  return { terms, wrong };
}

function textOf(row) {
  row.lower ??= row.text().toLowerCase();
  return row.lower;
}

// The numbers of the rows that a query leaves, and the anchors that they belong to. The last answer is kept.
function search(run, query) {
  if (run.found && run.found.query === query) return run.found;
  const { terms, wrong } = parsed(query);
  const rows = [];
  const refs = new Set();
  const steps = new Set();
  run.rows.forEach((row, index) => {
    if (!terms.every((test) => test(row))) return;
    rows.push(index);
    if (row.ref) refs.add(row.ref);
    steps.add(row.step);
  });
  run.found = { query, active: terms.length > 0, wrong, rows, refs, steps };
  return run.found;
}

function outcomeWords(text) {
  const words = text.split(" ").filter(Boolean);
  return words.includes("error") ? [...words, "failed"] : words;
}
