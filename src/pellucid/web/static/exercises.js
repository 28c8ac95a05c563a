// Exercises whose answers are checked: how many hidden units, and which function.

import {classColour, mark} from "./colours.js";
import {options} from "./controls.js";
import {digits, on, send, set, state} from "./state.js";

const get = (id) => document.getElementById(id);
let asked = null, checking = false;

const percent = (share) => `${(100 * share).toFixed(1)} %`;

// What was chosen and is not yet on the screen, so that quick changes add up.
let wanted = null;
function choose(values) {
  wanted = {...(wanted ?? state.screen.settings.exercise), ...values};
  set({exercise: wanted});
}

export function showExercise() {
  const exercise = state.screen.settings.exercise;
  if (!exercise) { asked = wanted = null; return; }
  if (wanted && Object.keys(exercise).every((name) => exercise[name] === wanted[name])) wanted = null;
  if (wanted) return; // another screen comes
  get("exercise-kind").value = exercise.kind;
  const levels = state.hello.exercises[exercise.kind];
  options(get("exercise-level"), levels, levels.map((k) => k ? `level ${k}` : "the points of the playground"));
  get("exercise-level").value = exercise.level;
  if (document.activeElement !== get("exercise-seed")) get("exercise-seed").value = exercise.seed;
  const own = exercise.level === 0;
  for (const id of ["exercise-seed", "exercise-next"]) get(id).disabled = own;
}

function busy(yes) {
  checking = yes;
  get("exercise-check").disabled = yes;
  get("exercise-cancel").hidden = !yes;
}

function verdict(text, right) {
  const box = get("exercise-verdict");
  box.className = right === undefined ? "" : right ? "right" : "wrong";
  box.textContent = text;
}

// A question.
on("exercise", (message) => {
  asked = message;
  busy(false);
  verdict("");
  const answer = get("exercise-answer");
  answer.value = "";
  const graph = message.exercise === "which-function";
  for (const id of ["exercise-starts", "exercise-counter"]) get(id).hidden = true;
  get("exercise-points").hidden = graph;
  get("exercise-graph").hidden = !graph;
  if (graph) {
    picture(get("exercise-graph"), message);
    get("exercise-question").textContent = "Which function is this graph? Read it from left to right.";
    get("exercise-label").textContent = `f(${message.variables.join(", ")}) =`;
    get("exercise-help").textContent = "Write it with + - * / **, sin, tanh, exp, abs and max, such as " +
      "2*x1 + max(x2, 0). It is compared with the graph at many points.";
    answer.inputMode = "text";
  } else {
    drawPoints(message);
    get("exercise-question").textContent = "How many hidden units does this data set need?";
    get("exercise-label").textContent = "Hidden units";
    get("exercise-help").textContent = `One hidden layer of tanh units; 0 is no hidden layer. ` +
      `${message.starts} networks are trained from different starts with your number, and ${message.starts} ` +
      `with one fewer. One solves it where ${Math.round(100 * message.solved)} % of the points lie on their side.`;
    answer.inputMode = "numeric";
  }
  document.body.dataset.exercises = String(Number(document.body.dataset.exercises ?? 0) + 1);
  document.body.dataset.frames ??= "0";
});

function picture(image, {image: source, width, height, alt}) {
  image.src = source;
  image.width = Math.round(width);
  image.height = Math.round(height);
  image.alt = alt;
}

function drawPoints({arrays, name}) {
  const canvas = get("exercise-points"), context = canvas.getContext("2d");
  const {x, y} = arrays, size = canvas.width;
  let reach = 0;
  for (const v of x.data) reach = Math.max(reach, Math.abs(v));
  const at = (v) => (v / (1.08 * reach) + 1) / 2 * size;
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, size, size);
  context.strokeStyle = "#767f8b";
  context.beginPath();
  context.moveTo(size / 2, 0); context.lineTo(size / 2, size);
  context.moveTo(0, size / 2); context.lineTo(size, size / 2);
  context.stroke();
  const count = [0, 0];
  for (let i = 0; i < y.data.length; i++) {
    count[y.data[i]] += 1;
    mark(context, y.data[i], at(x.data[2 * i]), size - at(x.data[2 * i + 1]), 6);
    context.fillStyle = classColour(y.data[i]);
    context.fill();
    context.strokeStyle = "#ffffff";
    context.stroke();
  }
  canvas.setAttribute("aria-label",
    `${count[1]} circles and ${count[0]} squares in the plane: ${name}`);
}

