// The large map: one unit or the output over the plane, the points on it, a cross for the keyboard.

import {classColour, mark, mix, paint, paintClasses} from "./colours.js";
import {digits, state} from "./state.js";

const map = document.getElementById("map"), dots = document.getElementById("dots");
export const view = {unit: null, cross: null, draw: null}; // draw: in the place of drawMap
export const views = [view, {unit: null}]; // of the run on the page, and of one beside it

// What the colours stand for: the value at full colour, and that of white.
function range(values) {
  let high = 1e-6;
  for (const v of values) if (Number.isFinite(v)) high = Math.max(high, Math.abs(v));
  return {scale: high <= 1 && !state.screen.picture ? 1 : high, shift: 0};
}

export function unitRange(values) { return range(values); }

export function drawMap() {
  if (view.draw) return view.draw();
  const frame = state.frame, screen = state.screen;
  if (!frame || !screen) return;
  if (screen.picture) return patch();
  map.setAttribute("aria-label", label());
  const shown = fill(map, "", view.unit, screen);
  if (shown.classes) classBar(shown.classes);
  else scaleBar(shown.scale, shown.shift);
  if (screen.second && frame.arrays["second:output"]) {
    fill(document.getElementById("map-second"), "second:", views[1].unit, screen.second);
  }
}

// Of pictures: the patch of the unit that is looked at.
function patch() {
  for (const [canvas, prefix, {unit}] of [[map, "", view], [document.getElementById("map-second"), "second:", views[1]]]) {
    const one = unit && state.frame.arrays[prefix + unit.array];
    if (!one) continue;
    const {scale} = fillUnit(canvas, one, unit.index, false);
    if (!prefix) scaleBar(scale, 0);
  }
}

function fillUnit(canvas, one, index, hard) {
  const size = one.shape[1] * one.shape[2], values = one.data.subarray(index * size, (index + 1) * size);
  const {scale, shift} = range(values);
  paint(canvas, values, one.shape[2], scale, shift, hard);
  return {scale, shift};
}

// The colours of a map, and what they stand for.
function fill(canvas, prefix, unit, screen) {
  const arrays = state.frame.arrays, hard = document.getElementById("discretize").checked;
  const output = arrays[`${prefix}output`], one = unit && arrays[prefix + unit.array];
  if (one) return fillUnit(canvas, one, unit.index, hard);
  if (output.shape[0] > 1) {
    paintClasses(canvas, output.data, output.shape[1], output.shape[0], hard);
    return {classes: output.shape[0]};
  }
  const {scale, shift} = outputRange(output.data, screen.border);
  paint(canvas, output.data, output.shape[1], scale, shift, hard);
  return {scale, shift};
}

export function outputRange(values, border = state.screen.border) {
  if (border) return {scale: border, shift: border};
  if (!state.screen.classes && state.points) {
    let high = 1e-6;
    for (const v of state.points.y) high = Math.max(high, Math.abs(v));
    return {scale: high, shift: 0};
  }
  if (state.screen.classes) return {scale: 1, shift: 0};
  return range(values);
}

function label() {
  const what = view.unit ? `Unit ${view.unit.name}` : "Output";
  return `${what} over the plane, ${state.screen.columns[0]} across, ${state.screen.columns[1]} up, ` +
    `with ${state.points ? state.points.y.length : 0} points`;
}

