(() => {
  "use strict";
  const find = (all, root = document) => [...root.querySelectorAll(all)];

  // What is folded unfolds where a link leads to it, and on paper.
  const parts = find("details.part");
  const unfold = () => {
    const part = location.hash && document.getElementById(location.hash.slice(1));
    if (part && part.matches("details")) part.open = true;
  };
  addEventListener("hashchange", unfold);
  unfold();
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = parts.filter((part) => !part.open);
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => {
    for (const part of folded) part.open = false;
  });

  // What is wider than the screen is scrolled by keyboard, too.
  const reach = () => {
    for (const card of find(".card")) {
      if (card.scrollWidth > card.clientWidth) card.tabIndex = 0;
      else card.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  reach();

  // The filter over the checks: every word has to stand in a check's row.
  const form = document.getElementById("filter");
  const [words, bad] = find("input", form);
  const suites = find("details.suite").map((suite) => ({
    suite,
    open: suite.open,
    rows: find(":scope > table > tbody > tr", suite).map((row) => ({
      row,
      text: `${row.textContent} ${row.dataset.name}`.toLowerCase(),
      passed: row.classList.contains("passed"),
    })),
  }));
  const apply = () => {
    const asked = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const any = asked.length > 0 || bad.checked;
    let total = 0;
    for (const { suite, open, rows } of suites) {
      let hits = 0;
      for (const { row, text, passed } of rows) {
        const hit = asked.every((word) => text.includes(word));
        row.hidden = !hit || (bad.checked && passed);
        hits += !row.hidden;
      }
      suite.hidden = any && !hits;
      suite.open = any ? hits > 0 : open;
      total += hits;
    }
    form.querySelector("output").value = any ? `${total} found` : "";
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;

  // The heat map by keyboard: one stop, then the arrows; a cell tells its anchor.
  const lines = find(".heat tbody tr:not(.group)").map((row) => find("td", row));
  const steps = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
  };
  lines.forEach((line, y) =>
    line.forEach((cell, x) => {
      cell.tabIndex = x + y ? -1 : 0;
      cell.addEventListener("keydown", (event) => {
        const step = steps[event.key];
        const next = step && lines[y + step[0]]?.[x + step[1]];
        if (!next) return;
        event.preventDefault();
        cell.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      });
    }),
  );
})();
