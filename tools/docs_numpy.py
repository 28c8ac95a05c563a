"""docs/numpy.md, from the tables of `pellucid.transform.numpy_functions`."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "numpy.md"

HEAD = """# NumPy functions on Tensors

Written by `tools/docs_numpy.py` from the tables in `src/pellucid/transform/numpy_functions.py`.

NumPy's own functions accept Tensors: `np.exp(x)`, `X @ W`, `np.sum(x, axis=0)`. The result has the
same value and shape as in NumPy, inside `pel.grad` and outside. Tensors can be mixed with arrays
and numbers. A function that is not listed here raises an error that names the nearest listed one.
A keyword that is not supported raises an error that says what to write instead, unless it has its
default value (`out=None`, `order="C"`).

## Where dtypes differ from NumPy

- Python floats are float64, and lists of them are float32; both take the dtype of an array that
  they meet. NumPy scalars and 0-d arrays of floats do so too, while in NumPy a float64 scalar
  widens a float32 array.
- A float wins over integers and booleans and keeps its width: float32 with int64 is float32.
- Where NumPy makes float64 from arrays of integers (a quotient, `exp`, `mean`), the result is
  float32.
- Booleans in arithmetic count as int64; `maximum` of two booleans is an int64.
- An integer can be raised to an integer power ≥ 0; a negative one is refused, as in NumPy.
- uint64 with a signed integer, which NumPy makes float64, is refused.

## Where values differ from NumPy

- Where a quantile is an element itself, it is that element, also beside an infinite one; NumPy
  interpolates there and gives NaN.
- Zeros of either sign are equal to `sort`, which keeps their order; NumPy's default sort may not.

## Limits

- Tensors are immutable: `x[0] = 1`, `out=` and `array += x` are refused.
- Shapes never depend on values: `x[x > 0]` and `np.where(mask)` are refused; write
  `np.where(mask, x, 0)`.
- `np.array([x, y])`, `np.r_` and `np.c_` of Tensors that are not being traced make arrays of their
  numbers, as `np.asarray(x)` does: NumPy asks each element for its numbers, and no gradient flows
  through them. Inside `pel.grad` and `pel.jit` that is an error. Write `np.stack([x, y])`, or
  `pellucid.numpy.array([x, y])`, which takes nested lists with numbers between them, and
  `pellucid.numpy.r_` and `c_`.
- Methods of NumPy arrays bypass Tensors: `array.dot(x)` computes with the numbers in `x`, and no
  gradient flows to `x`. Write `array @ x` or `np.dot(array, x)`.
- Kinks: abs, relu, hypot, norms and `std` have derivative 0 at 0; max, min and clip send the
  gradient to the first of equal values; the gradient of `prod` is exact at zeros. The slope of
  `arcsin`, `arccos`, `arccosh` and `arctanh` at the ends of their domains is infinite, that of
  `arctan2` at the origin is NaN, and `nan_to_num` has slope 0 where it replaces a number.
- Sorting is stable: equal elements keep their order, and each gets the gradient of the place where
  it stands; NaN stands last. `partition` sorts the whole axis, which is one of the orders that
  NumPy's may give. `median` and `quantile` hand the gradient to the one or two elements that they
  are computed from. The functions that skip NaN send it no gradient.
- `interp` at a point of the line has the slope behind it; what `unwrap` adds has no slope.
- `{host}` return Python values, so
  they need concrete Tensors, not those of a function that is being traced.

"""


def page() -> str:
    """The whole page."""
    from pellucid.transform.numpy_functions import ACCUMULATE, FUNCTIONS, HOST, REDUCE, UFUNCS

    parts = [HEAD.format(host="`, `".join(HOST))]
    parts.append(f"## Elementwise functions: {len(UFUNCS)}\n\n")
    parts.append(
        "All accept `dtype`; `out`, `where`, `casting`, `order`, `signature` are refused.\n\n"
    )
    parts.append(_wrapped(UFUNCS))
    reduced = [f"`np.{name}.reduce`" for name in REDUCE]
    reduced += [f"`np.{name}.accumulate`" for name in ACCUMULATE]
    parts.append(
        f"\nUfunc methods: {', '.join(reduced)}, and `outer` of any that takes two operands.\n\n"
    )
    parts.append(f"## Other functions: {len(FUNCTIONS)}\n\n")
    parts.append("| function | accepted keywords | refused keywords |\n|---|---|---|\n")
    for name, row in sorted(FUNCTIONS.items()):
        taken, refused = (", ".join(f"`{key}`" for key in k) for k in (row.honoured, row.refused))
        parts.append(f"| `np.{name}` | {taken} | {refused} |\n")
    return "".join(parts)


def _wrapped(names: object) -> str:
    lines, line = [], ""
    for name in sorted(names):  # type: ignore[call-overload]
        word = f"`{name}`"
        if len(line) + len(word) > 98:
            lines.append(line.rstrip())
            line = ""
        line += f"{word}, "
    return "\n".join([*lines, line.rstrip(", ")]) + ".\n"


def main() -> None:
    """Writes docs/numpy.md."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
