// The page: what comes from the session is shown, at the pace of the screen.

import {showControls} from "./controls.js";
import {add, drawCurves, forget} from "./curves.js";
import {showExercise} from "./exercises.js";
import {showMachine} from "./machine.js";
import {buildNetwork, drawNetwork, showNetworkControls} from "./network.js";
import {drawAt, drawMap, drawPoints, spot, view} from "./plane.js";
import {drawPictures} from "./pictures.js";
import {drawSecond} from "./second.js";
import {drawUnits} from "./units.js";
import {connect, digits, on, seen, send, state} from "./state.js";

const get = (id) => document.getElementById(id);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const CALM = 400; // milliseconds between two pictures where motion is reduced
let waiting = false, drawn = 0;

function say(text, isError = false) {
  get("message").textContent = text;
  get("message").classList.toggle("error", isError);
}

on("error", ({text}) => {
  say(text, true);
  if (state.screen) showControls(); // what was refused does not stand there
});
on("note", ({text}) => say(text));
on("closed", (text) => {
  const ran = state.screen?.attached;
  say(ran ? "The run has ended." : text, !ran);
  for (const one of document.querySelectorAll("button")) one.disabled = true;
});

on("screen", (screen) => {
  if (screen.mode === "network") buildNetwork();
  showControls();
  if (screen.mode === "network") showNetworkControls();
  showMachine();
  showExercise();
  get("play").textContent = screen.playing ? "Pause" : "Play";
  get("play").setAttribute("aria-pressed", screen.playing);
  if (screen.epoch === screen.begun) forget(screen.past);
  const changed = [...new Set(screen.changes)].slice(-12);
  get("changes").textContent = changed.length ? `Changed without a reset after epoch ${changed.join(", ")}.` : "";
  document.body.classList.toggle("attached", screen.attached);
  document.body.dataset.ready = "yes";
});

on("machine", ({scores: given}) => scores({confusion: given.confusion,
  train: {accuracy: given.train}, test: given.test === undefined ? null : {accuracy: given.test}}));
on("points", () => { drawPoints(); showControls(); });
on("frame", () => {
  if (waiting) return seen(); // a newer one takes the place of one that was not drawn
  waiting = true;
  const pause = calm.matches && state.frame.playing ? Math.max(0, CALM - (performance.now() - drawn)) : 0;
  if (pause) setTimeout(() => requestAnimationFrame(draw), pause);
  else requestAnimationFrame(draw);
});

let frames = 0;
function draw() {
  waiting = false;
  drawn = performance.now();
  const frame = state.frame;
  if (view.unit && !frame.arrays[view.unit.array]) view.unit = null;
  drawMap();
  drawNetwork();
  drawSecond();
  drawUnits();
  drawPictures();
  add(frame);
  drawCurves();
  get("epoch").textContent = frame.epoch.toLocaleString("en");
  get("steps").textContent = frame.step.toLocaleString("en");
  get("seconds").textContent = `${frame.seconds.toFixed(1)} s`;
  get("rate-now").textContent = Number(frame.rate.toPrecision(4));
  scores(frame.scores);
  document.body.dataset.frames = String(++frames);
  document.body.dataset.steps = String(frame.step);
  seen();
}

let scored = "";
function scores(given) {
  const key = JSON.stringify([given, state.screen.labels, get("all-digits").checked]);
  if (!given.train || key === scored) return;
  scored = key;
  get("train-loss").textContent = digits(given.train.loss);
  get("test-loss").textContent = given.test ? digits(given.test.loss) : "";
  const rows = state.screen.classes
    ? [["Training accuracy", given.train.accuracy], ["Test accuracy", given.test?.accuracy]]
    : [["Training R²", given.train.r2], ["Test R²", given.test?.r2]];
  get("score-list").replaceChildren(...rows.filter((one) => one[1] !== undefined).map(([name, value]) => {
    const box = document.createElement("div");
    box.append(Object.assign(document.createElement("dt"), {textContent: name}),
      Object.assign(document.createElement("dd"), {textContent: state.screen.classes
        ? `${(100 * value).toFixed(1)} %` : digits(value)}));
    return box;
  }));
  const table = get("confusion");
  table.hidden = !given.confusion;
  if (!given.confusion) return;
  const labels = state.screen.labels, cell = (kind, text) =>
    Object.assign(document.createElement(kind), {textContent: text});
  const head = document.createElement("tr");
  head.append(cell("th", "true ↓  predicted →"), ...given.confusion.map((_, i) => cell("th", labels[i] ?? i)));
  table.replaceChildren(head, ...given.confusion.map((row, i) => {
    const line = document.createElement("tr");
    line.append(cell("th", labels[i] ?? i), ...row.map((count) => cell("td", count)));
    return line;
  }));
}

get("play").onclick = () => { say(""); send(state.screen.playing ? "pause" : "play"); };
get("step").onclick = () => { say(""); send("step", {epochs: 1}); };
get("rewind").onclick = () => { say(""); send("rewind"); };
get("reset").onclick = () => { say(""); send("reset"); };

// The program panel.
const text = get("program-text");
text.oninput = () => { text.dataset.edited = "yes"; };
get("program-apply").onclick = () => {
  say("");
  delete text.dataset.edited;
  sent = text.value;
  send("program", {text: text.value});
};
get("program-undo").onclick = () => {
  delete text.dataset.edited;
  text.value = (get("program-of").value === "second" ? state.screen.second : state.screen).program;
};
let sent = null;
on("error", ({text: why}) => {
  if (sent !== null && why.startsWith("[program]")) { text.value = sent; text.dataset.edited = "yes"; }
  sent = null;
});

// The large map: values under the cursor, points drawn by mouse and keyboard.
const map = get("map");
let asked = 0;
function ask(place) {
  const now = performance.now();
  if (now - asked < 80) return;
  asked = now;
  send("at", {x1: place[0], x2: place[1]});
}
const drawPoint = (place) => send("draw", {points: [[...place, Number(get("draw-class").value)]]});
map.onpointermove = (event) => ask(spot(event.clientX, event.clientY));
map.onclick = (event) => { if (get("drawing").checked) drawPoint(spot(event.clientX, event.clientY)); };
map.onkeydown = (event) => {
  const {low, high} = state.screen, step = (i) => (high[i] - low[i]) / 40;
  const moves = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};
  view.cross ??= [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  if (event.key in moves) {
    view.cross = view.cross.map((v, i) => Math.min(high[i], Math.max(low[i], v + moves[event.key][i] * step(i))));
  } else if (event.key === "Enter") drawPoint(view.cross);
  else if (event.key === "Delete" || event.key === "Backspace") send("erase", {x1: view.cross[0], x2: view.cross[1]});
  else return;
  event.preventDefault();
  drawPoints();
  asked = 0;
  ask(view.cross);
};
map.onblur = () => { view.cross = null; drawPoints(); };
on("at", drawAt);

on("file", (message) => {
  const content = message.arrays.content.data;
  const bytes = new Uint8Array(content.buffer, content.byteOffset, message.size);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes]));
  link.download = message.name;
  link.click();
  URL.revokeObjectURL(link.href);
});
matchMedia("(prefers-color-scheme: dark)").onchange = () => {
  if (state.frame) { drawCurves(true); drawUnits(); }
};

connect();
