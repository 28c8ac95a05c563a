// The inspector: the place on the ladder, the picture of the step, what is known of a node.

import {showFacts, showDifference} from "./facts.js";
import {keep, make, markup, short} from "./parts.js";
import {connect, on, send} from "./state.js";
import {showViews} from "./views.js";

const get = (id) => document.getElementById(id);
let screen = null, sliding = 0;

function say(text, isError = false) {
  get("message").textContent = text;
  get("message").classList.toggle("error", isError);
}
on("error", ({text}) => say(text, true));
on("closed", (text) => {
  say(text, true);
  for (const one of document.querySelectorAll("button, select, input")) one.disabled = true;
});

const go = (changed) => send("go",
  {level: screen.level, step: screen.step, node: screen.node, ...changed});

on("screen", (message) => {
  screen = message;
  say(message.broken
    ? `The first value that is not finite is ${message.broken.name} (${message.broken.op}${message.broken.line ? `, ${message.broken.line}` : ""}).`
    : "", Boolean(message.broken));
  get("title").textContent = message.title;
  showLadder();
  showRun();
  if (message.svg !== null) showPicture(message.svg);
  mark();
  showFacts(message.facts, goTo);
  showLayers();
  showViews(message);
  get("where").textContent = `${message.level}${ran() ? `, step ${message.step}` : ""}: ${message.facts.name} = ${message.facts.op}`;
  document.body.dataset.ready = "yes";
  document.body.dataset.place = `${message.level} ${message.step} ${message.node}`;
});
on("difference", showDifference);

// A node of the way back stands for the gradient of the node that it belongs to.
function goTo(node) {
  const level = screen.level === "backward" || screen.level === "update" ? screen.level : "forward";
  go({level: node in shownAt(level) ? level : "forward", node});
}
const shownAt = (level) => level === "forward" || level === "backward"
  ? Object.fromEntries(screen.nodes.map(([n]) => [n, true])) : {};

// A button for each name. They stay while the names do: a press may begin before a screen comes.
function tabs(place, names, act, look = () => {}) {
  if ([...place.children].map((one) => one.textContent).join("\n") !== names.join("\n")) {
    place.replaceChildren(...names.map((name) => {
      const one = make("button", name);
      one.onclick = () => act(name);
      return one;
    }));
  }
  for (const [k, name] of names.entries()) look(place.children[k], name);
}

const ran = () => screen.last !== undefined;

function showLadder() {
  tabs(get("ladder"), screen.levels, (level) => go({level}), (one, level) => {
    one.setAttribute("role", "tab");
    one.setAttribute("aria-selected", level === screen.level);
  });
  const find = get("find"), known = screen.nodes.map(([n]) => n);
  if (find.options.length !== known.length || Number(find.options[0]?.value) !== known[0]) {
    find.replaceChildren(...screen.nodes.map(([n, name, layer]) => {
      const one = make("option", layer ? `${name} (${layer})` : name);
      one.value = n;
      return one;
    }));
  }
  find.value = screen.node;
}
get("find").onchange = (event) => go({
  level: screen.levels.includes(screen.level) && ["forward", "backward"].includes(screen.level)
    ? screen.level : "forward",
  node: Number(event.target.value)});

