// The mode "Support vector machine": its controls, the boundary and margins over the plane, marks of
// support vectors, slacks, the numbers of the proof; points that are dragged while it is fitted.

import {paint, paintClasses} from "./colours.js";
import {classBar, drawPoints, place, scaleBar, spot, view} from "./plane.js";
import {digits, on, send, set, state} from "./state.js";

const get = (id) => document.getElementById(id);
const map = get("map"), lines = get("lines");
const KERNELS = {
  linear: "k(a, b) = a·b", poly: "k(a, b) = (γ a·b + c)ᵈ", rbf: "k(a, b) = exp(−γ ‖a − b‖²)",
  sigmoid: "k(a, b) = tanh(γ a·b + c)",
};
const WHERE = ["", "on the margin", "inside the margin", "on the wrong side"];
const SIGNS = ["", "○", "◇", "✕"];
const NEAR = 14; // pixels
const FULL = 2; // the decision at full colour: the margins stand at half of it
let fit = null, carried = null;

const isOn = () => Boolean(state.screen?.settings.svm);

// One fit is under way at most; of each kind of request what was asked for last comes next.
const next = new Map();
let busy = false;
function live(kind, act) {
  if (busy) { next.set(kind, act); return; }
  busy = true;
  act();
}
function free() {
  busy = false;
  const [kind] = next.keys();
  if (kind === undefined) return;
  const act = next.get(kind);
  next.delete(kind);
  live(kind, act);
}

// -- controls -------------------------------------------------------------------------------------

const exponent = (value) => Math.log10(value).toFixed(2);
const number = (power) => Number((10 ** power).toPrecision(4));

let wanted = {};
function change(values) {
  wanted = {...wanted, ...values};
  live("svm", () => { set({svm: {...state.screen.settings.svm, ...wanted}}); wanted = {}; });
}

export function showMachine() {
  const svm = state.screen.settings.svm;
  document.body.dataset.mode = state.screen.mode;
  for (const one of get("mode").children) {
    one.setAttribute("aria-pressed", one.value === state.screen.mode);
  }
  if (!svm) { fit = null; carried = null; view.draw = null; lines.getContext("2d").clearRect(0, 0, 600, 600); return; }
  view.draw = paintMachine;
  const put = (id, value) => { if (document.activeElement !== get(id)) get(id).value = value; };
  get("kernel").value = svm.kernel;
  put("price", exponent(svm.C));
  put("price-number", svm.C);
  const word = typeof svm.gamma === "string";
  get("gamma-rule").value = word ? svm.gamma : "";
  if (!word) { put("gamma", exponent(svm.gamma)); put("gamma-number", svm.gamma); }
  for (const id of ["gamma", "gamma-number"]) get(id).disabled = word;
  put("degree", svm.degree);
  put("coef0", svm.coef0);
  get("hard").checked = svm.hard;
  get("hard").disabled = svm.kernel !== "linear" || state.screen.classes !== 2;
  get("price").disabled = get("price-number").disabled = svm.hard;
  get("gamma-fields").hidden = svm.kernel === "linear";
  get("degree-field").hidden = svm.kernel !== "poly";
  get("coef0-field").hidden = !["poly", "sigmoid"].includes(svm.kernel);
  get("kernel-formula").textContent = KERNELS[svm.kernel];
}

get("mode").onclick = (event) => {
  const {svm, exercise} = state.screen.settings, mode = event.target.value;
  if (mode === "network") set({svm: null, exercise: null});
  if (mode === "machine") set({svm: svm ?? {kernel: "rbf"}, exercise: null});
  if (mode === "exercises" && !exercise) set({exercise: {}});
};
get("kernel").onchange = (event) => change({kernel: event.target.value, hard: false});
get("price").oninput = (event) => { get("price-number").value = number(event.target.value); change({C: number(event.target.value)}); };
get("price-number").onchange = (event) => change({C: Number(event.target.value)});
get("hard").onchange = (event) => change({hard: event.target.checked});
get("gamma-rule").onchange = (event) => change({gamma: event.target.value || fit?.gamma || 1});
get("gamma").oninput = (event) => { get("gamma-number").value = number(event.target.value); change({gamma: number(event.target.value)}); };
get("gamma-number").onchange = (event) => change({gamma: Number(event.target.value)});
get("degree").onchange = (event) => change({degree: Math.round(Number(event.target.value))});
get("coef0").onchange = (event) => change({coef0: Number(event.target.value)});
get("machine-pair").onchange = (event) => live("pair", () => send("pair", {pair: Number(event.target.value)}));

// -- the picture ----------------------------------------------------------------------------------

