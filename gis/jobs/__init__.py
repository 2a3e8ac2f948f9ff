"""Work that takes longer than a request: asked for in the database, done by worker processes beside."""

from gis.jobs.records import Job, Kind, State, ask, cancel, job_of, jobs_of, latest, waiting

__all__ = ["Job", "Kind", "State", "ask", "cancel", "job_of", "jobs_of", "latest", "waiting"]