let shownScale = "";
export function scaleBar(scale, shift) {
  const key = `${scale.toPrecision(3)} ${shift}`;
  if (key === shownScale) return;
  shownScale = key;
  const bar = document.getElementById("scale");
  bar.replaceChildren();
  const canvas = document.createElement("canvas");
  canvas.width = 101; canvas.height = 1;
  const context = canvas.getContext("2d");
  for (let i = 0; i <= 100; i++) {
    context.fillStyle = `rgb(${mix(i / 50 - 1).join(",")})`;
    context.fillRect(i, 0, 1, 1);
  }
  const say = (value) => Object.assign(document.createElement("span"),
    {textContent: (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(+value.toPrecision(3))});
  bar.append(say(shift - scale), canvas, say(shift + scale));
}

export function classBar(classes) {
  const key = `classes ${state.screen.labels.join()}`;
  if (key === shownScale) return;
  shownScale = key;
  const bar = document.getElementById("scale");
  bar.replaceChildren();
  for (let c = 0; c < classes; c++) {
    const canvas = Object.assign(document.createElement("canvas"), {width: 16, height: 16});
    canvas.style.flex = "none"; canvas.style.minWidth = "0"; canvas.style.border = "0";
    classDot(canvas.getContext("2d"), c, 8, 8, 6, false);
    bar.append(canvas, Object.assign(document.createElement("span"), {textContent: state.screen.labels[c] ?? c}));
  }
}

// A point: its class is a shape and a colour, its value a shape by sign and a colour by size.
export function dot(context, screen, y, x1, x2, r, held, scale, shift) {
  if (screen.classes) return classDot(context, y, x1, x2, r, held);
  const v = y - shift;
  mark(context, v < 0 ? 0 : 1, x1, x2, r);
  context.fillStyle = `rgb(${mix(v / scale).join(",")})`;
  context.fill();
  context.strokeStyle = held ? "#000000" : "#666666";
  context.lineWidth = 0.8;
  context.stroke();
}

function classDot(context, number, x, y, r, open) {
  mark(context, number, x, y, r);
  context.fillStyle = open ? "#ffffff" : classColour(number);
  context.fill();
  context.strokeStyle = open ? classColour(number) : "#ffffff";
  context.lineWidth = r > 3 ? 1.5 : 0.8;
  context.stroke();
}

export function place(x1, x2) {
  const {low, high} = state.screen;
  return [(x1 - low[0]) / (high[0] - low[0]) * dots.width,
    (high[1] - x2) / (high[1] - low[1]) * dots.height];
}

export function spot(px, py) {
  const {low, high} = state.screen, box = map.getBoundingClientRect();
  return [low[0] + (px - box.left) / box.width * (high[0] - low[0]),
    high[1] - (py - box.top) / box.height * (high[1] - low[1])];
}

// Drawn when points or the cross change, not with every frame: 50,000 points stay cheap.
export function drawPoints() {
  const context = dots.getContext("2d");
  context.clearRect(0, 0, dots.width, dots.height);
  const points = state.points;
  if (!points || !state.screen || state.screen.picture) return;
  const test = document.getElementById("show-test").checked;
  const count = points.y.length, r = count > 5000 ? 2 : count > 1500 ? 3.5 : 6;
  const {scale, shift} = outputRange(points.y);
  for (let i = 0; i < count; i++) {
    if (points.held[i] && !test) continue;
    const [x, y] = place(points.x[2 * i], points.x[2 * i + 1]);
    dot(context, state.screen, points.y[i], x, y, r, points.held[i] > 0, scale, shift);
  }
  if (view.cross) {
    const [x, y] = place(...view.cross);
    context.strokeStyle = "#000000"; context.lineWidth = 2;
    context.beginPath();
    context.moveTo(x - 14, y); context.lineTo(x + 14, y);
    context.moveTo(x, y - 14); context.lineTo(x, y + 14);
    context.stroke();
  }
  const beside = document.getElementById("dots-second").getContext("2d");
  beside.clearRect(0, 0, dots.width, dots.height);
  if (state.screen.second) beside.drawImage(dots, 0, 0);
}

// What came back for a point: every unit's value.
export function drawAt(message) {
  if (!message.blocks) return;
  const {columns, settings} = state.screen;
  const lines = [`${columns[0]} = ${digits(message.x[0])}, ${columns[1]} = ${digits(message.x[1])}`];
  lines.push(settings.features.map((f, i) => `${f} = ${digits(message.features[i])}`).join("   "));
  message.blocks.forEach((values, i) => {
    const name = i === message.blocks.length - 1 ? "output" : `layer ${i + 1}`;
    lines.push(`${name}: ${values.map(digits).join("  ")}`);
  });
  if (message.second) lines.push(`second run, output: ${message.second.map(digits).join("  ")}`);
  const at = document.getElementById("at");
  at.replaceChildren(...lines.map((text) => Object.assign(document.createElement("div"), {textContent: text})));
}
