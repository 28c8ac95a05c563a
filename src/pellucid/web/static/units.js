// The plane as two units of a column see it: a grid over it carried to their values, filled with the
// colour of the output, with the points and the border between the classes.

import {classColour, mix} from "./colours.js";
import {options} from "./controls.js";
import {dot, outputRange} from "./plane.js";
import {on, send, state} from "./state.js";

const get = (id) => document.getElementById(id);
const canvas = get("units-map"), context = canvas.getContext("2d");
const EDGE = 34; // for the names and numbers of the axes
let chosen = null, widths = [], names = [], range = null, at = null;

// Columns with two units or more: the features, layers, outputs.
on("screen", (screen) => {
  const s = screen.settings;
  widths = [s.features.length, ...screen.widths];
  names = ["features", ...screen.widths.map((_, i) => i === screen.widths.length - 1 ? "output" : `layer ${i + 1}`)];
  const shown = [...names.keys()].filter((i) => widths[i] > 1);
  options(get("units-column"), ["", ...shown], ["not shown", ...shown.map((i) => names[i])]);
  if (chosen && !(widths[chosen.column] > Math.max(...chosen.pair))) choose(null);
  else show();
});

function choose(next) {
  chosen = next; range = null; at = null;
  send("units", next ? {column: next.column, pair: next.pair} : {column: 0, pair: []});
  show();
}

const unitName = (i) => chosen.column ? `unit ${i + 1}` : state.screen.settings.features[i];

function show() {
  get("units-column").value = chosen ? String(chosen.column) : "";
  get("units-shown").hidden = !chosen;
  if (!chosen) return;
  const units = [...Array(widths[chosen.column]).keys()];
  ["units-across", "units-up"].forEach((id, k) => {
    options(get(id), units, units.map(unitName));
    get(id).value = String(chosen.pair[k]);
  });
  const {columns, picture} = state.screen;
  const what = picture ? "The pictures" : `The plane of ${columns[0]} and ${columns[1]}`;
  canvas.setAttribute("aria-label", `${what} as ${unitName(chosen.pair[0])} (across) and ` +
    `${unitName(chosen.pair[1])} (up) of ${names[chosen.column]} see ${picture ? "them" : "it, with the points"}`);
}

get("units-column").onchange = (event) => {
  choose(event.target.value === "" ? null : {column: Number(event.target.value), pair: [0, 1]});
};
["units-across", "units-up"].forEach((id, k) => {
  get(id).onchange = (event) => {
    const pair = [...chosen.pair];
    pair[k] = Number(event.target.value);
    choose({...chosen, pair});
  };
});
// Arrows on the picture: left and right another unit across, up and down another one up.
canvas.onkeydown = (event) => {
  const moves = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 1], ArrowDown: [1, -1]};
  const move = moves[event.key];
  if (!move || !chosen) return;
  event.preventDefault();
  const pair = [...chosen.pair], count = widths[chosen.column];
  pair[move[0]] = (pair[move[0]] + move[1] + count) % count;
  choose({...chosen, pair});
};

on("at", (message) => {
  if (!chosen) return;
  const values = chosen.column ? message.blocks[chosen.column - 1] : message.features;
  at = chosen.pair.map((i) => values[i]);
  drawUnits();
});

// The range grows at once and shrinks when it is much too large, so that the picture stands still.
function fit(arrays) {
  const low = [Infinity, Infinity], high = [-Infinity, -Infinity];
  for (const {data} of arrays) {
    for (let i = 0; i < data.length; i++) {
      if (!Number.isFinite(data[i])) continue;
      low[i % 2] = Math.min(low[i % 2], data[i]); high[i % 2] = Math.max(high[i % 2], data[i]);
    }
  }
  range ??= {low: [0, 0], high: [0, 0]};
  for (const k of [0, 1]) {
    const span = high[k] - low[k], old = range.high[k] - range.low[k];
    if (!(low[k] >= range.low[k] && high[k] <= range.high[k] && span > 0.6 * old)) {
      const margin = 0.06 * span || 0.5;
      range.low[k] = low[k] - margin; range.high[k] = high[k] + margin;
    }
  }
}

const place = (u, v) => {
  const {low, high} = range, wide = canvas.width - EDGE - 6, tall = canvas.height - EDGE - 6;
  return [EDGE + (u - low[0]) / (high[0] - low[0]) * wide, 6 + (high[1] - v) / (high[1] - low[1]) * tall];
};

export function drawUnits() {
  const frame = state.frame, mesh = frame?.arrays.mesh, rows = frame?.arrays.carried;
  if (!chosen || !rows) return;
  fit(mesh ? [mesh, rows] : [rows]);
  const style = getComputedStyle(document.documentElement);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (mesh) drawMesh(mesh, frame.arrays["mesh:output"], frame.arrays.border.data, style);
  drawRows(rows.data, frame.arrays["carried:rows"].data);
  axes(style);
  if (at?.every(Number.isFinite)) cross(...place(...at), style);
}

