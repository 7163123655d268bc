"""A deal is entered in the CRM once, although the CRM dies before it answers or is not there yet."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from cli.playing.company import CORVANE, Sale
from cli.playing.doors import Patience, StoodStill
from cli.playing.vendors import Vendors

SALE = Sale(CORVANE, "Corvane, managed services", 10, 0)


class Crm(BaseHTTPRequestHandler):
    """Takes every deal, and hangs up on the first so many before it says so."""

    deals: ClassVar[list[dict]] = []
    silent = 0

    def do_POST(self) -> None:
        entered = json.loads(self.rfile.read(int(self.headers["content-length"])))
        deal = {"id": str(len(self.deals) + 1), "properties": {"dealname": entered["name"]}}
        if type(self).silent != 1:
            self.deals.append(deal)
        if type(self).silent:
            type(self).silent -= 1
            self.connection.close()
            return
        self.say(deal)

    def do_GET(self) -> None:
        self.say(self.deals)

    def say(self, plain: object) -> None:
        body = json.dumps(plain).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def crm() -> Iterator[str]:
    Crm.deals, Crm.silent = [], 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Crm)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("silent", [0, 1, 2], ids=["answers", "hangs up untaken", "hangs up when taken"])
def test_a_deal_is_entered_once_whatever_the_crm_says(crm: str, silent: int) -> None:
    Crm.silent = silent
    assert Vendors({"HubSpot": crm}, Patience(10)).enter(SALE) == "1"
    assert [deal["properties"]["dealname"] for deal in Crm.deals] == [SALE.title]


def test_a_crm_that_never_comes_back_ends_the_patience() -> None:
    with pytest.raises(StoodStill):
        Vendors({"HubSpot": "http://127.0.0.1:9"}, Patience(0.5)).enter(SALE)