function showRun() {
  for (const id of ["run", "layer-facts", "responses", "landscape"]) get(id).hidden = !ran();
  if (!ran()) return;
  const slider = get("step");
  slider.max = screen.last;
  if (!sliding) slider.value = screen.step;
  get("step-shown").textContent = `${screen.step} of 0 to ${screen.last}`;
  const facts = [["Epoch", screen.epoch], ["Batch of the epoch", screen.batch],
    ["Learning rate", short(screen.rate)], ["Loss", short(screen.loss)],
    ["Rows", `${screen.row_count}: ${screen.rows.slice(0, 12).join(", ")}${screen.row_count > 12 ? ", …" : ""}`],
    ["States kept", screen.kept.length]];
  get("counters").replaceChildren(...facts.map(([name, value]) => {
    const box = document.createElement("div");
    box.append(make("dt", name), make("dd", value));
    return box;
  }));
  const finite = screen.losses.filter((one) => one[1] !== null);
  const high = Math.max(...finite.map((one) => one[1])), low = Math.min(...finite.map((one) => one[1]));
  const x = (step) => 600 * step / Math.max(1, screen.last);
  const y = (loss) => 65 - 60 * (loss - low) / (high - low || 1);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", finite.map(([k, loss], i) => `${i ? "L" : "M"}${x(k)} ${y(loss)}`).join(""));
  const here = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [name, value] of [["x1", x(screen.step)], ["x2", x(screen.step)], ["y1", 0], ["y2", 70]]) here.setAttribute(name, value);
  get("curve").replaceChildren(...(finite.length > 1 ? [line] : []), here);
}
get("step").oninput = () => {
  get("step-shown").textContent = `${get("step").value} of 0 to ${screen.last}`;
  clearTimeout(sliding);
  sliding = setTimeout(() => { sliding = 0; go({step: Number(get("step").value)}); }, 120);
};

function showPicture(text) {
  const place = get("picture"), at = [place.scrollLeft, place.scrollTop];
  const drawn = markup(text, "image/svg+xml");
  for (const one of drawn.querySelectorAll(".node, .cell")) {
    // Of an open cell the frame closes it; what stands in it has buttons of its own.
    const cell = one.classList.contains("cell"), button = cell ? one.firstElementChild : one;
    const shown = cell ? `Close ${one.id.replace("-", " ")}`
      : [...one.querySelectorAll("text")].map((text) => text.textContent).join(", ");
    const given = {tabindex: "0", role: "button", "aria-label": shown,
      "data-focus": cell ? `close ${one.id}` : one.id};
    for (const [name, value] of Object.entries(given)) button.setAttribute(name, value);
    one.addEventListener("click", (event) => { event.stopPropagation(); press(one, event); });
    button.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); press(one, event); }
    });
  }
  keep(place, [drawn]);
  [place.scrollLeft, place.scrollTop] = at;
}

function press(one, event) {
  if (one.classList.contains("cell")) {
    if (event.target === one.firstElementChild) send("open", {cell: one.id});
    return;
  }
  if (one.classList.contains("folded") && !one.id.startsWith("g")) return send("open", {cell: one.id});
  const node = Number(one.dataset.nodes.split(" ")[0]);
  goTo(node);
}

function mark() {
  for (const one of get("picture").querySelectorAll(".here")) one.classList.remove("here");
  const finer = !["run", "epoch", "batch"].includes(screen.level);
  let first = null;
  for (const id of finer ? screen.boxes : []) {
    const found = get("picture").querySelector(`[id="${CSS.escape(id)}"].node`);
    if (found) { found.classList.add("here"); first ??= found; }
  }
  first?.scrollIntoView({block: "nearest", inline: "nearest"});
}

function showLayers() {
  if (screen.layers === undefined) return;
  const head = make("tr");
  head.append(...["layer", "‖∂J/∂w‖", "‖w‖", "‖step‖", "‖∂J/∂h‖", "dead units"].map((text) => make("th", text)));
  get("layers").replaceChildren(head, ...screen.layers.map((one) => {
    const row = make("tr");
    row.append(make("th", one.layer), ...[one.gradient, one.weights, one.update, one.back].map((value) =>
      make("td", value === null ? "" : short(value))));
    row.append(make("td", one.units ? `${one.dead.length} of ${one.units}` : ""));
    return row;
  }));
  get("responses").hidden = !screen.units.length;
  tabs(get("units-buttons"), screen.units, (layer) => send("units", {layer, columns: [0, 1]}));
}
on("units", ({svg}) => get("units-picture").replaceChildren(markup(svg, "image/svg+xml")));

for (const one of document.querySelectorAll("[data-move]")) {
  one.onclick = () => send("move", {way: one.dataset.move});
}
const WAYS = {ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down"};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea")) return;
  if (event.key in WAYS) { event.preventDefault(); send("move", {way: WAYS[event.key]}); }
  if (event.key === "d" || event.key === "D") send("difference");
});

connect();
