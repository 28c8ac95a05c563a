// What is known of one node: value, gradient, uses, update, formulas with numbers put in.

import {formula, keep, make, short} from "./parts.js";
import {send} from "./state.js";

let shown = null;

export function showFacts(facts, goTo) {
  shown = facts;
  const parts = [titled("h2", facts.name)];
  parts[0].id = "name";
  parts.push(list([
    ["operation", facts.op], ["type", facts.type], ["phase", facts.phase],
    ["layer", facts.layer], ["line", facts.line], ["source", facts.source],
  ]));
  if (facts.at.length) parts.push(chooser(facts));
  if (facts.formula) parts.push(titled("h3", "Formula"), formula(facts.formula));
  parts.push(titled("h3", "Value"), tensor(facts.value, facts.at, true));
  if (facts.gradient) {
    const head = titled("h3", `Gradient ∂${facts.end}/∂${facts.name}`);
    head.id = "gradient";
    parts.push(head, tensor(facts.gradient, facts.at, false));
    if (!facts.in_step) parts.push(make("p", "This gradient is computed beside the step: the step adds it up in another order, or does not need it.", "hint"));
    parts.push(...uses(facts, goTo));
    const button = make("button", "Finite difference (D)");
    button.onclick = () => send("difference");
    button.dataset.focus = "difference-button";
    const answer = make("p");
    answer.id = "difference";
    parts.push(button, answer);
  } else if (facts.why_none) parts.push(titled("h3", "Gradient"), make("p", `None: ${facts.why_none}.`));
  if (facts.line_group) parts.push(...group(facts.line_group));
  if (facts.update) parts.push(...update(facts));
  keep(document.getElementById("facts"), parts);
}

// The element that formulas and maps put numbers in for, a number for each axis.
function chooser(facts) {
  const box = make("div", "", "element"), shape = facts.value.shape;
  box.append(make("span", `Element ${facts.at.join(", ")} is put into the formulas:`, "hint"));
  const fields = facts.at.map((place, axis) => {
    const field = make("input");
    Object.assign(field, {type: "number", min: 0, max: shape[axis] - 1, value: place});
    field.dataset.focus = `axis ${axis}`;
    field.setAttribute("aria-label", `Place along axis ${axis}, 0 to ${shape[axis] - 1}`);
    field.onchange = () => send("element", {at: fields.map((one) => Number(one.value))});
    return field;
  });
  box.append(...fields);
  return box;
}

const titled = (kind, text) => make(kind, text);

function list(pairs) {
  const box = make("dl");
  for (const [name, value] of pairs) {
    if (value === "") continue;
    const own = make("dd");
    own.append(make("code", value));
    box.append(make("dt", name), own);
  }
  return box;
}

function uses(facts, goTo) {
  const count = facts.uses.length;
  if (!count) return [make("p", facts.name === facts.end ? "It is what is differentiated: its gradient is 1." : "No use hands a gradient on.")];
  const parts = [titled("h3", count === 1 ? "Output gradient × local gradient" : `Sum over ${count} uses of output gradient × local gradient`)];
  for (const use of facts.uses) {
    const box = make("div", "", "use"), go = make("button", `${use.name} = ${use.op}`);
    go.onclick = () => goTo(use.reader);
    const of = use.of === null ? "" : ` of element ${use.of.join(", ") || "it"} of ${use.name}`;
    go.dataset.focus = `use ${use.reader}`;
    box.append(go, list([
      [`output gradient ∂${facts.end}/∂${use.name}`, text(use.output)],
      [`local gradient${of}`, text(use.local)],
      ["product", text(use.product)],
      ["rule", use.rule],
    ]), formula(use.formula));
    parts.push(box);
  }
  if (count > 1) parts.push(make("p", `Sum: ${facts.uses.map((use) => short(use.product.element)).join(" + ")} = ${short(facts.gradient.element)}`, "sum"));
  return parts;
}

function group(one) {
  const button = make("button", one.folded ? "Show its nodes" : "Show the line as one node");
  button.id = "fold";
  button.onclick = () => send("open", {cell: one.id});
  const parts = [titled("h3", `The line as one node (${one.count} nodes)`), make("code", one.source)];
  for (const input of one.inputs) {
    parts.push(list([[`local gradient for ${input.name}`, text(input.local)], [`handed to ${input.name}`, text(input.product)]]));
  }
  return [...parts, button];
}

function update(facts) {
  const parts = [titled("h3", "Update"), list([["before", text(facts.value)], ["after", text(facts.update.new)]])];
  for (const line of facts.update.lines) {
    const box = make("details"), head = make("summary");
    head.append(make("code", `${line.name} = ${line.op}`), ` = ${short(line.value)}`);
    box.append(head, formula(line.formula));
    parts.push(box);
  }
  return parts;
}

// The chosen element where there are several, and the range of all.
function text(tensor) {
  if (!tensor.shape.length) return tensor.element;
  const range = tensor.low === null ? "not finite" : `${short(tensor.low)} … ${short(tensor.high)}`;
  return `${tensor.element ?? "empty"}   of (${tensor.shape.join(", ")}), ${range}`;
}

function tensor(one, at, choose) {
  const box = document.createElement("div");
  if (!one.shape.length) { box.append(make("code", one.element)); return box; }
  const counts = [one.zeros ? `${one.zeros.toLocaleString("en")} are 0` : "", one.not_finite ? `${one.not_finite.toLocaleString("en")} are not finite` : ""];
  box.append(make("p", [`(${one.shape.join(", ")}) ${one.dtype}`, `${short(one.low)} … ${short(one.high)}`,
    `mean ${short(one.mean)}`, `standard deviation ${short(one.spread)}`, ...counts].filter(Boolean).join("; ")));
  if (one.counts.length && one.shape.reduce((a, b) => a * b, 1) > 12) box.append(bars(one));
  const {cells, row, column, before} = one.window, table = make("table", "", "cells");
  table.append(...cells.map((line, i) => {
    const tr = make("tr");
    tr.append(...line.map((cell, k) => {
      const td = make("td"), place = [...before, row + i, column + k].slice(-one.shape.length);
      const own = choose ? make("button", short(cell)) : make("span", short(cell));
      own.title = `${place.join(", ")}: ${cell}`;
      if (choose) own.dataset.focus = `cell ${place.join()}`;
      if (choose) own.onclick = () => send("element", {at: place});
      if (place.join() === at.join()) td.className = "here";
      td.append(own);
      return td;
    }));
    return tr;
  }));
  const scroll = make("div", "", "scroll");
  scroll.append(table);
  box.append(scroll);
  return box;
}

function bars(one) {
  const box = make("div", "", "bars"), most = Math.max(...one.counts);
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", `Histogram from ${short(one.edges[0])} to ${short(one.edges.at(-1))}, at most ${most} in a bin`);
  for (const [k, count] of one.counts.entries()) {
    const bar = make("i");
    bar.style.height = `${100 * count / most}%`;
    bar.title = `${short(one.edges[k])} to ${short(one.edges[k + 1])}: ${count}`;
    box.append(bar);
  }
  return box;
}

export function showDifference(found) {
  const place = document.getElementById("difference");
  if (!place || found.node !== shown?.node) return;
  place.textContent = `By differences ${short(found.value)} ± ${short(found.doubt)}, by the engine ${short(found.engine)}` +
    (found.at.length ? ` for element ${found.at.join(", ")}.` : ".");
}
