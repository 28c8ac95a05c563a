"""Machines as files: the same bits again, and nothing that a changed file can do."""

from __future__ import annotations

import json
import pickle
import struct

import numpy as np
import pytest
from scipy import sparse

import pellucid as pel
from pellucid import svm
from pellucid.core.errors import DataError, PellucidError
from tests.svm.data import blobs, waves


def product(a, b):
    return a @ b


X, Y = blobs(80, 3, seed=40)
X4, Y4 = blobs(120, 3, 4, seed=41)
XR, YR = waves(60)
M = np.diag([1.0, 2.0, 3.0])
MACHINES = {
    "SVC": lambda: svm.SVC(C=3.0, class_weight={0: 2.0}).fit(X, Y),
    "names": lambda: svm.NuSVC(0.3, multi_class="ovr").fit(X4, np.array(list("abcd"))[Y4]),
    "pairs": lambda: svm.SVC("poly", class_weight="balanced").fit(X4.astype(np.float32), Y4),
    "SVR": lambda: svm.SVR("linear").fit(XR, YR),
    "NuSVR": lambda: svm.NuSVR(0.3).fit(XR, YR),
    "OneClassSVM": lambda: svm.OneClassSVM("poly", coef0=1.0, nu=0.2).fit(XR),
    "precomputed": lambda: svm.SVC("precomputed").fit(X @ X.T, Y),
    "rows": lambda: svm.SVC(lambda a, b: a @ M @ b).fit(X, Y),
    "blocks": lambda: svm.SVC(lambda A, B: (A @ B.T + 1) ** 2).fit(X, Y),
}
ATTRIBUTES = ("support", "support_vectors", "dual_coef", "intercept", "n_support", "n_iter")


def inputs(name):
    if name == "precomputed":
        return X @ X.T
    return {"names": X4, "pairs": X4}.get(name, XR if "V" in name and name != "SVC" else X)


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_comes_back(name, tmp_path):
    machine, x = MACHINES[name](), inputs(name)
    machine.save(tmp_path / "machine.safetensors")
    found = svm.load(tmp_path / "machine.safetensors")
    assert type(found) is type(machine)
    np.testing.assert_array_equal(found.predict(x), machine.predict(x))
    for attribute in ATTRIBUTES:
        np.testing.assert_array_equal(getattr(found, attribute), getattr(machine, attribute))
    if hasattr(machine, "decision_function"):
        np.testing.assert_array_equal(found.decision_function(x), machine.decision_function(x))
    assert str(found.certificate) == str(machine.certificate)
    again = tmp_path / "again.safetensors"
    found.save(again)
    assert again.read_bytes() == (tmp_path / "machine.safetensors").read_bytes()
    if name in ("SVC", "pairs"):
        assert found.class_weight == machine.class_weight
        refitted = found.fit(x, Y if name == "SVC" else Y4)
        assert len(refitted.support) > 0


THIN = sparse.csr_array(X * (np.random.default_rng(5).random(X.shape) < 0.4))


@pytest.mark.parametrize("kernel", ["linear", "rbf"])
def test_a_machine_of_sparse_rows_comes_back(kernel, tmp_path):
    machine = svm.SVC(kernel).fit(THIN.astype(np.float32), Y)
    machine.save(tmp_path / "m")
    found = svm.load(tmp_path / "m")
    for x in THIN, THIN.toarray():
        np.testing.assert_array_equal(found.decision_function(x), machine.decision_function(x))
    assert str(found.certificate) == str(machine.certificate)
    found.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()


@pytest.mark.parametrize("name", ["columns", "starts"])
def test_sparse_rows_that_do_not_hold_together_are_refused(name, tmp_path):
    machine = svm.SVC().fit(THIN, Y)
    vectors = machine._expansion.vectors
    kept = getattr(vectors, name).copy()
    for place, value in ((2, 7), (0, -1), (1, kept[0] if name == "columns" else 99)):
        getattr(vectors, name)[:] = kept
        getattr(vectors, name)[place] = value
        machine.save(tmp_path / "m", overwrite=True)
        with pytest.raises(DataError, match=rf"(columns|starts|{name}) must fit"):
            svm.load(tmp_path / "m")


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize(
    ("inner", "x", "y"),
    [
        (svm.SVC(lambda a, b: a @ M @ b), X, Y),
        (svm.NuSVC(0.2), X4, np.array(list("abcd"))[Y4]),
        (svm.LinearSVC(), X4, Y4),
    ],
    ids=["own", "NuSVC", "LinearSVC"],
)
def test_a_calibrated_machine_comes_back(inner, x, y, method, tmp_path):
    machine = svm.Calibrated(inner, method=method, folds=3, seed=7).fit(x, y)
    machine.save(tmp_path / "m")
    found = svm.load(tmp_path / "m")
    np.testing.assert_array_equal(found.predict_proba(x), machine.predict_proba(x))
    np.testing.assert_array_equal(found.predict(x), machine.predict(x))
    assert (found.method, found.folds, found.seed) == (method, 3, 7)
    assert type(found.machine) is type(inner)
    found.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m").read_bytes()
    for change in (
        lambda d, h: d.update(curves=2),
        lambda d, h: d["parameters"].update(folds=1),
        lambda d, h: d.update(machine=dict(d)),
        lambda d, h: d["machine"].update(kind="OneClassSVM"),
        lambda d, h: h.update({"params/other": h.pop(next(k for k in h if "curve0" in k))}),
    ):
        machine.save(tmp_path / "m", overwrite=True)
        changed(tmp_path / "m", change)
        with pytest.raises(DataError, match=r"does not hold|must"):
            svm.load(tmp_path / "m")


