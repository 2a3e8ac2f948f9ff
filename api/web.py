"""One web process: the application on a store of its own, behind a socket that others serve too."""

from __future__ import annotations

import gc
import socket
from contextlib import suppress
from threading import Thread

import numpy as np
import uvicorn
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from api.accepting import FairServer
from api.main import create_app
from api.page_data import map_data
from gis.access import RESULTS
from gis.errors import OneMapError
from gis.settings import Settings
from gis.store import Store, open_store
from gis.webmap.evidence import evidence
from gis.webmap.tiles import identify
from layers import LAYERS


def web(listener: socket.socket, settings: Settings) -> None:
    """Answer requests on `listener` until SIGTERM; running ones are finished first.

    The database need not be there: requests are answered with 503 until it is.
    """
    # A page of a thousand features is a hundred thousand objects, none of which refers to another.
    gc.set_threshold(50_000, 20, 50)
    with open_store(settings, migrate=False) as store:
        app = create_app(store, settings)
        # Half a million parcels take seconds, and a first answer loads models: nobody should wait.
        app.state.preparing = True
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
    """Answer once what a first look at the page asks for, so that what all of it needs is at hand.

    Where that fails, the first who asks is told why.
    """
    try:
        with suppress(OneMapError, SQLAlchemyError):
            own, state = store.reading_as("restricted"), app.state
            table = state.parcel_tables.present(own)
            ruleset = state.scorer.ruleset(own.latest_run())
            page = map_data(own, state.extents, state.synthetic, ruleset, {*LAYERS, RESULTS})
            if page.bounds is not None:
                west, south, east, north = page.bounds
                with own.engine.connect() as connection:
                    identify(connection, (west + east) / 2, (south + north) / 2, 16, tuple(LAYERS), LAYERS)
            for place in () if table is None else np.unique(table.codes["technology"], return_index=True)[1]:
                document = state.scorer.stored_document(own, table.parcel_id[place].as_py())
                with own.engine.connect() as connection:
                    evidence(connection, document, LAYERS)
            # What polygons are judged by that somebody draws.
            state.scorer.present()
    finally:
        # What is there from now on to the end need not be looked through each time: 0.1 s of a page.
        gc.collect()
        gc.freeze()
        app.state.preparing = False
