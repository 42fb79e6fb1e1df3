"""The console as a WSGI application: lets a request in, finds its page, and turns a failure into a page of its own."""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from leadpipe.console import words
from leadpipe.console.chart import HEIGHT, LEFT, WIDTH
from leadpipe.console.door import ENTER, HEADERS, Door, Refused
from leadpipe.console.jobs import Job
from leadpipe.console.latency_chart import HEIGHT as LATENCY_HEIGHT
from leadpipe.console.plans import Plans
from leadpipe.console.recent import Recent
from leadpipe.console.routes import ROUTES
from leadpipe.model.duration import in_words
from leadpipe.model.errors import LeadpipeError, RecordDamaged, StorageFailed, reason_of
from leadpipe.model.ports import Ports
from leadpipe.model.record import State
from leadpipe.model.storage_shape import host_of
from leadpipe.operations.causes import cause_of, failure_in_words
from leadpipe.operations.comebacks import Comebacks
from leadpipe.operations.days import DayCounts
from leadpipe.operations.decisions import Desk
from leadpipe.operations.target import Target

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from leadpipe.operations.state_counts import StateCounts

_HERE = Path(__file__).parent
_STATIC = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
LARGEST_FORM = 1 << 20
# No page reads only to count: the numbers are those that the overview or the causes have shown last.
BADGES_LAST = timedelta(minutes=1)
# How long the counts beside a list count.
COUNTS_LAST = timedelta(seconds=30)
# How long the personal data of a lead stays shown after a person asked for it.
SHOWN_FOR = timedelta(minutes=10)


class Console:
    """One operator's console on one storage account. Thread-safe."""

    def __init__(
        self, target: Target, *, door: Door, actor: str, now: Callable[[], datetime], environment: Mapping[str, str]
    ) -> None:
        self.target = target
        self.door = door
        self.actor = actor
        self.now = now
        self.environment = environment
        self.on_entry: Callable[[], None] = lambda: None
        self.plans = Plans()
        self.days = DayCounts()
        self.comebacks = Comebacks()
        self.counts: Recent[StateCounts] = Recent(COUNTS_LAST)
        self.jobs: dict[str, Job[Any]] = {}
        self._badges: tuple[datetime, dict[str, int]] | None = None
        self._revealed: dict[str, datetime] = {}
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        """Which storage account and organisation, for every page."""
        settings = self.target.settings
        account = settings.storage.account if settings.storage else "no storage account"
        return f"{account} · {host_of(settings.dataverse.url) if settings.dataverse else 'no organisation'}"

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = LARGEST_FORM
        response = self._answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response(environ, start_response)

    def render(self, template: str, **values: Any) -> str:
        return _pages().get_template(template).render(values)

    @property
    def badges(self) -> dict[str, int]:
        """How many leads are poisoned or rest, for the links of every page; empty where that is not known any more."""
        if self._badges is None or self.now() - self._badges[0] > BADGES_LAST:
            return {}
        return self._badges[1]

    def count(self, **badges: int) -> None:
        self._badges = self.now(), badges

    def forget_counts(self) -> None:
        """Called when they are about to change."""
        self._badges = None
        self.days.forget()
        self.counts.forget()

    def reveal(self, lead_id: str) -> None:
        with self._lock:
            self._revealed[lead_id] = self.now() + SHOWN_FOR

    def is_revealed(self, lead_id: str) -> bool:
        with self._lock:
            return self._revealed.get(lead_id, self.now()) > self.now()

    def start(self, name: str, work: Callable[[Job[Any]], Iterable[Any]]) -> None:
        """Starts that work, unless it runs already."""
        with self._lock:
            running = self.jobs.get(name)
            if running is None or not running.is_running:
                self.jobs[name] = Job(work, at=self.now())

    def close(self) -> None:
        """Ends all plans; the leads that are being worked on are finished first."""
        self.plans.stop_all()

    def _answer(self, request: Request) -> Response:
        try:
            return self._page(request)
        except Refused as refused:
            return self._failure(request, refused.status, "Not let in", refused.detail, alone=True)
        except HTTPException as error:
            title = "There is no such page" if error.code == HTTPStatus.NOT_FOUND else error.name
            return self._failure(request, HTTPStatus(error.code or 500), title, error.description or "")
        except LeadpipeError as error:
            return self._leadpipe_failure(request, error)
        except Exception as error:  # noqa: BLE001 - only the kind is shown: the text could quote a lead
            what = f"a fault in leadpipe: {reason_of(error)}; report it"
            return self._failure(request, HTTPStatus.INTERNAL_SERVER_ERROR, "The console failed", what)

    def _page(self, request: Request) -> Response:
        self.door.require_entry(request)
        if request.path == ENTER:
            entered = self.door.enter(request)
            self.on_entry()
            return entered
        if request.path.startswith("/static/"):
            return self._static(request)
        view, arguments = ROUTES.bind("console").match(request.path, request.method)
        response: Response = view(Visit(console=self, request=request), **arguments)
        return response

    def _static(self, request: Request) -> Response:
        name = request.path.removeprefix("/static/")
        if name not in _STATIC:
            return self._failure(request, HTTPStatus.NOT_FOUND, "There is no such page", "")
        # The address has a hash of the content, so it never changes.
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(_files()[name], content_type=_STATIC[name], headers=headers)

    def _leadpipe_failure(self, request: Request, error: LeadpipeError) -> Response:
        if isinstance(error, StorageFailed) and not isinstance(error, RecordDamaged):
            return self._failure(
                request, HTTPStatus.SERVICE_UNAVAILABLE, "Storage does not answer", failure_in_words(error), retry=True
            )
        if error.slug == "unknown_lead":
            return self._failure(request, HTTPStatus.NOT_FOUND, "The ledger has no such lead", error.detail)
        return self._failure(request, HTTPStatus.CONFLICT, "That is not possible", failure_in_words(error))

    def _failure(
        self, request: Request, status: HTTPStatus, title: str, words: str, *, alone: bool = False, retry: bool = False
    ) -> Response:
        """`alone`: without anything that says where the console is connected to."""
        visit = Visit(console=self, request=request)
        text = visit.text("failure.html", page="", title=title, words=words, alone=alone, retry=retry)
        return Response(text, status=status, content_type="text/html; charset=utf-8")