function drawMesh(mesh, output, border, style) {
  const n = mesh.shape[0], node = Array.from({length: n * n}, (_, i) => place(mesh.data[2 * i], mesh.data[2 * i + 1]));
  const level = levels(output), paths = new Map();
  for (let r = 0; r + 1 < n; r++) {
    for (let c = 0; c + 1 < n; c++) {
      const a = r * n + c, corners = [a, a + 1, a + n + 1, a + n].map((i) => node[i]);
      const key = level(a, a + n + 1), path = paths.get(key) ?? new Path2D();
      paths.set(key, path);
      if (turn(corners) < 0) corners.reverse(); // all in one sense: no holes where the plane is folded
      corners.forEach(([x, y], i) => path[i ? "lineTo" : "moveTo"](x, y));
      path.closePath();
    }
  }
  context.lineWidth = 1; context.lineJoin = "round";
  for (const [colour, path] of paths) {
    context.fillStyle = context.strokeStyle = colour;
    context.fill(path); context.stroke(path);
  }
  context.strokeStyle = style.getPropertyValue("--line"); context.lineWidth = 0.8;
  for (let k = 0; k < n; k += 4) {
    for (const step of [(i) => k * n + i, (i) => i * n + k]) {
      trace(Array.from({length: n}, (_, i) => node[step(i)]));
      context.stroke();
    }
  }
  context.strokeStyle = "#000000"; context.lineWidth = 3;
  context.beginPath();
  for (let i = 0; i < border.length; i += 4) {
    context.moveTo(...place(border[i], border[i + 1])); context.lineTo(...place(border[i + 2], border[i + 3]));
  }
  context.stroke();
}

// Twice the signed area of a cell.
function turn([[x0, y0], [x1, y1], [x2, y2], [x3, y3]]) {
  return (x2 - x0) * (y3 - y1) - (x3 - x1) * (y2 - y0);
}

function trace(places) {
  context.beginPath();
  places.forEach(([x, y], i) => context[i ? "lineTo" : "moveTo"](x, y));
}

// The colour of a cell by two of its corners, in 24 steps, paler than on the map.
function levels(output) {
  const classes = output.shape[2];
  if (classes > 1) {
    return (i) => {
      const row = output.data.subarray(i * classes, (i + 1) * classes);
      return pale(classColour(row.indexOf(Math.max(...row))));
    };
  }
  const {scale, shift} = outputRange(output.data);
  return (i, j) => {
    const value = ((output.data[i] + output.data[j]) / 2 - shift) / scale;
    return `rgb(${mix(0.6 * Math.round(12 * Math.max(-1, Math.min(1, value || 0))) / 12).join(",")})`;
  };
}

const pale = (colour) => `rgb(${[1, 3, 5].map((k) => Math.round(255 - 0.4 * (255 - parseInt(colour.slice(k, k + 2), 16)))).join(",")})`;

function drawRows(values, rows) {
  const {points, screen} = state, test = get("show-test").checked;
  if (!points) return;
  const {scale, shift} = outputRange(points.y);
  rows.forEach((row, i) => {
    if (row >= points.y.length || (points.held[row] && !test)) return;
    const [x, y] = place(values[2 * i], values[2 * i + 1]);
    dot(context, screen, points.y[row], x, y, 5, points.held[row] > 0, scale, shift);
  });
}

function axes(style) {
  const {low, high} = range, {width, height} = canvas, text = (value) => +value.toPrecision(3);
  context.strokeStyle = style.getPropertyValue("--line"); context.lineWidth = 1;
  context.strokeRect(EDGE, 6, width - EDGE - 6, height - EDGE - 6);
  context.fillStyle = style.getPropertyValue("--text");
  context.font = "17px system-ui, sans-serif";
  const [across, up] = chosen.pair.map(unitName);
  context.textAlign = "left"; context.fillText(text(low[0]), EDGE, height - 10);
  context.textAlign = "right"; context.fillText(text(high[0]), width - 6, height - 10);
  context.textAlign = "center"; context.fillText(across, (EDGE + width) / 2, height - 10);
  context.save();
  context.translate(20, 0); context.rotate(-Math.PI / 2);
  context.textAlign = "left"; context.fillText(text(low[1]), EDGE - height, 0);
  context.textAlign = "right"; context.fillText(text(high[1]), -6, 0);
  context.textAlign = "center"; context.fillText(up, -(height - EDGE) / 2, 0);
  context.restore();
}

function cross(x, y, style) {
  context.strokeStyle = style.getPropertyValue("--text"); context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x - 12, y); context.lineTo(x + 12, y);
  context.moveTo(x, y - 12); context.lineTo(x, y + 12);
  context.stroke();
}

get("show-test").addEventListener("change", drawUnits);
