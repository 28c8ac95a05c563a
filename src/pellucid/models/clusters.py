"""Clusters that train models: Ray's and Dask's. Neither is imported before a person names it.

In: models as the bytes of their files, data, and what `fit` is given. Out: each model's file after
its run, as it comes. A run whose worker or node dies is done again by another one. Models travel as
files, which are data; the functions that workers call are those of the Pellucid installed there.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple, Protocol

from pellucid.core import forks
from pellucid.core.errors import ArgumentError, MissingPackageError, PellucidError
from pellucid.graph.node import TensorType
from pellucid.models.base import BaseModel
from pellucid.models.loading import described, model_of
from pellucid.models.model import Model
from pellucid.models.reuse import reuse_programs
from pellucid.models.saving import file_of, targets_of
from pellucid.train.checkpoint import packed, read

WHERE = "fit_many"
_TRIES = 5  # of a run whose workers die
_KNOWN = "'ray', 'ray://host:10001', 'dask', 'tcp://host:8786' or a distributed.Client"


class Outcome(NamedTuple):
    """What came of one run.

    Attributes:
        number: of the run.
        file: the model behind it; None where it did not begin.
        error: what ended it; None where nothing did.
    """

    number: int
    file: bytes | None
    error: Exception | None


class Cluster(Protocol):
    """Where runs are done."""

    def outcomes(
        self, files: Sequence[bytes], data: Mapping[str, Any], options: Sequence[Mapping[str, Any]]
    ) -> Iterator[Outcome]:
        """Each run's outcome, in the order in which they end."""


def cluster_of(cluster: Any, threads: int) -> Cluster:
    """What `cluster=` names.

    Raises:
        ArgumentError: for anything else, and where it cannot be reached.
        MissingPackageError: where Ray or Dask is not installed.
    """
    if isinstance(cluster, str) and (cluster == "ray" or cluster.startswith("ray://")):
        return _Ray(None if cluster == "ray" else cluster, threads)
    if isinstance(cluster, str) and (cluster == "dask" or cluster.startswith(("tcp://", "tls://"))):
        return _Dask(_client(None if cluster == "dask" else cluster), threads)
    if type(cluster).__module__.partition(".")[0] == "distributed" and hasattr(cluster, "scatter"):
        return _Dask(cluster, threads)
    raise ArgumentError(WHERE, f"cluster must be {_KNOWN}, got {cluster!r}")


def file_bytes(model: BaseModel, types: Sequence[TensorType]) -> bytes:
    """The model as the bytes of its file.

    Args:
        types: of the targets that it is trained on.

    Raises:
        DataError: for a part that a file cannot hold.
    """
    return packed(WHERE, *file_of(model, types))


def from_bytes(data: bytes) -> Model:
    """The model that such bytes are; nothing in them runs."""
    arrays, document = read(WHERE, BytesIO(data), len(data))
    return described(WHERE, lambda: model_of(arrays, document))


