"""Acts as the marketplace: posts leads at a steady pace, some twice, and keeps the answers."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import requests

from devkit.launcher.sample import this_machine

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

CLIENTS = 8
CRASHES = "the first delivery of this one crashes"
ACTIONS = ("INS", "PLT", "StartTestDrive")
LONGEST_PAUSE = 3.0


def email_of(number: int) -> str:
    return f"lead{number}@chaos.example"


class Marketplace:
    """`accepted` has the lead ids of each address's 202s, `actions` how often each customer acted. Thread-safe."""

    def __init__(
        self, url: Callable[[], str], *, twice: float, merge: float, crashing: set[int], chance: random.Random
    ) -> None:
        self.accepted: dict[str, list[str]] = {}
        self.actions: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.posted = 0
        self.giving_up = threading.Event()
        self._url = url
        self._twice = twice
        self._merge = merge
        self._crashing = crashing
        self._chance = chance
        self._lock = threading.Lock()
        self._session = this_machine()

    def post(self, first: int, last: int, *, pace: float) -> None:
        """Posts these leads, each until it gets a 202."""
        with ThreadPoolExecutor(CLIENTS) as clients:
            started = time.monotonic()
            for number in range(first, last):
                self.giving_up.wait(max(0.0, started + (number - first) / pace - time.monotonic()))
                if self.giving_up.is_set():
                    return
                clients.submit(self._act, number, self._drawn(), again=self._chance.random() < self._twice)

    def _drawn(self) -> Sequence[float]:
        """The pauses before each action of one customer."""
        more = self._chance.choice((1, 2)) if self._chance.random() < self._merge else 0
        return (0.0, *(self._chance.uniform(0, LONGEST_PAUSE) for _ in range(more)))

    def _act(self, number: int, pauses: Sequence[float], *, again: bool) -> None:
        for action, pause in zip(ACTIONS, pauses, strict=False):
            self.giving_up.wait(pause)
            self._post_until_kept(number, action, again=again)
        with self._lock:
            self.posted += 1

    def _post_until_kept(self, number: int, action: str, *, again: bool) -> None:
        with self._lock:
            self.actions[email_of(number)] += 1
        while not self._is_kept(number, action) and not self.giving_up.wait(0.3):
            pass
        if again:
            with self._lock:
                self.answers["posted twice"] += 1
            self._is_kept(number, action)

    def _is_kept(self, number: int, action: str) -> bool:
        try:
            answer = self._session.post(f"{self._url()}/api/leads", data=self._payload(number, action), timeout=15)
        except requests.RequestException:
            self._count("no answer")
            return False
        self._count(str(answer.status_code))
        if answer.status_code == 202:
            with self._lock:
                self.accepted.setdefault(email_of(number), []).append(answer.json()["lead_id"])
        return answer.status_code == 202

    def _payload(self, number: int, action: str) -> str:
        person = {"FirstName": "Chaos", "LastName": f"Number {number}", "Email": email_of(number), "Country": "US"}
        described = CRASHES if number in self._crashing and action == ACTIONS[0] else "One of many."
        source = f"AzureMarketplace-{action}|contoso.widget"
        lead = {"LeadSource": source, "ActionCode": action, "OfferTitle": "Widget"}
        return json.dumps({"UserDetails": person, **lead, "Description": described})

    def _count(self, what: str) -> None:
        with self._lock:
            self.answers[what] += 1