function paintMachine() {
  if (!fit) return;
  const hard = get("discretize").checked, {decision, regions} = fit.arrays;
  map.setAttribute("aria-label", `Decision of the support vector machine over the plane, ` +
    `${state.screen.columns[0]} across, ${state.screen.columns[1]} up, with ` +
    `${fit.support} support vectors`);
  if (regions) {
    paintClasses(map, regions.data, regions.shape[1], regions.shape[0], hard);
    classBar(regions.shape[0]);
    return;
  }
  const wide = decision.shape[0], cells = wide - 2, inner = new Float32Array(cells * cells);
  for (let r = 0; r < cells; r++) {
    inner.set(decision.data.subarray((r + 1) * wide + 1, (r + 1) * wide + 1 + cells), r * cells);
  }
  paint(map, inner, cells, FULL, 0, hard);
  scaleBar(FULL, 0);
}

// Where a field of cells has the value `level`, as pieces of lines between the cells' middles.
function contour(field, level) {
  const wide = field.shape[0], at = field.data, size = lines.width / (wide - 2), pieces = [];
  const spot = (r, c, s, d) => { // between the cells (r, c) and (s, d)
    const a = at[r * wide + c] - level, b = at[s * wide + d] - level, t = a / (a - b);
    return [(c + (d - c) * t - 0.5) * size, (r + (s - r) * t - 0.5) * size];
  };
  for (let r = 0; r + 1 < wide; r++) {
    for (let c = 0; c + 1 < wide; c++) {
      const around = [[r, c], [r, c + 1], [r + 1, c + 1], [r + 1, c]], cut = [];
      for (let k = 0; k < 4; k++) {
        const [p, q] = [around[k], around[(k + 1) % 4]];
        const up = at[p[0] * wide + p[1]] > level, too = at[q[0] * wide + q[1]] > level;
        if (up !== too) cut.push(spot(...p, ...q));
      }
      for (let k = 0; k + 1 < cut.length; k += 2) pieces.push([cut[k], cut[k + 1]]);
    }
  }
  return pieces;
}

// Black on a white edge: seen on every colour of the map.
function stroke(context, path, width, dash = []) {
  for (const [colour, wide, dashes] of [["#ffffff", width + 2.5, []], ["#000000", width, dash]]) {
    context.strokeStyle = colour;
    context.lineWidth = wide;
    context.setLineDash(dashes);
    context.beginPath();
    path(context);
    context.stroke();
  }
  context.setLineDash([]);
}

function pieces(context, found) {
  for (const [from, to] of found) { context.moveTo(...from); context.lineTo(...to); }
}

export function drawLines() {
  const context = lines.getContext("2d");
  context.clearRect(0, 0, lines.width, lines.height);
  if (!fit || !state.points || !isOn()) return;
  const {decision, where, slack} = fit.arrays;
  for (const level of [-1, 1]) stroke(context, (c) => pieces(c, contour(decision, level)), 1.8, [9, 6]);
  stroke(context, (c) => pieces(c, contour(decision, 0)), 3);
  const {x} = state.points, count = state.points.y.length, r = count > 1500 ? 5 : 9;
  if (fit.flat) {
    const square = fit.w[0] ** 2 + fit.w[1] ** 2, t = sides();
    stroke(context, (c) => {
      for (let i = 0; i < count; i++) {
        if (!(where.data[i] > 1)) continue;
        const far = t[i] * slack.data[i] / square, at = [x[2 * i], x[2 * i + 1]];
        c.moveTo(...place(...at));
        c.lineTo(...place(at[0] + far * fit.w[0], at[1] + far * fit.w[1]));
      }
    }, 1.2, [2, 3]);
  }
  for (let i = 0; i < count; i++) {
    if (where.data[i] > 0) ring(context, where.data[i], ...place(x[2 * i], x[2 * i + 1]), r);
  }
  if (carried) {
    const [px, py] = place(x[2 * carried.row], x[2 * carried.row + 1]);
    stroke(context, (c) => c.rect(px - 14, py - 14, 28, 28), 2);
  }
}

// t of each row of the pair: 1 for its first class.
function sides() {
  return Array.from(state.points.y, (y) => y === fit.positive ? 1 : -1);
}

function ring(context, kind, x, y, r) {
  stroke(context, (c) => {
    if (kind === 1) { c.moveTo(x + r, y); c.arc(x, y, r, 0, 7); }
    else if (kind === 2) {
      c.moveTo(x, y - r * 1.3); c.lineTo(x + r * 1.3, y); c.lineTo(x, y + r * 1.3);
      c.lineTo(x - r * 1.3, y); c.closePath();
    } else {
      c.moveTo(x - r, y - r); c.lineTo(x + r, y + r); c.moveTo(x + r, y - r); c.lineTo(x - r, y + r);
    }
  }, 1.8);
}

