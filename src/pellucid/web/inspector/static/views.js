// The parts of the page that are opened on demand: the loss around a step, maps, code.

import {keep, make, markup} from "./parts.js";
import {on, send} from "./state.js";

const get = (id) => document.getElementById(id);
let asked = "";

// -- the loss around a step -------------------------------------------------------------------

for (const one of document.querySelectorAll("[data-landscape]")) {
  one.onclick = () => {
    get("landscape-text").textContent = "It is computed. Any other move stops it.";
    send("landscape", {which: one.dataset.landscape});
  };
}
on("landscape", ({svg, text}) => {
  get("landscape-text").textContent = text;
  get("landscape-picture").replaceChildren(...(svg === null ? [] : [markup(svg, "image/svg+xml")]));
});
on("error", () => { get("landscape-text").textContent = ""; });

// -- what costs time while it is open -----------------------------------------------------------

for (const one of document.querySelectorAll("details[data-view]")) {
  one.addEventListener("toggle", () => send("view", {part: one.dataset.view, opened: Number(one.open)}));
}

export function showViews(screen) {
  for (const one of document.querySelectorAll("details[data-view]")) {
    const opened = screen[one.dataset.view] !== undefined;
    if (opened !== one.open && !one.dataset.ready) one.open = opened;
    one.dataset.ready = "yes";
  }
  if (screen.maps) showMaps(screen.maps, screen.facts);
  if (screen.code) showCode(screen.code);
}

function showMaps({svg, window, lines}, facts) {
  const parts = [];
  if (svg) {
    const maps = markup(svg, "image/svg+xml");
    for (const image of maps.querySelectorAll("image[data-map]")) {
      image.addEventListener("click", (event) => choose(event, image, facts));
    }
    parts.push(titled("h3", `${facts.name}, the row of the element`), scroll(maps));
  }
  parts.push(titled("h3", `What ${facts.name}[${facts.at.join(", ")}] is made of`));
  for (const line of lines) parts.push(make("p", line));
  if (!lines.length) parts.push(make("p", "No number of the data.", "hint"));
  if (window) parts.push(scroll(markup(window, "image/svg+xml")));
  parts.push(make("p", "Weights, and what is computed over all rows of a batch, are held fixed. " +
    "Choose another element above, or in a map by a click.", "hint"));
  keep(get("maps-shown"), parts);
}

function choose(event, image, facts) {
  const box = image.getBoundingClientRect(), shape = facts.value.shape;
  const rows = shape[1], columns = shape[2];
  const row = Math.floor((event.clientY - box.top) / box.height * rows);
  const column = Math.floor((event.clientX - box.left) / box.width * columns);
  const rest = shape.length > 3 ? [Number(image.dataset.map)] : [];
  send("element", {at: [facts.at[0], clamp(row, rows), clamp(column, columns), ...rest]});
}
const clamp = (value, count) => Math.max(0, Math.min(count - 1, value));

function showCode({numpy, source, kernels, why}) {
  const parts = [titled("h3", "NumPy, as the interpreter runs it")];
  parts.push(numpy ? code(numpy) : make("p", "It is given.", "hint"));
  if (source) {
    const more = make("details"), head = make("summary", "The function xp.… of the library");
    more.append(head, code(source));
    parts.push(more);
  }
  parts.push(titled("h3", "Machine code"));
  if (why) parts.push(make("p", `No kernel computes it: ${why}.`));
  for (const one of kernels) {
    parts.push(make("p", one.nodes.length > 1
      ? `Kernel k${one.number} (of ${one.count}) computes ${one.nodes.length} nodes together: ${one.nodes.map((pair) => pair[1]).join(", ")}.`
      : `Kernel k${one.number} (of ${one.count}) computes it alone.`), code(one.text));
    for (const [form, label] of [["llvm", "LLVM"], ["assembly", "Assembly"]]) {
      const button = make("button", label);
      button.dataset.focus = `${form} ${one.number}`;
      button.setAttribute("aria-label", `${label} of kernel k${one.number}`);
      button.onclick = () => send("code", {kernel: one.number, form});
      parts.push(button);
    }
  }
  keep(get("code-shown"), parts);
  const now = kernels.map((one) => one.number).join();
  if (now !== asked) { get("code-text").hidden = true; asked = now; }
}
on("code", ({text}) => {
  get("code-text").textContent = text;
  get("code-text").hidden = false;
});

const titled = (kind, text) => make(kind, text);

function code(text) {
  const box = make("pre", text);
  box.tabIndex = 0;
  return box;
}

function scroll(inside) {
  const box = make("div", "", "scroll");
  box.append(inside);
  return box;
}