@cache
def _files() -> dict[str, bytes]:
    return {name: (_HERE / "static" / name).read_bytes() for name in _STATIC}


@cache
def _pages() -> Environment:
    """The templates. What a template shows is escaped here, and nowhere else."""
    found = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(number=words.number, span=in_words, kind=words.kind_of, sentence=words.sentence)
    found.globals.update(
        cause_of=cause_of,
        counted=words.counted,
        State=State,
        static={name: f"/static/{name}?{_hash(content)}" for name, content in _files().items()},
        chart_box={"width": WIDTH, "height": HEIGHT, "left": LEFT, "latency": LATENCY_HEIGHT},
    )
    return found


@dataclass(frozen=True)
class Visit:
    """One request, with what a page needs to answer it."""

    console: Console
    request: Request

    @property
    def target(self) -> Target:
        return self.console.target

    @property
    def ports(self) -> Ports:
        return self.console.target.ports

    @property
    def desk(self) -> Desk:
        return Desk(actor=self.console.actor, now=self.console.now, ports=self.ports)

    @cached_property
    def at(self) -> datetime:
        return self.console.now()

    def given(self, name: str) -> str:
        """A value of the address."""
        return self.request.args.get(name, "").strip()

    def posted(self, name: str) -> str:
        return self.request.form.get(name, "").strip()

    def page(self, template: str, *, page: str, title: str, status: int = 200, **values: Any) -> Response:
        text = self.text(template, page=page, title=title, **values)
        return Response(text, status=status, content_type="text/html; charset=utf-8")

    def text(self, template: str, **values: Any) -> str:
        console = self.console
        shared = {
            "where": console.where,
            "actor": console.actor,
            "badges": console.badges,
            "at": self.at.astimezone(UTC),
            "when": lambda moment: words.when(moment, self.at),
            "ago": lambda moment: words.ago(moment, self.at),
            "refresh": None,
        }
        return console.render(template, **{**shared, **values})

    def go(self, path: str, **query: str) -> Response:
        """Sends the browser on, so that going back or loading again repeats nothing."""
        place = f"{path}?{urlencode(query)}" if query else path
        return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": place})


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
