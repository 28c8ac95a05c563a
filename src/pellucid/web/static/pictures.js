// Data of small pictures: a board to draw on in place of the plane, what the network says of what
// stands there, and the pictures that it classifies worst.

import {paintInk} from "./colours.js";
import {view} from "./plane.js";
import {digits, on, send, state} from "./state.js";

const get = (id) => document.getElementById(id);
const board = get("board"), bars = get("bars");
const SOFT = [[0, 0, 1], [0, 1, 0.45], [1, 0, 0.45], [0, -1, 0.45], [-1, 0, 0.45]]; // a brush, as scanned digits have it
let ink = [], size = null, cell = [0, 0], drawn = false, painting = false, cursor = false;

on("screen", (screen) => {
  const {picture} = screen;
  document.body.classList.toggle("pictures", Boolean(picture));
  get("map").tabIndex = picture ? -1 : 0;
  if (!picture) { size = null; return; }
  if (size?.join() === picture.join()) return;
  size = picture; drawn = false; bars.replaceChildren();
  ink = Array(size[0] * size[1]).fill(0);
  label();
});

function label() {
  board.setAttribute("aria-label", `Board of ${size[0]} by ${size[1]} pixels. Row ${cell[0] + 1}, column ${cell[1] + 1}, ` +
    `ink ${ink[cell[0] * size[1] + cell[1]].toFixed(2)}. Arrows move, Space and Enter paint or wipe, Delete clears.`);
}

function put(picture) {
  ink = Array.from(picture);
  drawn = true;
  send("picture", {values: ink});
  label();
  drawBoard();
}

function paintAt([row, column], brush, value) {
  const next = [...ink];
  for (const [dr, dc, part] of brush) {
    const r = row + dr, c = column + dc;
    if (r < 0 || c < 0 || r >= size[0] || c >= size[1]) continue;
    const i = r * size[1] + c;
    next[i] = value === undefined ? Math.max(next[i], part) : value;
  }
  if (next.some((one, i) => one !== ink[i])) put(next);
}

function pixel(event) {
  const box = board.getBoundingClientRect();
  const at = (share, count) => Math.max(0, Math.min(count - 1, Math.floor(share * count)));
  return [at((event.clientY - box.top) / box.height, size[0]), at((event.clientX - box.left) / box.width, size[1])];
}

board.onpointerdown = (event) => {
  if (!drawn) ink = ink.fill(0); // the mean of all pictures goes when someone draws
  painting = true;
  try { board.setPointerCapture(event.pointerId); } catch { /* a pen that is gone */ }
  paintAt(cell = pixel(event), SOFT);
};
board.onpointermove = (event) => { if (painting) paintAt(cell = pixel(event), SOFT); };
board.onpointerup = board.onpointercancel = () => { painting = false; };
board.onkeydown = (event) => {
  const moves = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
  if (event.key in moves) {
    cell = cell.map((v, k) => Math.max(0, Math.min(size[k] - 1, v + moves[event.key][k])));
    label(); drawBoard();
  } else if (event.key === " " || event.key === "Enter") {
    if (!drawn) ink = ink.fill(0);
    paintAt(cell, [[0, 0, 1]], ink[cell[0] * size[1] + cell[1]] > 0.5 ? 0 : 1);
  } else if (event.key === "Delete" || event.key === "Backspace") put(ink.fill(0));
  else return;
  event.preventDefault();
};
board.onfocus = () => { cursor = true; drawBoard(); };
board.onblur = () => { cursor = false; drawBoard(); };
get("board-clear").onclick = () => put(Array(size[0] * size[1]).fill(0));

// Pictures held out come one after the other.
let next = 0;
get("board-next").onclick = () => {
  const {held, y} = state.points, rows = [...y.keys()].filter((i) => held[i]);
  put(row(rows[next++ % rows.length]));
};

const row = (i) => state.points.x.subarray(i * ink.length, (i + 1) * ink.length);

function drawBoard() {
  if (!size) return;
  if (!drawn && state.frame?.arrays.features?.shape[1] === size[0]) ink = Array.from(state.frame.arrays.features.data);
  board.style.opacity = view.unit ? 0 : 1; // a unit that is looked at stands below
  const side = board.width / size[1], context = board.getContext("2d");
  const small = new OffscreenCanvas(size[1], size[0]);
  paintInk(small, ink, size);
  context.imageSmoothingEnabled = false;
  for (const unit of document.querySelectorAll("#unit-0-0 canvas, #second-unit-0-0 canvas")) paintInk(unit, ink, size);
  context.drawImage(small, 0, 0, board.width, board.height);
  if (cursor) {
    context.strokeStyle = "#D55E00"; context.lineWidth = 6;
    context.strokeRect(cell[1] * side + 3, cell[0] * side + 3, side - 6, side - 6);
  }
}

on("drawn", ({drawn: said, second}) => { say(said); saySecond(second); });

// Bars with the numbers beside them; without probabilities the outputs themselves.
function say(said) {
  const {labels} = state.screen, values = said.chances ?? said.blocks.at(-1);
  if (bars.childElementCount !== values.length) {
    bars.replaceChildren(...values.map(() => {
      const line = document.createElement("li");
      line.append(document.createElement("b"), document.createElement("i"), document.createElement("span"));
      return line;
    }));
  }
  const all = get("all-digits").checked, high = Math.max(...values.map(Math.abs), 1e-9);
  values.forEach((value, c) => {
    const line = bars.children[c], [name, bar, number] = line.children;
    name.textContent = labels[c] ?? c;
    bar.style.width = `${(said.chances ? value : Math.max(0, value / high)) * 50}%`;
    number.textContent = said.chances && !all ? `${(100 * value).toFixed(1)} %` : digits(value);
    line.classList.toggle("chosen", c === said.chosen);
  });
  get("board-says").textContent = `The network takes it for ${labels[said.chosen] ?? said.chosen}.`;
}

function saySecond(said) {
  if (!said) return;
  const chance = said.chances ? ` (${(100 * said.chances[said.chosen]).toFixed(1)} %)` : "";
  get("second-says").textContent = `It takes the picture for ${state.screen.labels[said.chosen]}${chance}.`;
}

export function drawPictures() {
  if (!size || !state.screen.picture) return;
  drawBoard();
  if (state.frame.drawn) say(state.frame.drawn);
  saySecond(state.frame.second?.drawn);
  showWorst(state.frame.scores.worst);
}

let shown = "";
function showWorst(worst) {
  const key = JSON.stringify(worst);
  if (!worst || !state.points || key === shown) return;
  shown = key;
  const {labels} = state.screen, focused = document.activeElement?.dataset?.worst;
  get("worst").replaceChildren(...worst.map(({row: i, true: t, chosen, chance}, n) => {
    const button = Object.assign(document.createElement("button"), {type: "button"});
    const canvas = Object.assign(document.createElement("canvas"), {width: size[1], height: size[0]});
    const said = t === chosen ? `${labels[t]}, taken for ${labels[t]}` : `${labels[t]}, taken for ${labels[chosen]}`;
    const rest = chance === null ? "" : `: ${(100 * chance).toFixed(1)} %`;
    paintInk(canvas, row(i), size);
    button.dataset.worst = n;
    button.title = `${said}. The right class has ${rest.slice(2) || "less than another one"}.`;
    button.setAttribute("aria-label", button.title);
    button.append(canvas, Object.assign(document.createElement("span"),
      {textContent: t === chosen ? `${labels[t]}${rest}` : `${labels[t]} → ${labels[chosen]}`}));
    button.onclick = () => put(row(i));
    return button;
  }));
  if (focused !== undefined) get("worst").children[focused]?.focus();
}
