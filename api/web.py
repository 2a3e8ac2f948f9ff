"""One web process: the application on a store of its own, behind a socket that others serve too."""

from __future__ import annotations

import gc
import socket

import uvicorn

from api.accepting import FairServer
from api.main import create_app
from gis.settings import Settings
from gis.store import open_store


def web(listener: socket.socket, settings: Settings) -> None:
    """Answer requests on `listener` until SIGTERM; running ones are finished first.

    The database need not be there: requests are answered with 503 until it is.
    """
    # A page of a thousand features is a hundred thousand objects, none of which refers to another.
    gc.set_threshold(50_000, 20, 50)
    with open_store(settings, migrate=False) as store:
        config = uvicorn.Config(
            create_app(store, settings),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=round(settings.stop_timeout_s),
        )
        FairServer(config).run(sockets=[listener])
