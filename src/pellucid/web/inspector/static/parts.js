// Small parts: elements with text, numbers in few digits, markup that Python wrote.

export function make(kind, text = "", cls = "") {
  const one = document.createElement(kind);
  one.textContent = text;
  if (cls) one.className = cls;
  return one;
}

// A number with six digits; what is no number stays as it is.
export function short(value) {
  if (value === null || value === undefined) return "not finite";
  const number = Number(value);
  if (!Number.isFinite(number) || value === "") return String(value);
  const rounded = Number(number.toPrecision(6));
  return rounded !== 0 && Math.abs(rounded) < 1e-3 ? rounded.toExponential() : String(rounded);
}

// Pictures and formulas are XML of the library's own; nothing in them runs.
export function markup(text, type) {
  return document.importNode(new DOMParser().parseFromString(text, type).documentElement, true);
}

export function formula(text) {
  const box = make("div", "", "formula");
  if (text) box.append(markup(text, "application/xml"));
  return box;
}

// Puts other parts into a place; the one that had the focus keeps it, known by data-focus or its id.
export function keep(place, parts) {
  const active = document.activeElement;
  const key = place.contains(active) ? active.dataset.focus ?? active.id : "";
  place.replaceChildren(...parts);
  if (key) {
    const found = place.querySelector(`[data-focus="${CSS.escape(key)}"], [id="${CSS.escape(key)}"]`);
    found?.focus({preventScroll: true});
  }
}
