// Colours of values and classes. Beside each colour stands a shape or a sign.

const BLUE = [0, 114, 178], ORANGE = [213, 94, 0];
// Of several classes: Okabe and Ito's colours, told apart with colour blindness too.
const CLASSES = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#8a6d00", "#56B4E9", "#5b4a9c",
  "#7a3b00", "#444444", "#a8003f"];
// In the order of 20 classes: those that share one of the seven shapes are never alike.
const ORDER = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 5, 7, 9, 1, 4, 6, 8, 9, 8];
export const classColour = (number) => CLASSES[ORDER[number % ORDER.length]];

// -1 is orange, 0 white, 1 blue.
export function mix(value) {
  const v = Math.max(-1, Math.min(1, value));
  const end = v < 0 ? ORANGE : BLUE;
  const part = Math.abs(v);
  return end.map((one) => Math.round(255 + (one - 255) * part));
}

const TABLE = new Uint32Array(511);
for (let i = 0; i < 511; i++) {
  const [r, g, b] = mix((i - 255) / 255);
  TABLE[i] = (255 << 24) | (b << 16) | (g << 8) | r;
}
const GREY = 0xff999999;

export function paint(canvas, values, cells, scale, shift = 0, hard = false) {
  if (canvas.width !== cells) { canvas.width = cells; canvas.height = cells; }
  const context = canvas.getContext("2d");
  const image = context.createImageData(cells, cells);
  const pixels = new Uint32Array(image.data.buffer);
  for (let i = 0; i < pixels.length; i++) {
    let v = (values[i] - shift) / scale;
    if (hard) v = v >= 0 ? 1 : -1;
    pixels[i] = Number.isFinite(v) ? TABLE[Math.round(Math.max(-1, Math.min(1, v)) * 255) + 255] : GREY;
  }
  context.putImageData(image, 0, 0);
}

// A picture of ink from 0, white, to 1, black.
export function paintInk(canvas, values, [height, width]) {
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    image.data.fill(255 - 255 * Math.max(0, Math.min(1, values[i])), 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// The class with the highest output, paler where the next one is close.
export function paintClasses(canvas, values, cells, classes, hard) {
  if (canvas.width !== cells) { canvas.width = cells; canvas.height = cells; }
  const context = canvas.getContext("2d");
  const image = context.createImageData(cells, cells);
  const size = cells * cells;
  const rgb = Array.from({length: classes}, (_, c) =>
    [1, 3, 5].map((at) => parseInt(classColour(c).slice(at, at + 2), 16)));
  for (let i = 0; i < size; i++) {
    let best = 0, next = -Infinity;
    for (let c = 1; c < classes; c++) {
      if (values[c * size + i] > values[best * size + i]) { next = values[best * size + i]; best = c; }
      else next = Math.max(next, values[c * size + i]);
    }
    const lead = values[best * size + i] - next;
    const part = hard ? 0.75 : 0.15 + 0.65 * (1 - Math.exp(-lead));
    for (let k = 0; k < 3; k++) image.data[4 * i + k] = 255 + (rgb[best][k] - 255) * part;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

// Shapes of classes, so that no one needs the colours. Of more classes than there are shapes, two with
// one shape differ in colour.
export const SHAPES = 7;
export function mark(context, shape, x, y, r) {
  context.beginPath();
  const corners = (n, turn) => {
    for (let k = 0; k < n; k++) {
      const a = turn + 2 * Math.PI * k / n;
      context[k ? "lineTo" : "moveTo"](x + r * Math.cos(a), y + r * Math.sin(a));
    }
    context.closePath();
  };
  const kind = shape % SHAPES;
  if (kind === 1) context.arc(x, y, r, 0, 7);
  else if (kind === 0) corners(4, Math.PI / 4);
  else if (kind === 2) corners(3, -Math.PI / 2);
  else if (kind === 3) corners(4, 0);
  else if (kind === 4) corners(6, 0);
  else if (kind === 5) corners(3, Math.PI / 2);
  else {
    const a = r, b = r / 3;
    for (const [dx, dy] of [[b, a], [b, b], [a, b], [a, -b], [b, -b], [b, -a], [-b, -a], [-b, -b],
      [-a, -b], [-a, b], [-b, b], [-b, a]]) context.lineTo(x + dx, y + dy);
    context.closePath();
  }
}
