"""Searches of scikit-learn's over joblib's backends for Ray and Dask."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from tests.models.test_clusters import RAY, script

pytestmark = pytest.mark.slow

SEARCH = """
import joblib, pathlib, warnings
from sklearn.model_selection import GridSearchCV
from pellucid.sklearn import MLPClassifier
from pellucid.models import reuse

warnings.simplefilter("ignore")
FOLDER = pathlib.Path(__file__).parent / "seen"
FOLDER.mkdir(exist_ok=True)
GRID = {"alpha": [1e-4, 1e-3, 1e-2, 0.1, 1], "learning_rate_init": [1e-3, 1e-2]}

def score(estimator, x, y):
    "The accuracy; a file says which process measured it, with how many threads and structures."
    seen = f"{os.getpid()} {available()} {len(reuse._known)}"
    (FOLDER / str(time.time_ns())).write_text(seen)
    return estimator.score(x, y)

def search(jobs=-1):
    network = MLPClassifier((24,), random_state=0, max_iter=150, n_iter_no_change=1000)
    found = GridSearchCV(network, GRID, cv=4, n_jobs=jobs, refit=False, scoring=score).fit(X, Y)
    return np.array([found.cv_results_[f"split{n}_test_score"] for n in range(4)])

def seen():
    return [tuple(map(int, one.read_text().split())) for one in FOLDER.iterdir()]

def forget():
    for one in FOLDER.iterdir():
        one.unlink()
"""


def test_a_search_over_ray_loses_nothing_to_a_node_that_is_killed(tmp_path: Path) -> None:
    code = """
    import threading
    from ray.util.joblib import register_ray
    from ray._private.state import actors

    def kill():
        while len(seen()) < 8:
            time.sleep(0.05)
        own = [one for one in actors().values() if one["Address"]["NodeID"] == node.node_id]
        cluster.remove_node(node, allow_graceful=False)
        say("killed", bool(own))

    usual = search(1)
    forget()
    register_ray()
    threading.Thread(target=kill, daemon=True).start()
    again = {"max_restarts": -1, "max_task_retries": -1, "scheduling_strategy": "SPREAD"}
    with joblib.parallel_config("ray", ray_remote_args=again):
        found = search()
    say(found.shape, (found == usual).all(), {one[1:] for one in seen()})
    """
    words = script("ray", SEARCH + RAY + textwrap.dedent(code), tmp_path)
    assert words == "killed True (4, 10) True {(1, 1)}"  # one thread, one structure


def test_a_search_over_dask_is_the_search_here(tmp_path: Path) -> None:
    code = """
    import distributed

    if __name__ == "__main__":
        usual = search(1)
        forget()
        client = distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None)
        with joblib.parallel_config("dask"):
            found = search()
        say(found.shape, (found == usual).all(), {one[1:] for one in seen()})
        say(len({one[0] for one in seen()}) == 2)
        client.close()
    """
    words = script("distributed", SEARCH + textwrap.dedent(code), tmp_path)
    assert words == "(4, 10) True {(1, 1)} True"