// What is found.
on("checked", (message) => {
  if (!asked || message.exercise !== asked.exercise) return;
  if (message.exercise === "which-function") {
    busy(false);
    get("exercise-counter").hidden = message.right;
    if (message.right) { verdict(`✓ Right: equal at all ${message.points} points.`, true); return; }
    const place = message.point.map((v, i) => `${asked.variables[i]} = ${v}`).join(", ");
    const theirs = message.given === null ? "is not finite" : `is ${digits(message.given)}`;
    verdict(`✗ Not this one: at ${place} your formula ${theirs}, the graph is ${digits(message.wanted)}.`, false);
    picture(get("exercise-counter-graph"), message);
    return;
  }
  showStarts(message);
  if (message.right === undefined) {
    verdict(`${message.starts.length} of ${message.units ? 2 * asked.starts : asked.starts} networks are trained.`);
    return;
  }
  busy(false);
  const {units} = message, own = message.starts.filter((one) => one[0] === units);
  const less = message.starts.filter((one) => one[0] < units), some = (list) => list.filter((one) => one[3]).length;
  const named = (n) => n === 1 ? "1 unit" : n ? `${n} units` : "no hidden unit";
  if (message.right) {
    verdict(`✓ Right: ${some(own)} of ${own.length} starts solve it with ${named(units)}` +
      (units ? `, none with ${named(units - 1)}.` : "."), true);
  } else if (!message.enough) {
    const best = Math.max(...own.map((one) => one[2]));
    verdict(`✗ Too few: with ${named(units)} no start solves it; the best has ${percent(best)} of the points ` +
      `on their side.`, false);
  } else {
    verdict(`✗ Enough, but not the fewest: with ${named(units - 1)} ${some(less)} of ${less.length} starts ` +
      `solve it too.`, false);
  }
});

function showStarts({starts}) {
  const table = get("exercise-starts"), cell = (kind, text) =>
    Object.assign(document.createElement(kind), {textContent: text});
  table.hidden = false;
  const sizes = [...new Set(starts.map((one) => one[0]))];
  const head = document.createElement("tr");
  head.append(cell("th", "units"), ...Array.from({length: asked.starts}, (_, k) => cell("th", `start ${k + 1}`)));
  table.replaceChildren(head, ...sizes.map((size) => {
    const line = document.createElement("tr");
    line.append(cell("th", size), ...starts.filter((one) => one[0] === size)
      .map((one) => cell("td", `${one[3] ? "✓" : "✗"} ${percent(one[2])}`)));
    return line;
  }));
}

on("error", () => { wanted = null; if (checking) { busy(false); verdict(""); } });

get("exercise-kind").onchange = (event) => choose({kind: event.target.value, level: 1, seed: 0});
get("exercise-level").onchange = (event) => choose({level: Number(event.target.value)});
get("exercise-seed").onchange = (event) => choose({seed: Math.max(0, Math.round(Number(event.target.value)))});
get("exercise-next").onclick = () => choose({seed: (wanted ?? state.screen.settings.exercise).seed + 1});
get("exercise-form").onsubmit = (event) => {
  event.preventDefault();
  const text = get("exercise-answer").value.trim();
  if (!text || checking) return;
  get("message").textContent = "";
  get("exercise-starts").hidden = true;
  get("exercise-counter").hidden = true;
  busy(true);
  verdict("Checking …");
  send("answer", {text});
};
get("exercise-cancel").onclick = () => { busy(false); verdict("Cancelled."); send("cancel"); };
