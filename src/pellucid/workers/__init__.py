"""Training on several workers: see docs/chunks.md."""

from pellucid.workers.launching import LocalWorkers
from pellucid.workers.ray_workers import RayWorkers

__all__ = ["LocalWorkers", "RayWorkers"]
