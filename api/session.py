"""/api/session: who the caller is, and signing in on the map page with a key."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from api.access import COOKIE, caller
from api.problems import documented
from api.responses import ORJSON
from api.schemas import Body
from gis.access import Caller, Right
from gis.errors import AccessError
from layers.spec import Access

router = APIRouter(tags=["access"])

_WORKDAY_S = 12 * 3600


class Session(Body):
    """Who the caller is taken for, and what they may do."""

    name: str
    known: bool = Field(description="false of a caller who showed nothing")
    reads: Access = Field(description="the most sensitive class of layers that the caller may read")
    rights: list[Right]


class SignIn(Body):
    """What a person signs in with."""

    key: str = Field(min_length=1, max_length=8000, description="API key, or token of the provider")


def _told(asks: Caller) -> dict[str, Any]:
    return {"name": asks.name, "known": asks.known, "reads": asks.reads, "rights": sorted(asks.rights)}


@router.get("/api/session", responses={200: {"model": Session}, **documented(401, 503)})
def get_session(request: Request) -> ORJSON:
    """Return who the caller is taken for, and what they may do."""
    return ORJSON(_told(caller(request)))


@router.post("/api/session", responses={200: {"model": Session}, **documented(401, 422, 503)})
def post_session(request: Request, body: SignIn) -> ORJSON:
    """Sign in on this browser: the key is kept in a cookie that scripts cannot read, for a working day."""
    found = request.app.state.guard.known(body.key)
    if found is None:
        raise AccessError("The key or token is not known, has ended or was revoked.", known=False)
    answer = ORJSON(_told(found))
    answer.set_cookie(
        COOKIE,
        body.key,
        max_age=_WORKDAY_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.delete("/api/session", status_code=204, response_class=Response)
def delete_session() -> Response:
    """Sign out on this browser."""
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
