// The log of a large run: only the rows in view are in the page.

const ROW = 24;

function largeLog(run, root) {
  const pane = root.querySelector(".events");
  const heads = [run.clock, "kind", "what happened", "took"].map((text) => make("th", { scope: "col" }, text));
  const body = make("tbody", {});
  const caption = make("caption", {}, pane.querySelector("caption").textContent);
  const table = make("table", { class: "log" }, caption, make("thead", {}, make("tr", {}, ...heads)), body);
  const scroll = make("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "Rows of the event log" }, table);
  pane.append(scroll);
  pane.removeAttribute("tabindex");
  let shown = [];
  let painted = "";

  function render() {
    const first = Math.max(0, Math.floor(scroll.scrollTop / ROW) - 8);
    const last = Math.min(shown.length, first + Math.ceil(scroll.clientHeight / ROW) + 16);
    const key = `${first} ${last}`;
    if (key === painted) return;
    painted = key;
    const rows = [];
    for (let at = first; at < last; at += 1) rows.push(rowElement(shown[at], at));
    body.replaceChildren(space(first), ...rows, space(shown.length - last));
  }

  function space(count) {
    return make("tr", { class: "space", "aria-hidden": "true" }, make("td", { colspan: "4", style: `height:${count * ROW}px` }));
  }

  function rowElement(index, at) {
    const row = run.rows[index];
    const text = row.text();
    const what = make("td", { title: text }, row.ref ? anchor(row.ref, text) : text);
    if (row.late) what.append(" ", make("abbr", { class: "late", title: `number ${row.number} in the trace: ${row.late}` }, "⇅"));
    const kind = (row.kind === "error" ? "✗ " : "") + row.kind;
    const cells = [make("td", {}, clock(run, row.at)), make("td", {}, kind), what, make("td", {}, row.took === null ? "" : spell(row.took))];
    const made = make("tr", { "data-ref": row.ref, "aria-rowindex": String(at + 2), class: row.kind === "error" ? "bad" : "" }, ...cells);
    mark(made, isSelected(row.ref));
    return made;
  }

  function again() { painted = ""; render(); }

  function reveal(row) {
    const at = shown.indexOf(run.rows.indexOf(row));
    if (at < 0) return;
    const [from, to] = [at * ROW, (at + 2) * ROW];
    if (from < scroll.scrollTop) scroll.scrollTop = from;
    else if (to + ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = to + ROW - scroll.clientHeight;
    again();
  }

  scroll.addEventListener("scroll", () => requestAnimationFrame(render), { passive: true });
  return {
    reveal,
    layOut: again,
    paint: (rows) => {
      shown = rows;
      table.setAttribute("aria-rowcount", String(rows.length + 1));
      again();
    },
  };
}
