"""/api/imports: a file for a layer, taken to the disk as it comes, and imported by a job."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool

from api.access import needs
from api.jobs import accepted, asked_for
from api.multipart import read_form
from api.problems import documented
from api.responses import ORJSON
from api.schemas_job import UPLOAD, JobInfo
from gis.access import Caller
from gis.errors import BodyError, NotFoundError
from gis.ingest.pipeline import Mode, OnError
from gis.jobs.files import upload_of
from layers import LAYERS, RASTERS

router = APIRouter(tags=["jobs"])

_ENDING = re.compile(r"\.[a-z0-9]{1,12}", re.ASCII)
_CHOICES = {"mode": get_args(Mode), "on_error": get_args(OnError)}
_MAX_NAME = 120
_MAX_TEXT = 200


@dataclass(frozen=True)
class Upload:
    """A file that has come, and what is to be done with it."""

    job_id: UUID
    path: Path
    request: dict[str, Any]


async def received(request: Request, who: Annotated[Caller, needs("import")]) -> AsyncIterator[Upload]:
    """Give the file of a form where its job will look for it; it goes again if no job was made."""
    settings = request.app.state.settings
    job_id = uuid4()
    part = await run_in_threadpool(upload_of, settings, job_id, ".part")
    async with _written(part) as write:
        form = await read_form(
            request.headers.get("content-type", ""), request.stream(), write, settings.max_upload_bytes
        )
    try:
        asked = _asked(*form)
        path = part.rename(upload_of(settings, job_id, asked["ending"]))
    except BaseException:
        part.unlink()
        raise
    try:
        yield Upload(job_id, path, asked)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@asynccontextmanager
async def _written(path: Path) -> AsyncIterator[Any]:
    """Give a function that writes to a new file; the file goes where anything goes wrong."""
    try:
        with path.open("xb") as out:

            async def write(piece: bytes) -> None:
                await run_in_threadpool(out.write, piece)

            yield write
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _asked(fields: list[tuple[str, str]], file_name: str) -> dict[str, Any]:
    """Return the request of an import; BodyError for fields that are not those of `UPLOAD`."""
    asked: dict[str, Any] = {
        "mode": "replace",
        "on_error": "reject",
        "source_layer": None,
        "source_crs": None,
    }
    columns: dict[str, str] = {}
    for name, value in fields:
        if len(value) > _MAX_TEXT or "\0" in value:
            raise BodyError(
                f"{name[:40]} is longer than {_MAX_TEXT} characters or holds a zero byte.", f"/{name[:40]}"
            )
        if name == "column":
            field, equals, source = value.partition("=")
            if not (field and equals and source):
                raise BodyError(f"column: {value!r} is not written field=source column.", "/column")
            columns[field] = source
        elif name not in (*asked, "layer"):
            raise BodyError(f"There is no field {name[:40]!r}; they are {', '.join(UPLOAD['properties'])}.")
        elif value not in _CHOICES.get(name, (value,)):
            raise BodyError(f"{name} is one of {', '.join(_CHOICES[name])}, not {value!r}.", f"/{name}")
        else:
            asked[name] = value or None
    if asked.get("layer") is None:
        raise BodyError("The form does not say into which layer the file goes.", "/layer")
    return asked | {"columns": columns or None} | _named(file_name)


def _named(file_name: str) -> dict[str, str]:
    """Return what a file is called when it is spoken of, and its ending; neither leads to a folder."""
    plain = "".join(c for c in re.split(r"[\\/]", file_name)[-1] if c.isprintable())[-_MAX_NAME:]
    ending = Path(plain).suffix.lower()
    return {"name": plain or "upload", "ending": ending if _ENDING.fullmatch(ending) else ""}


@router.post(
    "/api/imports",
    status_code=202,
    responses={202: {"model": JobInfo}, **documented(400, 404, 409, 413, 415, 422, 503)},
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": UPLOAD}}}},
)
def post_import(
    request: Request, who: Annotated[Caller, needs("import")], upload: Annotated[Upload, Depends(received)]
) -> ORJSON:
    """Ask for a file to be imported into a layer or raster, whole or not at all.

    The fields are those of `onemap import`; GET /api/jobs/{job_id} tells how far it is, and its report.
    """
    layer = upload.request["layer"]
    if layer not in LAYERS and layer not in RASTERS:
        raise NotFoundError(
            f"There is no layer {layer[:60]!r}; the layers are {', '.join((*LAYERS, *RASTERS))}."
        )
    return accepted(asked_for(request, who, "import", upload.request, upload.job_id))
