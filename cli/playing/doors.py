"""The public doors as people use them: signed in, one at a time, patient with whatever is just being restarted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 1.0
Answer = dict[str, Any]


class StoodStill(Exception):
    """Something did not happen in time; the text says what, and what was heard last."""


class Refused(Exception):
    """A door said no, with the code of its problem."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(said)
        self.code = code


@dataclass
class Patience:
    """Until when to keep trying, and how often that was needed."""

    seconds: float
    repeats: int = 0
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds

    def until(self, what: str, look: Callable[[], Any], every: float = 0.15) -> Any:
        """Return the first thing `look` finds. Raises StoodStill."""
        while not (found := look()):
            self.check(what)
            time.sleep(every)
        return found

    def check(self, what: str, heard: str = "") -> None:
        """Raise StoodStill when the time is over."""
        if time.monotonic() > self._end:
            raise StoodStill(f"{what}: not within {self.seconds:.0f} s" + (f"; last heard: {heard}" if heard else ""))

    def repeat(self, what: str, call: Callable[[], httpx2.Response]) -> httpx2.Response:
        """Call until there is an answer that is not "later". Only for calls that may be repeated."""
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = call()
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
                heard = f"{answer.status_code} {answer.text[:200]}"
            except httpx2.TransportError as silent:
                heard = f"{type(silent).__name__} {silent}"
            self.check(what, heard)
            self.repeats += 1
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


class Visitor:
    """One browser: a cookie, and the forms of the pages."""

    def __init__(self, url: str, patience: Patience) -> None:
        self.patience = patience
        self._client = httpx2.Client(base_url=url, timeout=20, trust_env=False, follow_redirects=False)

    def close(self) -> None:
        self._client.close()

    def get(self, address: str, **query: str) -> httpx2.Response:
        return self.patience.repeat(f"GET {address}", lambda: self._client.get(address, params=query or None))

    def submit(self, page: str, to: str, **fields: str) -> httpx2.Response:
        """Open a page and post its form; the form may be posted again when its answer was lost."""

        def once() -> httpx2.Response:
            opened = self._client.get(page)
            found = _TOKEN.search(opened.text)
            return self._client.post(to, data={"form_token": found[1], **fields}) if found else opened

        return self.patience.repeat(f"POST {to}", once)


class Person(Visitor):
    """Somebody of the company, signed in the demo's way."""

    def __init__(self, url: str, person: str, patience: Patience) -> None:
        super().__init__(url, patience)
        self.id = person
        self._signed_in = False

    def read(self, address: str, **query: str) -> Any:
        """Return what an address of the API answers, None where there is nothing. Raises Refused."""
        answer = self._asked(lambda: self.get(address, **query))
        return None if answer.status_code == 404 else _judged(answer)

    def act(self, thing: str, key: str, **act: Any) -> Answer:
        """Hand in an act on "deals/hubspot/5", say; the key makes repeating it safe. Raises Refused."""
        address, headers = f"/api/{thing}/acts", {"Idempotency-Key": key}

        def once() -> httpx2.Response:
            return self._client.post(address, json=act, headers=headers)

        answer: Answer = _judged(self._asked(lambda: self.patience.repeat(f"POST {address}", once)))
        return answer

    def post(self, address: str, body: Answer) -> Answer:
        """Post what may be posted again. Raises Refused."""

        def once() -> httpx2.Response:
            return self._client.post(address, json=body)

        answer: Answer = _judged(self._asked(lambda: self.patience.repeat(f"POST {address}", once)))
        return answer

    def inbox(self) -> list[Answer]:
        listed: list[Answer] = self.read("/api/inbox")
        return listed

    def _asked(self, ask: Callable[[], httpx2.Response]) -> httpx2.Response:
        if not self._signed_in:
            self._sign_in()
        answer = ask()
        if answer.status_code == 401:
            self._sign_in()
            answer = ask()
        return answer

    def _sign_in(self) -> None:
        answer = self.submit("/sign-in", "/sign-in", person=self.id)
        if answer.status_code != 303:
            raise Refused("sign_in_needed", f"{self.id} cannot sign in: {answer.status_code}")
        self._signed_in = True


def _judged(answer: httpx2.Response) -> Any:
    if answer.is_success:
        return answer.json()
    try:
        problem = answer.json()
    except ValueError:
        raise Refused(str(answer.status_code), answer.text[:200]) from None
    raise Refused(problem.get("code", str(answer.status_code)), f"{problem.get('title')}: {problem.get('detail')}")
