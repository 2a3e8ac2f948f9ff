"""Who a request comes from and what they may read and do: asked by every route."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any, cast

from fastapi import Depends, Request

from api.tokens import Tokens
from gis.access import ANYBODY, HISTORY, RESULTS, ROLES, Caller, Right
from gis.errors import AccessError, NotFoundError
from gis.settings import Settings
from gis.store import Store, keys
from layers import LAYERS, RASTERS
from layers.spec import Access

COOKIE = "onemap_key"
_KEPT_S = 2.0
"""How long a key that was revoked, or a layer whose class rose, may still be taken as before.
The database itself refuses what a class may not read from the moment on that it changed."""
_KEPT_CALLERS = 1000

SECURITY: Mapping[str, dict[str, str]] = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "made by `onemap key make`",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "such a key, or a token of the provider"},
}
"""How a caller shows who they are, as OpenAPI has it."""

_TOLD_RIGHTS: Mapping[Right, str] = {
    "export": "take out data",
    "import": "import, or have layers checked",
    "edit": "change single features",
    "score": "have parcels scored",
    "match": "match or look for sites",
    "measure": "send measured values",
}

_TOLD = {RESULTS: "The results are", HISTORY: "What was loaded before is"}


class Guard:
    """Knows callers by what they show, and what is open to whom."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self._tokens = Tokens(settings)
        role = None if settings.anonymous is None else ROLES[settings.anonymous]
        self._anybody = ANYBODY if role is None else Caller("anonymous", role.reads, role.rights, known=False)
        self._callers: OrderedDict[str, tuple[float, Caller | None]] = OrderedDict()
        self._access: tuple[float, dict[str, Access]] = (0.0, {})
        self._lock = Lock()

    def caller(self, request: Request) -> Caller:
        """Return who asks; AccessError for a key or token that does not hold."""
        shown = request.headers.get("x-api-key")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if shown is None and scheme.lower() == "bearer":
            shown = token.strip()
        if shown is not None:
            found = self.known(shown)
            if found is None:
                raise AccessError("The key or token is not known, has ended or was revoked.", known=False)
            return found
        # A page with the cookie of a key that ended is still there, as for anybody.
        return (_at_home(request) and self.known(request.cookies.get(COOKIE))) or self._anybody

    def known(self, shown: str | None) -> Caller | None:
        """Return whose key or token this is; None for neither."""
        if not shown or len(shown) > 8000:
            return None
        now = time.monotonic()
        with self._lock:
            since, found = self._callers.get(shown, (-_KEPT_S, None))
        if now - since < _KEPT_S:
            return found
        found = self._tokens.caller(shown) if shown.count(".") == 2 else keys.find(self.store.engine, shown)
        with self._lock:
            self._callers[shown] = (now, found)
            self._callers.move_to_end(shown)
            if len(self._callers) > _KEPT_CALLERS:
                self._callers.popitem(last=False)
        return found

    def access(self) -> dict[str, Access]:
        """Return the class of every layer, raster and of results."""
        since, found = self._access
        if time.monotonic() - since > _KEPT_S or not found:
            found = self.store.access()
            self._access = (time.monotonic(), found)
        return found


def _at_home(request: Request) -> bool:
    """Return whether the page that asks is our own: one of elsewhere must not use its reader's cookie."""
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def caller(request: Request) -> Caller:
    """Return who asks; AccessError for a key or token that does not hold."""
    if not hasattr(request.state, "caller"):
        request.state.caller = request.app.state.guard.caller(request)
    return cast("Caller", request.state.caller)


def reading(request: Request) -> Store:
    """Return the store as the caller may read it: all that routes read goes through this."""
    store: Store = request.app.state.store
    return store.reading_as(caller(request).reads)


def readable(request: Request) -> frozenset[str]:
    """Return the ids of layers and rasters that the caller may read, and `RESULTS` if results too."""
    asks = caller(request)
    return frozenset(id_ for id_, access in request.app.state.guard.access().items() if asks.may_read(access))


def check_readable(request: Request, id_: str) -> None:
    """Raise AccessError unless the caller may read a layer, a raster, or results (`gis.access.RESULTS`)."""
    access = request.app.state.guard.access()
    if id_ not in access:
        raise NotFoundError(
            f"There is no layer {id_!r:.60}; the layers are {', '.join((*LAYERS, *RASTERS))}."
        )
    asks = caller(request)
    if asks.may_read(access[id_]):
        return
    what = _TOLD.get(id_, f"The layer {id_} is")
    raise _refused(asks, f"{what} {access[id_]}")


def shared(request: Request, id_: str) -> bool:
    """Return whether anybody may read a layer, a raster or results: only then may a proxy keep an answer."""
    return bool(request.app.state.guard.access()[id_] == "open")


def needs(right: Right) -> Any:
    """Return the dependency of a route that only callers with a right may use; it gives the caller."""

    def allowed(request: Request) -> Caller:
        asks = caller(request)
        if right not in asks.rights:
            raise _refused(asks, f"Only callers with the right {right!r} may {_TOLD_RIGHTS[right]}")
        return asks

    return Depends(allowed)


def reads(id_: str) -> Any:
    """Return the dependency of a route that answers from a layer or from results."""

    def allowed(request: Request) -> None:
        check_readable(request, id_)

    return Depends(allowed)


def _refused(asks: Caller, why: str) -> AccessError:
    if asks.known:
        return AccessError(f"{why}: the role of {asks.name} does not reach that far.", known=True)
    return AccessError(
        f"{why}: show a key in the header X-API-Key (`onemap key make` makes one), or sign in on the map.",
        known=False,
    )
