"""What is said where scikit-learn is not there or too old."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pellucid.sklearn


@pytest.mark.parametrize(
    "hide",
    ["sys.modules['sklearn'] = None", "import sklearn.utils.validation as v; del v.validate_data"],
    ids=["missing", "too old"],
)
def test_one_line_says_what_to_install(hide):
    code = (
        f"import sys; {hide}\n"
        "from pellucid.core.errors import MissingPackageError\n"
        "try:\n    import pellucid.sklearn\n"
        "except MissingPackageError as error:\n"
        "    print(error, isinstance(error, ImportError))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.strip().splitlines()
    assert "scikit-learn 1.6 or later must be installed" in line
    assert line.endswith("pip install 'pellucid[sklearn]'. True")


def test_importing_pellucid_does_not_import_scikit_learn():
    code = "import sys, pellucid as pel; pel.nn, pel.models; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr


def test_a_name_of_scikit_learn_that_is_not_there_is_answered():
    said = r"there is no 'LinearSVR' here\..* Use SVR\(kernel='linear'\)"
    with pytest.raises(ImportError, match=said):
        from pellucid.sklearn import LinearSVR  # noqa: F401
    with pytest.raises(AttributeError, match=said):
        _ = pellucid.sklearn.LinearSVR
    assert not hasattr(pellucid.sklearn, "LinearSVR")
    from pellucid.sklearn import base  # a module of the room, which nobody asked for before

    assert base.Estimator