def test_a_calibrated_machine_of_a_persons_own_cannot_be_saved(tmp_path):
    class Mine:
        classes = np.array([0, 1])

        def fit(self, x, y, sample_weight=None):
            return self

        def decision_function(self, x):
            return x[:, 0]

    with pytest.raises(DataError, match=r"machine must be one of pel\.svm, got Mine"):
        svm.Calibrated(Mine()).fit(X, Y).save(tmp_path / "m")


def test_a_file_holds_the_support_vectors_alone(tmp_path):
    x, y = blobs(2000, 20, seed=42, apart=2.0)
    machine = svm.SVC().fit(x, y)
    machine.save(tmp_path / "m.safetensors")
    size = (tmp_path / "m.safetensors").stat().st_size
    assert size < x.nbytes / 2 and size < machine.support_vectors.nbytes * 1.3 + 5000


def test_what_is_not_there(tmp_path):
    MACHINES["SVC"]().save(tmp_path / "m")
    found = svm.load(tmp_path / "m")
    assert found.certificate.slack is None
    with pytest.raises(PellucidError, match="rank needs the training data"):
        found.certificate.rank()
    with pytest.raises(PellucidError, match="the file exists already"):
        found.save(tmp_path / "m")
    with pytest.raises(DataError, match=r"pel\.svm\.load"):
        pel.load(tmp_path / "m")
    network = pel.Sequential([pel.nn.Dense(1, input_shape=(2,))], seed=0)
    network.save(tmp_path / "network")
    with pytest.raises(DataError, match=r"Networks are loaded by pel\.load"):
        svm.load(tmp_path / "network")


def changed(path, change, arrays=None):
    data = path.read_bytes()
    (n,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + n])
    document = json.loads(header["__metadata__"]["pellucid"])
    change(document, header)
    header["__metadata__"]["pellucid"] = json.dumps(document)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + n :])


CHANGES = {
    "kind": lambda d, h: d.update(kind="os.system"),
    "no kind": lambda d, h: d.pop("kind"),
    "parameter": lambda d, h: d["parameters"].update(C=-1),
    "another parameter": lambda d, h: d["parameters"].update(evil=1),
    "width": lambda d, h: d.update(width=7),
    "classes": lambda d, h: d.update(classes=[1, 2, 3]),
    "kernel": lambda d, h: d.update(kernel={"type": "Dense", "units": 3}),
    "kernel name": lambda d, h: d["parameters"].update(kernel="linear"),
    "no certificate": lambda d, h: d.update(certificate=[]),
    "certificate": lambda d, h: d["certificate"][0].update(rows="many"),
    "array": lambda d, h: h.update({"params/other": h.pop("params/support")}),
    "shape": lambda d, h: h["params/coefficients"].update(
        shape=h["params/coefficients"]["shape"][::-1]
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_file_is_refused(name, tmp_path):
    path = tmp_path / "m.safetensors"
    MACHINES["SVC"]().save(path)
    changed(path, CHANGES[name])
    with pytest.raises(DataError, match=r"does not hold|must"):
        svm.load(path)


def test_machines_can_be_pickled_and_copied():
    machine = MACHINES["SVC"]()
    found = pickle.loads(pickle.dumps(machine))
    np.testing.assert_array_equal(found.decision_function(X), machine.decision_function(X))
    assert str(found.certificate) == str(machine.certificate)
    assert len(pickle.dumps(machine)) < machine.support_vectors.nbytes * 3 + 5000
    own = svm.SVC(product).fit(X, Y)
    again = pickle.loads(pickle.dumps(own))
    np.testing.assert_array_equal(again.decision_function(X), own.decision_function(X))
