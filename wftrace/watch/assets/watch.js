"use strict";
// The page is complete without this script, as it was when it was loaded. It takes in what the server pushes: the list
// and the standing are put in their places, and a newer report is loaded behind the one that is shown, then shown.
(() => {
  const body = document.body;
  const link = document.getElementById("link");
  const pause = document.getElementById("pause");
  const frames = document.getElementById("frames");
  const shown = { number: Number(body.dataset.number), version: Number(body.dataset.version) };
  let paused = false;
  let wanted = null;
  let loading = false;
  let source = null;
  let over = false;

  function put(id, html) {
    const place = document.getElementById(id);
    const fresh = new DOMParser().parseFromString(html, "text/html").body;
    if (place.innerHTML === fresh.innerHTML) return;
    const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    place.replaceChildren(...fresh.childNodes);
    if (focused) Array.from(place.querySelectorAll("a")).find((each) => each.getAttribute("href") === focused)?.focus();
  }

  function readable(frame) {
    // A frame that could not be loaded shows the browser's own page, which is none of ours.
    return Boolean(frame.contentDocument && frame.contentDocument.querySelector("main"));
  }

  function state(frame) {
    const view = frame.contentWindow;
    const search = view.document.querySelector("input[type=search]");
    const scrolled = Array.from(view.document.querySelectorAll(".pane, .picture, .cards, .events, .table"));
    return {
      hash: view.location.hash,
      top: [view.scrollX, view.scrollY],
      panes: scrolled.map((each) => [each.scrollLeft, each.scrollTop]),
      search: search ? search.value : "",
    };
  }

  function restore(frame, kept) {
    const view = frame.contentWindow;
    const search = view.document.querySelector("input[type=search]");
    if (search && kept.search) {
      search.value = kept.search;
      search.dispatchEvent(new Event("input", { bubbles: true }));
    }
    Array.from(view.document.querySelectorAll(".pane, .picture, .cards, .events, .table")).forEach((each, index) => {
      if (kept.panes[index]) [each.scrollLeft, each.scrollTop] = kept.panes[index];
    });
    view.scrollTo(...kept.top);
  }

  function busy(frame) {
    // Somebody types in the report: wait with the newer one.
    const active = frame.contentDocument && frame.contentDocument.activeElement;
    return Boolean(active && document.activeElement === frame && active.matches("input, textarea, select"));
  }

  function load() {
    if (!wanted || loading || paused) return;
    const old = frames.querySelector("iframe");
    const same = old && wanted.number === shown.number;
    if (same && busy(old)) { setTimeout(load, 1000); return; }
    const kept = same ? readable(old) && state(old) : null;
    const target = wanted;
    wanted = null;
    loading = true;
    const fresh = document.createElement("iframe");
    fresh.title = "Report";
    fresh.className = "behind";
    fresh.src = body.dataset.base + "report/" + target.number + "?v=" + target.version + (kept ? kept.hash : "");
    fresh.addEventListener("load", () => {
      if (kept && readable(fresh)) restore(fresh, kept);
      fresh.className = "";
      if (old) old.remove();
      shown.number = target.number;
      shown.version = target.version;
      loading = false;
      load();
    }, { once: true });
    frames.append(fresh);
  }

  function take(told) {
    put("runs", told.runs);
    put("now", told.now);
    document.title = told.title + " · wftrace watch";
    if (!told.version || (told.number === shown.number && told.version === shown.version)) return;
    wanted = { number: told.number, version: told.version };
    load();
  }

  function say(text, css) {
    link.textContent = text;
    link.className = css;
  }

  function connect() {
    source = new EventSource(body.dataset.events);
    source.addEventListener("open", () => say("live", "good"));
    source.addEventListener("message", (event) => take(JSON.parse(event.data)));
    source.addEventListener("gone", () => { over = true; source.close(); say("this run is no longer kept", "bad"); });
    source.addEventListener("end", () => { say("ended; this is how it was last", "bad"); });
    source.addEventListener("error", () => {
      if (over) return;
      if (!link.textContent.startsWith("ended")) say("connecting again…", "bad");
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 2000);
    });
  }

  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", paused);
    if (!paused) load();
  });
  connect();
})();