// -- the numbers ----------------------------------------------------------------------------------

const signed = (value, first = false) => (value < 0 ? (first ? "−" : " − ") : first ? "" : " + ") + digits(Math.abs(value));
const said = (value) => value === null ? "not proved" : digits(value);
const name = (c) => state.screen.labels[c] ?? c;
const shown = (f) => {
  const at = /^x(\d+)$/.exec(f);
  return at ? state.screen.columns[at[1] - 1] ?? f : f;
};

function decisionText() {
  const b = signed(fit.b);
  if (!fit.w) return `f(x) = Σ a·t·k(xₛ, x) + b, ${fit.support} terms, b = ${digits(fit.b)}`;
  const terms = fit.w.map((w, i) => `${signed(w, i === 0)}·${shown(state.screen.settings.features[i])}`);
  return `f(x) = w·x + b = ${terms.join("")}${b}`;
}

function lineOf(term, text, wide = false) {
  const row = document.createElement("div");
  row.className = wide ? "wide" : "";
  row.append(Object.assign(document.createElement("dt"), {textContent: term}),
    Object.assign(document.createElement("dd"), {textContent: text}));
  get("machine-list").append(row);
}

function showNumbers() {
  const svm = state.screen.settings.svm;
  get("machine-list").replaceChildren();
  lineOf("Decision", decisionText(), true);
  if (svm.kernel !== "linear") {
    const c = ["poly", "sigmoid"].includes(svm.kernel) ? `, c = ${digits(svm.coef0)}` : "";
    lineOf("Kernel", `${KERNELS[svm.kernel]}, γ = ${digits(fit.gamma)}${c}` +
      (svm.kernel === "poly" ? `, d = ${svm.degree}` : ""), true);
  }
  lineOf("Support vectors", `${fit.support} of ${fit.rows} points: ` +
    [1, 2, 3].map((k) => `${SIGNS[k]} ${[fit.on_margin, fit.inside, fit.wrong][k - 1]} ${WHERE[k]}`).join(", "), true);
  lineOf("Margin 1/‖w‖", said(fit.margin));
  if (fit.objective === null) lineOf("½‖w‖² + C Σξ", "not proved: this kernel is not positive on these points");
  else {
    lineOf(svm.hard ? "½‖w‖²" : "½‖w‖² + C Σξ", svm.hard ? digits(fit.objective)
      : `${digits(fit.penalty)} + ${digits(fit.bound)} · ${digits(fit.slack)} = ${digits(fit.objective)}`);
    lineOf("Dual objective Σa − ½‖w‖²", digits(fit.dual));
    lineOf("Duality gap", digits(fit.gap));
  }
  lineOf("Largest KKT residual", digits(fit.residual));
  if (!svm.hard && fit.objective !== null && fit.at_bound === 0) {
    lineOf("Hard margin", "No coefficient is at C: a larger C changes nothing.", true);
  }
  if (typeof svm.gamma === "string") {
    get("gamma-number").value = Number(fit.gamma.toPrecision(6));
    get("gamma").value = exponent(fit.gamma);
  }
  get("machine-notes").textContent = [...fit.notes,
    ...(fit.converged ? [] : ["The solver has used all its steps: the gap says what is left."])].join(" ");

  const pairs = get("machine-pair"), texts = fit.pairs.map(([p, n]) => `${name(p)} against ${name(n)}`);
  if (pairs.dataset.key !== texts.join()) {
    pairs.dataset.key = texts.join();
    pairs.replaceChildren(...texts.map((text, i) => new Option(text, i)));
  }
  pairs.value = fit.pair;
  get("pair-field").hidden = fit.pairs.length < 2;

  const cell = (text) => Object.assign(document.createElement("td"), {textContent: text});
  get("machine-rows").replaceChildren(...fit.list.map(([row, t, margin, slack, a, where, x1, x2]) => {
    const line = document.createElement("tr");
    line.append(...[`${SIGNS[where]} ${WHERE[where]}`, row, name(t > 0 ? fit.positive : fit.negative),
      digits(x1), digits(x2), digits(margin), digits(slack), digits(a)].map(cell));
    return line;
  }));
  const all = fit.on_margin + fit.inside + fit.wrong;
  get("machine-more").textContent = all > fit.list.length
    ? `The ${fit.list.length} with the most slack, of ${all}.` : "";
}