def trained(
    file: bytes, data: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[bytes | None, PellucidError | None]:
    """One run, on a worker: the model's file behind it, and what ended it.

    A worker compiles models of one structure once.
    """
    model = from_bytes(file)
    reuse_programs(model)
    failed = None
    try:
        model.fit(**data, **options)
    except PellucidError as error:
        failed = error
    begun = "y" in model.training
    return file_bytes(model, targets_of(model)) if begun else None, failed


def _distributed() -> Any:
    """Dask's package for clusters.

    Raises:
        MissingPackageError: where it is not installed.
    """
    with forks.importing:
        try:
            import distributed
        except ImportError as error:
            raise MissingPackageError(
                WHERE, f"Dask must be installed, got: {error}", "pip install 'pellucid[dask]'."
            ) from None
    return distributed


class _Ray:
    """A cluster of Ray's.

    Args:
        address: of a cluster that this process is not connected to yet; None, the one that it is
            connected to. Where there is none, Ray looks for one, or starts one on this machine.
        threads: processors that Ray keeps for a run.
    """

    def __init__(self, address: str | None, threads: int):
        self.ray = forks.load("pellucid.workers.ray_workers").package(WHERE)
        if address is not None or not self.ray.is_initialized():
            try:
                self.ray.init(address=address)
            except (RuntimeError, ConnectionError, ValueError) as error:
                raise ArgumentError(
                    WHERE,
                    f"Ray must be reached at {address or 'an address that it knows'}, got: {error}",
                    "Call ray.init(…) first, and pass cluster='ray'.",
                ) from error
        sizes = [node["Resources"].get("CPU", 0) for node in self.ray.nodes() if node["Alive"]]
        if max(sizes, default=0) < threads:
            raise ArgumentError(
                WHERE,
                f"threads must be at most {max(sizes, default=0):g}, the processors of the largest "
                f"node, got {threads}",
            )
        self.threads = threads

    def outcomes(
        self, files: Sequence[bytes], data: Mapping[str, Any], options: Sequence[Mapping[str, Any]]
    ) -> Iterator[Outcome]:
        ray = self.ray
        held = ray.put(data)
        run = ray.remote(trained).options(num_cpus=self.threads, max_retries=_TRIES)
        left = {
            run.remote(file, held, one): number
            for number, (file, one) in enumerate(zip(files, options, strict=True))
        }
        try:
            while left:
                (done,), _ = ray.wait(list(left), num_returns=1)
                number = left.pop(done)
                yield Outcome(number, *_result(functools.partial(ray.get, done)))
        finally:
            for one in left:
                ray.cancel(one, force=True)


def _result(fetch: Callable[[], Any]) -> tuple[bytes | None, Exception | None]:
    """What a task returned, or why it did not."""
    try:
        file, error = fetch()
    except Exception as failure:  # of the worker, or of the cluster
        return None, failure
    return file, error


def _client(address: str | None) -> Any:
    """A client of the Dask scheduler at this address; None, the one that this process has."""
    distributed = _distributed()
    try:
        return distributed.get_client() if address is None else distributed.Client(address)
    except (ValueError, OSError, TimeoutError) as error:
        raise ArgumentError(
            WHERE,
            f"Dask must be reached at {address or 'a client of this process'}, got: {error}",
            "Make a client first: cluster=distributed.Client(address).",
        ) from error


class _Dask:
    """A cluster of Dask's, whose workers give each of their tasks one thread."""

    def __init__(self, client: Any, threads: int):
        self.distributed, self.client = _distributed(), client
        if client.asynchronous:
            raise ArgumentError(WHERE, "cluster must be a client that waits, got one of asyncio")
        if threads != 1:
            raise ArgumentError(
                WHERE,
                f"threads must be 1 on Dask, got {threads}: a worker gives each task one thread",
                "Leave threads out.",
            )

    def outcomes(
        self, files: Sequence[bytes], data: Mapping[str, Any], options: Sequence[Mapping[str, Any]]
    ) -> Iterator[Outcome]:
        left = set(range(len(files)))
        for _ in range(_TRIES):
            for outcome in self._round(sorted(left), files, data, options):
                left.remove(outcome.number)
                yield outcome
            if not left:
                return
        for number in sorted(left):
            yield Outcome(number, None, RuntimeError("the workers that had the data died"))

    def _round(
        self,
        numbers: Sequence[int],
        files: Sequence[bytes],
        data: Mapping[str, Any],
        options: Sequence[Mapping[str, Any]],
    ) -> Iterator[Outcome]:
        """Outcomes of these runs, but of those that are cancelled.

        They are where the last worker with the data dies: Dask cannot make what was sent again.
        """
        client = self.client
        (held,) = client.scatter([data], broadcast=True, hash=False)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # of models, which are files
            futures = {
                client.submit(trained, files[n], held, options[n], pure=False): n for n in numbers
            }
        try:
            for done in self.distributed.as_completed(list(futures)):
                number = futures.pop(done)
                if done.status != "cancelled":
                    yield Outcome(number, *_result(done.result))
        finally:
            client.cancel(list(futures))
