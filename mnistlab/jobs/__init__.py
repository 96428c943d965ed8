"""Where a training runs: a process on this machine or a worker of a Dask cluster."""

from mnistlab.jobs.dispatch import submit
from mnistlab.jobs.job import Job, JobStatus

__all__ = ["Job", "JobStatus", "submit"]
