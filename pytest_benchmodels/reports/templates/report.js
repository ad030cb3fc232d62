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
  const dollars = (value, rounded = Math.round) => {
    if (!known(value)) return "-";
    if (value > 0 && value < 0.000001) return "<$0.000001";
    // Cents, and two significant digits.
    const digits = value > 0 ? Math.max(2, 1 - Math.floor(Math.log10(value))) : 2;
    const shown = rounded(value * 10 ** digits * (1 + 1e-12)) / 10 ** digits;
    return `$${shown.toFixed(digits).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
  };
  const cost = (result) => (known(result.known_cost) ? `>= ${dollars(result.known_cost, Math.floor)}` : dollars(result.cost));
  const count = (whole, part) => (known(whole) ? String(whole) : known(part) ? `>=${part}` : "-");
  const score = (value) => {
    if (!known(value)) return "-";
    const kept = value > 0 && value < 1 ? Math.min(Math.max(value, 0.01), 0.99) : value;
    return kept.toFixed(2);
  };
  const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
  const time = (result) => (result.status === "passed" || result.status === "failed" ? result.latency || 0 : result.duration);
  const counts = (result) => [count(result.input, result.known_input), count(result.output, result.known_output)];
  const tokens = (result) => (counts(result).every((part) => part === "-") ? "-" : counts(result).join("/"));

  const SORTED_BY = {
    status: (result) => STATUSES.indexOf(result.status),
    scenario: (result) => result.nodeid,
    model: (result) => result.model,
    trial: (result) => result.trial,
    score: (result) => result.score,
    time,
    tokens: (result) =>
      tokens(result) === "-"
        ? undefined
        : (result.input ?? result.known_input ?? 0) + (result.output ?? result.known_output ?? 0),
    cost: (result) => result.cost ?? result.known_cost,
  };

  const text = (result) => {
    if (result.text === undefined) {
      const said = [result.nodeid, result.model, result.status, ...(result.error || [])];
      for (const messages of asked(result)) for (const message of messages) said.push(message[1]);
      for (const answer of result.answers || []) said.push(answer[0]);
      const add = (check) => (said.push(check[0], check[1], check[5]), (check[7] || []).forEach(add));
      (result.checks || []).forEach(add);
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
      make("td", { class: "minor" }, cost(result)),
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
    ...turns(result),
    ...others(result),
    ...retries(result),
    ...work(result),
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

  const vote = ([judge, passed, points, order, sure]) =>
    note(
      [
        `${judge}: ${passed ? "passed" : "failed"}, score ${score(points)}`,
        order && `shown ${order}`,
        sure !== null && `confidence ${sure}`,
      ].filter(Boolean).join(", "),
    );

  const checks = (result) => {
    // Those that a check is made of stand below it, further in.
    const rows = (depth) => ([name, summary, passed, points, weight, explanation, votes, inside]) => {
      const verdict = passed ? "passed" : "failed";
      const indents = Array.from({ length: depth }, () => make("span", { class: "indent" }));
      const row = make(
        "tr",
        { class: verdict },
        make("td", { class: "left" }, ...indents, make("span", { class: "status" }, verdict)),
        make("td", { class: "left name", dir: "auto" }, summary.includes(name) ? summary : [name, summary].filter(Boolean).join(": ")),
        make("td", {}, score(points)),
        make("td", {}, weight === 0 ? "0 (only informs)" : String(weight ?? "-")),
        make("td", { class: "left", dir: "auto" }, explanation, ...(votes || []).map(vote)),
      );
      return [row, ...(inside || []).flatMap(rows(depth + 1))];
    };
    const more = result.more_checks ? [note(`and ${counted(result.more_checks, "more check")}`)] : [];
    return [make("h4", {}, "Checks"), listing(["verdict", "check", "score", "weight", "expected and actual"], result.checks.flatMap(rows(0))), ...more];
  };

  // What was asked may stand with another result that was asked the same.
  const asked = (result) => (typeof result.asked === "number" ? results[result.asked].asked : result.asked) || [];

  const LEFT_OUT = "What was asked is left out, for want of room: `benchmodels show` tells it.";

  const message = ([role, said]) => {
    const body = make("pre", { dir: "auto" }, said);
    if (role !== "system") return [make("h4", {}, `Asked (${role})`), body];
    return [make("details", {}, make("summary", {}, "System message"), body)];
  };

  const answer = ([said, length, thought, thoughts], title) => {
    const folded = make("summary", {}, `Thinking (${counted(thoughts || 0, "character")}), apart from the answer`);
    const thinking = thoughts ? [make("details", {}, folded, make("pre", { dir: "auto" }, thought))] : [];
    return [make("h4", {}, title), ...thinking, length ? make("pre", { dir: "auto" }, said) : note("empty")];
  };

  const turns = (result) => {
    const all = result.answers || [];
    const questions = asked(result);
    const why = result.left_out ? LEFT_OUT : "What was asked is not known here.";
    const unknown = all.length && !questions.length ? [note(why)] : [];
    const said = Array.from({ length: Math.max(all.length, questions.length) }, (_, index) => {
      const question = (questions[index] || []).flatMap(message);
      if (index >= all.length) return [...question, note("not answered")];
      const which = all.length > 1 ? ` ${index + 1} of ${all.length}` : "";
      const cut = result.cut ? ", cut off" : "";
      const ended = index === all.length - 1 && result.finish && result.finish !== "stop" ? `${cut}, finish reason ${result.finish}` : "";
      const left = index === all.length - 1 && result.out_of_steps ? [note("Out of steps: calls that the model still wanted were not made; see max_steps.")] : [];
      return [...question, ...answer(all[index], `Answer${which} (${counted(all[index][1], "character")}${ended})`), ...left];
    });
    return [...unknown, ...said.flat()];
  };

  const others = (result) => {
    const shown = (result.others || []).flatMap((call) => {
      const title = make("h4", { dir: "auto" }, `Asked of another model (${call.purpose}): ${call.model}${call.cached ? ", not asked again" : ""}`);
      const questions = (call.asked || []).flatMap(message);
      const unknown = call.asked || call.error ? [] : [note(call.left_out ? LEFT_OUT : "Question and answer are not known here.")];
      const failed = call.error ? [note(`not answered: ${call.error.join(": ")}`)] : [];
      const said = call.answer ? answer(call.answer, `Its answer (${counted(call.answer[1], "character")})`) : [];
      return [title, ...questions, ...said, ...failed, ...unknown];
    });
    return [...shown, ...(result.more_others ? [note(`and ${counted(result.more_others, "more call")} to other models`)] : [])];
  };

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

  // A text with a title, folded: diffs and outputs are long.
  const folded = ([title, said]) =>
    said ? make("details", {}, make("summary", { dir: "auto" }, title), make("pre", { dir: "auto" }, said)) : make("p", { dir: "auto" }, title);

  const work = (result) => {
    const commands = (result.commands || []).map(folded);
    const changes = (result.changes || []).map(folded);
    return [
      ...(result.work ? [make("h4", {}, "Workspace"), ...result.work.map(note)] : []),
      ...(commands.length ? [make("h4", {}, "Commands"), ...commands] : []),
      ...(result.more_commands ? [note(`and ${counted(result.more_commands, "more command")}`)] : []),
      ...(changes.length ? [make("h4", {}, "Changed files"), ...changes] : []),
      ...(result.more_changes ? [note(`and ${counted(result.more_changes, "more file")}`)] : []),
    ];
  };

  const figures = (result) => {
    const waits = Object.entries(result.waits || {}).map(([reason, value]) => `${seconds(value)} for ${reason}`);
    const facts = [
      ["Score", known(result.score) ? score(result.score) : "none"],
      ...(result.served ? [["Answered by", result.served]] : []),
      ...(result.ruling ? [["Verdict", `${result.status}: ${result.ruling}`]] : []),
      ["Latency", result.latency === undefined ? "" : seconds(result.latency)],
      ["Duration", seconds(result.duration)],
      ["Failed attempts", known(result.retry) ? seconds(result.retry) : "not measured"],
      ["Connecting", known(result.connect) ? seconds(result.connect) : "not measured"],
      ["This machine's delay", known(result.client) ? seconds(result.client) : "not measured"],
      ["Waited", waits.join(", ") || seconds(result.wait || 0)],
      ["Requests", String(result.attempts || 0)],
      ["Tokens", tokens(result) === "-" ? "unknown" : `${counts(result)[0]} in, ${counts(result)[1]} out`],
      ["Cost", cost(result) === "-" ? "unknown" : cost(result)],
      ["Started", new Date((result.started || 0) * 1000).toISOString()],
    ];
    if (result.reruns) facts.push(["Run again", `${counted(result.reruns, "time")}; tokens and cost are of all`]);
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
