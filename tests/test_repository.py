"""What holds for the whole repository: imports, layers, the wheel."""

import os
import re
import statistics
import subprocess
import sys
import time
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "pellucid"
OPTIONAL = (
    "llvmlite",
    "rich",
    "typer",
    "matplotlib",
    "safetensors",
    "sklearn",
    "torch",
    "jax",
    "scipy",
    "sympy",
    "mpmath",
    "duckdb",
    "onnx",
    "starlette",
    "websockets",
    "ray",
    "dask",
)


def python(code, **options):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_pulls_in_no_optional_part():
    loaded = python("import sys, pellucid; print(*sorted(sys.modules))").split()
    assert not set(OPTIONAL) & set(loaded)


def test_importing_costs_little_more_than_numpy(tmp_path):
    # Byte code is kept, as it is for everyone who imports the package twice.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    kept["PYTHONPYCACHEPREFIX"] = str(tmp_path)

    def seconds(module):
        """Processor time, which other work on the machine does not stretch."""
        code = (
            f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"
        )
        return float(python(code, env=kept))

    for module in ("pellucid", "numpy"):
        seconds(module)  # writes the byte code
    extra = [seconds("pellucid") - seconds("numpy") for _ in range(5)]
    assert statistics.median(extra) <= 0.150


def test_every_folder_stands_in_the_layers():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = next(
        contract["layers"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    listed = {name.strip(" ()") for row in layers for name in row.split("|")}
    folders = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert folders <= listed


def test_no_unfinished_business_in_the_code():
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{path.name}:{number}"
        for path in SOURCE.rglob("*.py")
        for number, row in enumerate(path.read_text().splitlines(), 1)
        if marks.search(row)
    ]
    assert found == []


def test_the_package_is_typed():
    assert (SOURCE / "py.typed").exists()


def test_one_version_everywhere():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert (
        python("import pellucid; print(pellucid.__version__)").strip()
        == (settings["project"]["version"])
    )


def test_every_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in project["optional-dependencies"].values():
        wanted += extra
    names = {re.split(r"[\[<>=~! ]", item, maxsplit=1)[0].lower() for item in wanted}
    pins = (ROOT / "constraints.txt").read_text().split()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    assert names - {"pellucid"} <= {pin.split("==")[0].lower() for pin in pins}


def test_the_readme_says_what_runs():
    text = (ROOT / "README.md").read_text()
    code = re.search(r"```python\n(import numpy.*?)```", text, re.S)
    assert code is not None
    shorter = code.group(1).replace("epochs=60", "epochs=2").replace(", verbose=2", ", verbose=0")
    folder = os.environ.get("TMPDIR", "/tmp")
    target = f"{folder}/readme-{os.getpid()}.safetensors"
    python(shorter.replace("digits.safetensors", target))
    Path(target).unlink()
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in link:
            assert (ROOT / link).exists(), f"README links to {link}"


def test_the_whole_story_runs_as_written(tmp_path):
    python(
        """
import numpy as np, pellucid as pel
x, y, z = pel.Tensor(3.0), pel.Tensor(-5.0), pel.Tensor(2.0)
b = x * y + z
b.backward()
assert (float(b), float(x.grad), float(y.grad), float(z.grad)) == (-13, -5, 3, 1)

data = pel.data.load_digits(seed=0)
X, t = np.ones((5, 3)), np.zeros((5, 2))
def loss(W, b):
    return np.mean((X @ W + b - t) ** 2)
dW, db = pel.grad(loss, (0, 1))(np.ones((3, 2)), np.ones(2))
assert dW.shape == (3, 2) and db.shape == (2,)

X, y = data.x_train.reshape(-1, 64) / 16, data.y_train
Xv, yv = data.x_test.reshape(-1, 64) / 16, data.y_test
model = pel.Sequential([pel.nn.Dense(200, activation="relu"), pel.nn.Dense(10)], seed=0)
model.compile(optimizer=pel.optim.SGD(0.5), loss="cross_entropy", metrics=["accuracy"])
history = model.fit(
    X, y, batch_size=100, epochs=15, validation_data=(Xv, yv), seed=0, verbose=1
)
model.evaluate(Xv, yv); model.predict(Xv); model.predict_proba(Xv); model.summary()
model.save("digits.safetensors"); model = pel.load("digits.safetensors")
assert model.evaluate(Xv, yv)["accuracy"] > 0.9
""",
        cwd=tmp_path,
    )


@pytest.mark.slow
def test_the_wheel_trains_the_digits_alone_in_an_empty_environment(tmp_path):
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            "--wheel-dir",
            tmp_path,
            ROOT,
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    commands = tmp_path / "empty" / "bin"
    subprocess.run(
        [commands / "python", "-m", "pip", "install", "--quiet", wheel],
        check=True,
        capture_output=True,
        timeout=600,
        env=os.environ | {"PIP_CONSTRAINT": str(ROOT / "constraints.txt")},
    )
    (tmp_path / "elsewhere").mkdir()
    started = time.perf_counter()
    done = subprocess.run(
        [commands / "pellucid", "train", "digits"],
        cwd=tmp_path / "elsewhere",
        capture_output=True,
        text=True,
        timeout=300,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    assert "Test error" in done.stdout
    assert (tmp_path / "elsewhere" / "digits.safetensors").exists()
    assert time.perf_counter() - started < 60
