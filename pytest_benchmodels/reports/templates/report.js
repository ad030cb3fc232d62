"use strict";
(() => {
  const PAGE = 200; // rows that are made at once: a table of 12,000 would take seconds to lay out
  const STATUSES = ["failed", "timeout", "error", "skipped", "passed"]; // in the order in which one looks at them
  const find = (id) => document.getElementById(id);
  const results = JSON.parse(find("data").textContent);
  results.forEach((result, order) => { result.order = order; });
  find("data").remove();
  const body = find("list").tBodies[0];
  const sorting = { key: "status", direction: 1 };
  let chosen = [];
  let shown = 0;

  // Everything that a result says is put in as text, never as markup.
  const make = (tag, facts = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(facts)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  const known = (value) => value !== undefined && value !== null;
  const seconds = (value) => {
    if (!known(value)) return "-";
    if (value < 0.9995) return `${(value * 1000).toFixed(0)}ms`;
    if (value < 59.95) return `${value.toFixed(1)}s`;
    if (value < 3597) return `${(value / 60).toFixed(1)}min`;
    return `${(value / 3600).toFixed(1)}h`;
  };
  const dollars = (value) => {
    if (!known(value)) return "-";
    return value > 0 && value < 0.01 ? `$${value.toPrecision(2)}` : `$${value.toFixed(2)}`;
  };
  const score = (value) => {
    if (!known(value)) return "-";
    const kept = value > 0 && value < 1 ? Math.min(Math.max(value, 0.01), 0.99) : value;
    return kept.toFixed(2);
  };
  const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const time = (result) => (result.status === "passed" || result.status === "failed" ? result.latency || 0 : result.duration);
  const tokens = (result) => (known(result.input) || known(result.output) ? `${result.input ?? "-"}/${result.output ?? "-"}` : "-");

  const SORTED_BY = {
    status: (result) => STATUSES.indexOf(result.status),
    scenario: (result) => result.nodeid,
    model: (result) => result.model,
    trial: (result) => result.trial,
    score: (result) => result.score,
    time,
    tokens: (result) => (known(result.input) || known(result.output) ? (result.input || 0) + (result.output || 0) : undefined),
    cost: (result) => result.cost,
  };

  const text = (result) => {
    if (result.text === undefined) {
      const said = [result.nodeid, result.model, result.status, ...(result.error || [])];
      for (const answer of result.answers || []) said.push(answer[0]);
      for (const check of result.checks || []) said.push(check[0], check[1], check[5]);
      result.text = said.join("\n").toLowerCase();
    }
    return result.text;
  };

  const compare = (first, second) => {
    const value = SORTED_BY[sorting.key];
    const [one, other] = [value(first), value(second)];
    if (known(one) !== known(other)) return known(one) ? -1 : 1; // what is not known comes last either way
    if (known(one) && one !== other) return (one < other ? -1 : 1) * sorting.direction;
    return first.order - second.order;
  };

  const choose = () => {
    const statuses = new Set([...find("statuses").querySelectorAll("input:checked")].map((box) => box.value));
    const model = find("model").value;
    const words = find("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    chosen = results
      .filter((result) => statuses.has(result.status) && (!model || result.model === model))
      .filter((result) => words.every((word) => text(result).includes(word)))
      .sort(compare);
    body.replaceChildren();
    shown = 0;
    showMore();
  };

  const showMore = () => {
    const rows = chosen.slice(shown, shown + PAGE).map(row);
    shown += rows.length;
    body.append(...rows);
    find("more").hidden = shown >= chosen.length;
    find("count").textContent = `${counted(chosen.length, "result")}, ${shown.toLocaleString("en")} shown`;
  };

  const row = (result) => {
    const open = make("button", { type: "button", class: "open", "aria-expanded": "false" }, result.scenario);
    const line = make(
      "tr",
      { class: result.status },
      make("td", { class: "left" }, make("span", { class: "status" }, result.status)),
      make("th", { scope: "row", class: "left name" }, open),
      make("td", { class: "left name" }, result.model),
      make("td", { class: "minor" }, String(result.trial)),
      make("td", {}, score(result.score)),
      make("td", {}, seconds(time(result))),
      make("td", { class: "minor" }, tokens(result)),
      make("td", { class: "minor" }, dollars(result.cost)),
    );
    open.addEventListener("click", () => toggle(open, line, result));
    return line;
  };

  const toggle = (open, line, result) => {
    const opened = open.getAttribute("aria-expanded") === "true";
    open.setAttribute("aria-expanded", String(!opened));
    if (opened) line.nextElementSibling.remove();
    else line.after(make("tr", { class: "detail" }, make("td", { colspan: "8" }, ...details(result))));
  };

  const details = (result) => [
    make("p", { class: "name" }, result.nodeid),
    ...(result.error ? [make("h4", {}, `Error: ${result.error[0]}`), make("pre", { dir: "auto" }, result.error[1])] : []),
    ...(result.checks ? checks(result) : []),
    ...answers(result),
    ...retries(result),
    make("h4", {}, "Figures"),
    make("dl", {}, ...figures(result)),
  ];

  const listing = (titles, rows) =>
    make(
      "div",
      { class: "scroll" },
      make(
        "table",
        {},
        make("thead", {}, make("tr", {}, ...titles.map((title) => make("th", { scope: "col", class: "left" }, title)))),
        make("tbody", {}, ...rows),
      ),
    );

  const note = (words) => make("p", { class: "note" }, words);

  const checks = (result) => {
    const rows = result.checks.map(([name, summary, passed, points, weight, explanation]) => {
      const verdict = passed ? "passed" : "failed";
      return make(
        "tr",
        { class: verdict },
        make("td", { class: "left" }, make("span", { class: "status" }, verdict)),
        make("td", { class: "left name", dir: "auto" }, summary.includes(name) ? summary : [name, summary].filter(Boolean).join(": ")),
        make("td", {}, score(points)),
        make("td", {}, weight === 0 ? "0 (only informs)" : String(weight ?? "-")),
        make("td", { class: "left", dir: "auto" }, explanation),
      );
    });
    const more = result.more_checks ? [note(`and ${counted(result.more_checks, "more check")}`)] : [];
    return [make("h4", {}, "Checks"), listing(["verdict", "check", "score", "weight", "expected and actual"], rows), ...more];
  };

  const answers = (result) =>
    (result.answers || []).flatMap(([said, length], index, all) => {
      const which = all.length > 1 ? ` ${index + 1} of ${all.length}` : "";
      const ended = index === all.length - 1 && result.finish && result.finish !== "stop" ? `, finish reason ${result.finish}` : "";
      const title = make("h4", {}, `Answer${which} (${counted(length, "character")}${ended})`);
      return [title, length ? make("pre", { dir: "auto" }, said) : note("empty")];
    });

  const retries = (result) => {
    if (!result.retries) return [];
    const rows = result.retries.map(([kind, message, wait], index) =>
      make(
        "tr",
        {},
        make("td", {}, String(index + 1)),
        make("td", { class: "left" }, kind),
        make("td", {}, seconds(wait)),
        make("td", { class: "left", dir: "auto" }, message),
      ),
    );
    const more = result.more_retries ? [note(`and ${result.more_retries} more`)] : [];
    return [make("h4", {}, "Attempts that were followed by another"), listing(["attempt", "failure", "waited", "message"], rows), ...more];
  };

  const figures = (result) => {
    const waits = Object.entries(result.waits || {}).map(([reason, value]) => `${seconds(value)} for ${reason}`);
    const facts = [
      ["Score", known(result.score) ? score(result.score) : "none"],
      ...(result.ruling ? [["Verdict", `${result.status}: ${result.ruling}`]] : []),
      ["Latency", seconds(result.latency || 0)],
      ["Duration", seconds(result.duration)],
      ["Waited", waits.join(", ") || seconds(result.wait || 0)],
      ["Attempts", String(result.attempts || 0)],
      ["Tokens", known(result.input) || known(result.output) ? `${result.input ?? "-"} in, ${result.output ?? "-"} out` : "unknown"],
      ["Cost", known(result.cost) ? dollars(result.cost) : "unknown"],
      ["Started", new Date((result.started || 0) * 1000).toISOString()],
    ];
    if (result.cached) facts.push(["Taken over", result.reuse || "yes"]);
    else if (result.reuse) facts.push(["Not taken over", result.reuse]);
    return facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", { dir: "auto" }, value)]);
  };

  const sortBy = (heading) => {
    const { key } = heading.dataset;
    sorting.direction = sorting.key === key ? -sorting.direction : 1;
    sorting.key = key;
    markSorted();
    choose();
  };

  const markSorted = () => {
    for (const heading of find("list").tHead.querySelectorAll("th")) {
      if (heading.dataset.key === sorting.key) heading.setAttribute("aria-sort", sorting.direction > 0 ? "ascending" : "descending");
      else heading.removeAttribute("aria-sort");
    }
  };

  const addFilters = () => {
    for (const status of STATUSES) {
      const count = results.filter((result) => result.status === status).length;
      if (!count) continue;
      const box = make("input", { type: "checkbox", value: status, checked: "" });
      find("statuses").append(make("label", { class: status }, box, ` ${status} ${count.toLocaleString("en")}`));
    }
    for (const model of [...new Set(results.map((result) => result.model))].sort()) {
      find("model").append(make("option", { value: model }, model));
    }
  };

  addFilters();
  for (const heading of find("list").tHead.querySelectorAll("th")) {
    heading.firstElementChild.addEventListener("click", () => sortBy(heading));
  }
  let typing = 0;
  find("text").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(choose, 150);
  });
  find("filters").addEventListener("change", choose);
  find("filters").addEventListener("submit", (event) => event.preventDefault());
  find("more").addEventListener("click", showMore);
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) showMore();
  }).observe(find("more"));
  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
  find("filters").hidden = results.length === 0;
  find("list").hidden = results.length === 0;
  markSorted();
  choose();
})();
