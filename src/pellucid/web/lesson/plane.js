"use strict";
// The output over the plane of two features: a heat map, the points on it, and a cross that reads it.

const BLUE = [0, 114, 178], WHITE = [255, 255, 255], ORANGE = [213, 94, 0];
const CLASS_COLOURS = [ORANGE, BLUE, [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233]];
const SIDE = 64; // places along each side
const SHAPES = [ // of points, in a square of side 2 around 0
  [], // a circle
  [[0, -1.1], [1, 0.8], [-1, 0.8]],
  [[-0.85, -0.85], [0.85, -0.85], [0.85, 0.85], [-0.85, 0.85]],
  [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
  [[-0.4, -1.1], [0.4, -1.1], [0.4, -0.4], [1.1, -0.4], [1.1, 0.4], [0.4, 0.4], [0.4, 1.1],
    [-0.4, 1.1], [-0.4, 0.4], [-1.1, 0.4], [-1.1, -0.4], [-0.4, -0.4]],
  [[0, 1.1], [1, -0.8], [-1, -0.8]],
];

const mixed = (from, to, part) => from.map((one, k) => Math.round(one + (to[k] - one) * part));
const css = (colour) => `rgb(${colour.join(",")})`;

// An element with attributes and children; text stays text.
function element(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "line", "circle", "path", "polyline", "rect", "text"].includes(name);
  const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

class Plane {
  constructor(told, engine, words, shown) {
    Object.assign(this, { told, engine, words, shown });
    const [left, low, right, high] = told.borders;
    this.grid = new Float32Array(2 * SIDE * SIDE);
    for (let row = 0, k = 0; row < SIDE; row++) {
      for (let column = 0; column < SIDE; column++) {
        this.grid[k++] = left + ((right - left) * (column + 0.5)) / SIDE;
        this.grid[k++] = high - ((high - low) * (row + 0.5)) / SIDE;
      }
    }
    this.small = new OffscreenCanvas(SIDE, SIDE);
    this.picture = new ImageData(SIDE, SIDE);
    this.marks = new OffscreenCanvas(640, 640); // the points, which stay where they are
    this.targets = this.targetsOf();
    this.cross = [(left + right) / 2, (low + high) / 2];
    this.canvas = element("canvas", {
      width: 640, height: 640, tabindex: 0, role: "application", "aria-label": words.plane,
      onpointermove: (event) => this.point(event), onkeydown: (event) => this.key(event),
    });
    this.points(this.marks.getContext("2d"));
    this.read = element("output", { "aria-live": "polite" });
    this.root = element("figure", { class: "plane" },
      element("figcaption", {}, words.output), this.canvas, this.legend(),
      element("p", { class: "read" }, this.read));
  }

  // The target of each point: a number, or the number of its class.
  targetsOf() {
    const rows = this.engine.plan.train.rows, all = this.engine.array("y0");
    const width = all.length / rows;
    return Array.from({ length: rows }, (_, k) => {
      const own = Array.from(all.subarray(k * width, (k + 1) * width), Number);
      return this.told.classes && width > 1 ? own.indexOf(Math.max(...own)) : own[0];
    });
  }

  // The place of a target or an output on the colour scale, from -1 to 1.
  side(value) {
    const { low, high } = this.told;
    return Math.max(-1, Math.min(1, (2 * (value - low)) / (high - low) - 1));
  }

  colour(part) {
    return mixed(WHITE, part < 0 ? ORANGE : BLUE, Math.abs(part));
  }

  // Each output as what it is shown as: a probability where it stands for one.
  shownValues(outputs) {
    const { link, classes } = this.told;
    if (link === "sigmoid") return outputs.map((one) => 1 / (1 + Math.exp(-one)));
    if (link !== "softmax") return outputs;
    const found = Float32Array.from(outputs);
    for (let at = 0; at < found.length; at += classes) {
      const row = found.subarray(at, at + classes);
      const most = Math.max(...row);
      const sum = row.reduce((total, one) => total + Math.exp(one - most), 0);
      row.forEach((one, k) => { row[k] = Math.exp(one - most) / sum; });
    }
    return found;
  }

  draw() {
    this.compute();
    this.paint();
  }

  // The heat map, small.
  compute() {
    const { classes } = this.told;
    const values = this.shownValues(this.engine.predict(this.grid));
    const pixels = this.picture.data;
    for (let place = 0; place < SIDE * SIDE; place++) {
      let colour;
      if (classes) {
        const row = values.subarray(place * classes, (place + 1) * classes);
        const best = row.indexOf(Math.max(...row));
        const sure = Math.max(0, Math.min(1, (row[best] - 1 / classes) / (1 - 1 / classes)));
        colour = mixed(WHITE, CLASS_COLOURS[best], 0.15 + 0.55 * sure);
      } else colour = this.colour(0.85 * this.side(values[place]));
      pixels.set([...colour, 255], 4 * place);
    }
    this.small.getContext("2d").putImageData(this.picture, 0, 0);
  }

  // The heat map, the points on it, and the cross.
  paint() {
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.small, 0, 0, this.canvas.width, this.canvas.height);
    context.drawImage(this.marks, 0, 0);
    this.readAt(context);
  }

  place([x, y]) {
    const [left, low, right, high] = this.told.borders;
    return [((x - left) / (right - left)) * this.canvas.width,
      ((high - y) / (high - low)) * this.canvas.height];
  }

  points(context) {
    const rows = this.engine.array("x0"), { classes } = this.told, { targets } = this;
    const size = targets.length > 400 ? 6 : 9;
    targets.forEach((target, k) => {
      const [x, y] = this.place([Number(rows[2 * k]), Number(rows[2 * k + 1])]);
      const part = classes ? 0 : this.side(target);
      const colour = classes ? CLASS_COLOURS[target] : this.colour(part);
      Plane.mark(context, classes ? target : Number(part > 0), x, y, size, colour);
    });
  }

  // A mark: its shape says the same as its colour.
  static mark(context, shape, x, y, size, colour) {
    const corners = SHAPES[shape];
    context.beginPath();
    if (corners.length) {
      corners.forEach(([a, b], k) => context[k ? "lineTo" : "moveTo"](x + a * size, y + b * size));
    } else context.arc(x, y, size, 0, 2 * Math.PI);
    context.closePath();
    context.fillStyle = css(colour);
    context.strokeStyle = "#fff";
    context.lineWidth = 5;
    context.stroke();
    context.strokeStyle = "#222";
    context.lineWidth = 2;
    context.stroke();
    context.fill();
  }

  legend() {
    const { classes, low, high } = this.told, { shown, words } = this;
    const entries = classes
      ? CLASS_COLOURS.slice(0, classes).map((colour, k) => [k, colour, `${words.class} ${k}`])
      : [[0, ORANGE, shown(low)], [1, BLUE, shown(high)]];
    return element("ul", { class: "legend" }, ...entries.map(([shape, colour, text]) => {
      const glyph = element("canvas", { width: 32, height: 32, "aria-hidden": "true" });
      Plane.mark(glyph.getContext("2d"), shape, 16, 17, 10, colour);
      return element("li", {}, glyph, text);
    }));
  }

  // The output at the cross, in words.
  readAt(context) {
    const { names, classes } = this.told;
    const [x, y] = this.place(this.cross);
    context.beginPath();
    for (const [a, b] of [[1, 0], [0, 1]]) {
      context.moveTo(x - 18 * a, y - 18 * b);
      context.lineTo(x + 18 * a, y + 18 * b);
    }
    for (const [colour, width] of [["#fff", 9], ["#111", 4]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
    const values = this.shownValues(this.engine.predict(Float32Array.from(this.cross)));
    const told = classes
      ? [...values].map((one, k) => `${this.words.class} ${k}: ${this.shown(one)}`).join(", ")
      : `${this.words.output}: ${this.shown(values[0])}`;
    const at = names.map((name, k) => `${name} = ${this.shown(this.cross[k])}`).join(", ");
    this.read.textContent = `${at}; ${told}`;
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect();
    const [left, low, right, high] = this.told.borders;
    this.cross = [left + ((right - left) * (event.clientX - box.left)) / box.width,
      high - ((high - low) * (event.clientY - box.top)) / box.height];
    this.paint();
  }

  key(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const [left, low, right, high] = this.told.borders;
    const most = [right, high], least = [left, low];
    this.cross = this.cross.map((one, k) =>
      Math.max(least[k], Math.min(most[k], one + (move[k] * (most[k] - least[k])) / 32)));
    this.paint();
  }
}
