"""One web process: the application on a store of its own, behind a socket that others serve too."""

from __future__ import annotations

import gc
import socket
from contextlib import suppress
from threading import Thread

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from api.accepting import FairServer
from api.main import create_app
from api.parcel_filters import ParcelTables
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
        # Half a million parcels take seconds: the first who filters them should not wait for that.
        Thread(target=_read_parcels, args=(app.state.parcel_tables, store), daemon=True).start()
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


def _read_parcels(tables: ParcelTables, store: Store) -> None:
    """Have the scored parcels at hand; where that fails, the first who asks for them is told why."""
    with suppress(OneMapError, SQLAlchemyError):
        tables.present(store.reading_as("restricted"))
