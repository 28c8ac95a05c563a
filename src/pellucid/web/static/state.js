// What the page knows, and the socket to the session that knows the rest.

export const state = {hello: null, screen: null, frame: null, points: null, connected: false,
  comparing: false}; // the next setting is that of a second run
const listeners = new Map();

export function on(kind, act) {
  listeners.set(kind, [...(listeners.get(kind) ?? []), act]);
}

function tell(kind, message) {
  for (const act of listeners.get(kind) ?? []) act(message);
}

export function digits(value) {
  if (value === null || value === undefined) return "not finite";
  if (document.getElementById("all-digits").checked) return String(value);
  return Math.abs(value) >= 1e5 || (value !== 0 && Math.abs(value) < 1e-4)
    ? value.toExponential(3) : value.toFixed(4);
}

let socket = null;
const command = document.body.dataset.command ?? "pellucid play"; // what serves this page

// The token comes in the address behind #, leaves it at once, and is kept for this tab alone.
function token() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const given = parts.get("token");
  parts.delete("token");
  history.replaceState(null, "", location.pathname + (parts.size ? `#${parts}` : ""));
  if (given) sessionStorage.setItem("token", given);
  return [given ?? sessionStorage.getItem("token") ?? "", parts.toString()];
}

export function connect() {
  const [secret, address] = token();
  socket = new WebSocket(`ws://${location.host}/socket`);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => { socket.send(JSON.stringify({token: secret, address})); };
  socket.onclose = (event) => {
    state.connected = false;
    tell("closed", event.code === 1008
      ? `The address lacks its token. Open the address that ${command} printed.`
      : `The session has ended. Run ${command} again.`);
  };
  socket.onmessage = (event) => {
    state.connected = true;
    const message = typeof event.data === "string" ? JSON.parse(event.data) : unpack(event.data);
    if (message.kind === "hello") state.hello = message;
    if (message.kind === "screen") {
      state.screen = message;
      history.replaceState(null, "", location.pathname + (message.address ? `#${message.address}` : ""));
    }
    if (message.kind === "frame") state.frame = message;
    if (message.kind === "points") {
      state.points = {x: message.arrays.x.data, y: message.arrays.y.data, held: message.arrays.held.data};
    }
    if (typeof event.data !== "string" && message.kind !== "frame") seen();
    tell(message.kind, message);
  };
}

export function seen() { if (socket?.readyState === 1) socket.send("seen"); }

export function send(name, rest = {}) {
  if (socket?.readyState === 1) socket.send(JSON.stringify({do: name, ...rest}));
}

export function set(values) {
  send(state.comparing ? "compare" : "set", {values});
  tell("asked", values);
}

function unpack(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  let place = 4 + length;
  for (const [name, shape] of header.arrays) {
    const count = shape.reduce((a, b) => a * b, 1);
    arrays[name] = {shape, data: new Float32Array(buffer, place, count)};
    place += 4 * count;
  }
  return {...header, arrays};
}