function showAt(message) {
  if (!message.machine) return;
  const {columns} = state.screen, {f, near, terms} = message.machine;
  const out = [`${columns[0]} = ${digits(message.x[0])}, ${columns[1]} = ${digits(message.x[1])}`];
  const parts = fit?.w
    ? ` = ${fit.w.map((w, i) => `${signed(w, i === 0)} · ${digits(message.features[i])}`).join("")}${signed(fit.b)}` : "";
  const of = fit?.pairs.length > 1 ? ` of ${name(fit.positive)} against ${name(fit.negative)}` : "";
  out.push(`f(x)${of}${parts} = ${digits(f)}: class ${name(message.machine.class)}`);
  for (const [row, weight, k] of terms) {
    out.push(`a·t·k of point ${row} = ${digits(weight)} · ${digits(k)} = ${digits(weight * k)}`);
  }
  out.push(`nearest point ${near.row} (${near.x.map(digits).join(", ")}): a·t = ${digits(near.a * near.t)}, ` +
    `ξ = ${digits(near.slack)}, t·f = ${digits(near.t * near.f)}`);
  get("at").replaceChildren(...out.map((text) => Object.assign(document.createElement("div"), {textContent: text})));
}

on("machine", (message) => {
  if (!isOn()) return;
  fit = message;
  paintMachine();
  drawLines();
  showNumbers();
  document.body.dataset.fits = String(Number(document.body.dataset.fits ?? 0) + 1);
  document.body.dataset.frames ??= "0";
  free();
});
on("error", () => {
  if (isOn()) showMachine(); // a control that was refused shows again what holds
  free();
});
on("points", () => { if (isOn()) drawLines(); });
on("at", showAt);
get("all-digits").addEventListener("change", () => { if (fit) showNumbers(); });

// -- points: dragged, added, deleted --------------------------------------------------------------

function nearest(at, most = Infinity) {
  const {x, y, held} = state.points, test = get("show-test").checked;
  let best = null, least = most ** 2;
  const [px, py] = place(...at);
  for (let i = 0; i < y.length; i++) {
    if (held[i] && !test) continue;
    const [qx, qy] = place(x[2 * i], x[2 * i + 1]), far = (px - qx) ** 2 + (py - qy) ** 2;
    if (far < least) { least = far; best = i; }
  }
  return best;
}

const inside = (at) => at.map((v, i) => Math.min(state.screen.high[i], Math.max(state.screen.low[i], v)));
function moved(row, at) { live("move", () => send("move", {row, x1: at[0], x2: at[1]})); }
function tell(text) { get("message").classList.remove("error"); get("message").textContent = text; }

map.addEventListener("pointerdown", (event) => {
  if (!isOn() || get("click-does").value !== "drag") return;
  const at = spot(event.clientX, event.clientY), scale = lines.width / map.getBoundingClientRect().width;
  const row = nearest(at, NEAR * scale);
  if (row === null) return;
  carried = {row, mouse: true};
  map.setPointerCapture(event.pointerId);
  event.preventDefault();
  map.focus({preventScroll: true});
});
map.addEventListener("pointermove", (event) => {
  if (!carried?.mouse) return;
  event.stopImmediatePropagation();
  moved(carried.row, inside(spot(event.clientX, event.clientY)));
});
for (const kind of ["pointerup", "pointercancel"]) {
  map.addEventListener(kind, () => { if (carried?.mouse) { carried = null; drawLines(); } });
}
map.addEventListener("click", (event) => {
  if (!isOn()) return;
  event.stopImmediatePropagation();
  const at = spot(event.clientX, event.clientY), does = get("click-does").value;
  if (does === "add") send("draw", {points: [[...at, Number(get("draw-class").value)]]});
  if (does === "delete") send("erase", {x1: at[0], x2: at[1]});
});
// Space takes the nearest point along; the keys that move the cross are those of the map.
map.addEventListener("keydown", (event) => {
  if (!isOn()) return;
  if (event.key === " ") {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (carried) { carried = null; tell("Put down."); drawLines(); return; }
    const {low, high} = state.screen;
    view.cross ??= [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
    const row = nearest(view.cross);
    if (row === null) return;
    view.cross = [state.points.x[2 * row], state.points.x[2 * row + 1]];
    carried = {row, mouse: false, from: view.cross};
    tell(`Point ${row} goes along with the arrows; Space puts it down, Escape puts it back.`);
    drawPoints();
    drawLines();
  } else if (event.key === "Escape" && carried?.from) {
    event.preventDefault();
    view.cross = carried.from;
    moved(carried.row, carried.from);
    carried = null;
    tell("Put back.");
  } else if (event.key.startsWith("Arrow") && carried) {
    setTimeout(() => { if (carried && view.cross) moved(carried.row, view.cross); }); // once the cross has moved
  } else if (["Delete", "Backspace", "Enter"].includes(event.key)) carried = null;
});
map.addEventListener("blur", () => { if (carried && !carried.mouse) { carried = null; drawLines(); } });
