"""One web process: the application on a store of its own, behind a socket that others serve too."""

from __future__ import annotations

import gc
import socket
from contextlib import suppress
from threading import Thread

import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from api.accepting import FairServer
from api.main import create_app
from gis.errors import OneMapError
from gis.settings import Settings
from gis.store import Store, open_store


def web(listener: socket.socket, settings: Settings) -> None:
    """Answer requests on `listener` until SIGTERM; running ones are finished first.

    The database need not be there: requests are answered with 503 until it is.
    """
    # A page of a thousand features is a hundred thousand objects, none of which refers to another.
    gc.set_threshold(50_000, 20, 50)
    with open_store(settings, migrate=False) as store:
        app = create_app(store, settings)
        # Half a million parcels take seconds, and a first document loads all models: nobody should wait.
        Thread(target=_prepare, args=(app, store), daemon=True).start()
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=round(settings.stop_timeout_s),
        )
        FairServer(config).run(sockets=[listener])


def _prepare(app: FastAPI, store: Store) -> None:
    """Have parcels and models at hand; where that fails, the first who asks for them is told why."""
    with suppress(OneMapError, SQLAlchemyError):
        own = store.reading_as("restricted")
        table = app.state.parcel_tables.present(own)
        if table is not None and len(table.parcel_id):
            app.state.scorer.stored_document(own, table.parcel_id[0].as_py())
