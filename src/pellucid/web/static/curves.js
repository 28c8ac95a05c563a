// The two losses over the epochs, and a mark where something was changed. Bounded: every second
// point goes when there are too many.

import {state} from "./state.js";

const MOST = 2000;
const canvas = document.getElementById("curve");
let points = [];

// What is left: the epochs of a model file before the run went on here.
export function forget(past = []) { points = past.slice(); }

export function add(frame) {
  const {epoch, train, test} = frame.scores, beside = frame.second?.scores;
  if (!train) return;
  const last = points.at(-1);
  if (last && epoch < last[0]) points = [];
  if (last && epoch === last[0]) points.pop();
  points.push([epoch, train.loss, test?.loss, beside?.train?.loss, beside?.test?.loss]);
  if (points.length > MOST) points = points.filter((_, i) => i % 2 === 0);
}

// Drawn when there is something new: losses are measured less often than pictures come.
let drawn = "";
export function drawCurves(anew = false) {
  const key = JSON.stringify([points.length, points.at(-1), state.screen.changes, Boolean(state.screen.second)]);
  if (key === drawn && !anew) return;
  drawn = key;
  const context = canvas.getContext("2d"), {width, height} = canvas;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  context.clearRect(0, 0, width, height);
  const left = 52, bottom = height - 24, top = 8, right = width - 8;
  const values = points.flatMap((one) => one.slice(1)).filter(Number.isFinite);
  const high = Math.max(1e-9, ...values), end = Math.max(1, points.at(-1)?.[0] ?? 1);
  const x = (epoch) => left + epoch / end * (right - left), y = (loss) => bottom - loss / high * (bottom - top);
  context.font = "13px system-ui, sans-serif";
  context.fillStyle = colour("--faint"); context.strokeStyle = colour("--line"); context.lineWidth = 1;
  context.beginPath();
  context.moveTo(left, top); context.lineTo(left, bottom); context.lineTo(right, bottom);
  context.stroke();
  context.textAlign = "right";
  context.fillText(high.toPrecision(3), left - 6, top + 10);
  context.fillText("0", left - 6, bottom);
  context.fillText(`epoch ${end}`, right, height - 6);
  for (const epoch of state.screen.changes) {
    context.setLineDash([2, 3]);
    context.beginPath();
    context.moveTo(x(epoch), top); context.lineTo(x(epoch), bottom);
    context.stroke();
    context.setLineDash([]);
    context.fillText("▾", x(epoch) + 5, top + 6);
  }
  const all = [[4, "--second-test", [7, 4]], [3, "--second", []], [2, "--orange", [7, 4]], [1, "--blue", []]];
  for (const [which, name, dash] of state.screen.second ? all : all.slice(2)) {
    context.strokeStyle = colour(name); context.lineWidth = 2.5; context.setLineDash(dash);
    context.beginPath();
    let pen = false;
    for (const point of points) {
      if (!Number.isFinite(point[which])) { pen = false; continue; }
      context[pen ? "lineTo" : "moveTo"](x(point[0]), y(point[which]));
      pen = true;
    }
    context.stroke();
    context.setLineDash([]);
    if (which > 2) circles(context, which, x, y, colour(name));
  }
}

// Circles on the lines of the second run tell them without colours.
function circles(context, which, x, y, colour) {
  const count = Math.min(8, points.length);
  context.fillStyle = colour;
  for (let k = 1; k <= count; k++) {
    const point = points[Math.round(k / count * (points.length - 1))];
    if (!Number.isFinite(point[which])) continue;
    context.beginPath();
    context.arc(x(point[0]), y(point[which]), 4, 0, 7);
    context.fill();
  }
}
