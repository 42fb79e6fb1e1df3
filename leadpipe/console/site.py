"""The console as a WSGI application: lets a request in, finds its page, and turns a failure into a page of its own."""

import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from werkzeug.exceptions import Forbidden, HTTPException
from werkzeug.wrappers import Request, Response

from leadpipe.console import words
from leadpipe.console.chart import HEIGHT, LEFT, WIDTH
from leadpipe.console.door import HEADERS, NOBODY, Door, Refused, Visitor, Way
from leadpipe.console.jobs import Job
from leadpipe.console.latency_chart import HEIGHT as LATENCY_HEIGHT
from leadpipe.console.plans import Plans
from leadpipe.console.recent import Recent
from leadpipe.console.routes import FOR_READERS, ROUTES
from leadpipe.model.duration import in_words
from leadpipe.model.errors import LeadpipeError, RecordDamaged, StorageFailed, reason_of
from leadpipe.model.lead_id import received_at
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
# An address of the console's own, but for those of App Service. Of what is shown, no quote gets here unescaped.
_OWN_ADDRESS = re.compile(r'\b(href|action|src)="/(?!/|\.auth/)')


class Console:
    """The console on one storage account, for those whom its door lets in. Thread-safe."""

    def __init__(
        self, target: Target, *, door: Door, now: Callable[[], datetime], environment: Mapping[str, str]
    ) -> None:
        self.target = target
        self.door = door
        self.now = now
        self.environment = environment
        self.plans = Plans()
        self.days = DayCounts()
        self.comebacks = Comebacks()
        self.counts: Recent[StateCounts] = Recent(COUNTS_LAST)
        self.jobs: dict[str, Job[Any]] = {}
        self._badges: tuple[datetime, dict[str, int]] | None = None
        self._revealed: dict[tuple[str, str], datetime] = {}
        self._lock = threading.Lock()

    @property
    def where(self) -> str:
        """Which storage account and organisation, for every page."""
        settings = self.target.settings
        account = settings.storage.account if settings.storage else "no storage account"
        return f"{account} · {host_of(settings.dataverse.url) if settings.dataverse else 'no organisation'}"

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return self.answer(Request(environ))(environ, start_response)

    def answer(self, request: Request) -> Response:
        request.max_content_length = LARGEST_FORM
        response = self._answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response

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

    def forget_counts(self, lead_ids: Iterable[str]) -> None:
        """Called when they change, because these leads do."""
        self._badges = None
        self.days.count_again(received_at(lead_id).date() for lead_id in lead_ids)
        self.counts.forget()

    def reveal(self, lead_id: str, visitor: Visitor) -> None:
        with self._lock:
            self._revealed[lead_id, visitor.actor] = self.now() + SHOWN_FOR

    def is_revealed(self, lead_id: str, visitor: Visitor) -> bool:
        with self._lock:
            return self._revealed.get((lead_id, visitor.actor), self.now()) > self.now()

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
        visit = Visit(console=self, request=request)
        try:
            visitor = self.door.let_in(request)
            if isinstance(visitor, Response):
                return visitor
            visit = replace(visit, visitor=visitor)
            return self._page(visit)
        except Refused as refused:
            return self._failure(visit, refused.status, "Not let in", refused.detail, alone=True, way=refused.way)
        except HTTPException as error:
            title = "There is no such page" if error.code == HTTPStatus.NOT_FOUND else error.name
            return self._failure(visit, HTTPStatus(error.code or 500), title, error.description or "")
        except LeadpipeError as error:
            return self._leadpipe_failure(visit, error)
        except Exception as error:  # noqa: BLE001 - only the kind is shown: the text could quote a lead
            what = f"a fault in leadpipe: {reason_of(error)}; report it"
            return self._failure(visit, HTTPStatus.INTERNAL_SERVER_ERROR, "The console failed", what)

    def _page(self, visit: "Visit") -> Response:
        request = visit.request
        if request.path.startswith("/static/"):
            return self._static(visit)
        view, arguments = ROUTES.bind("console").match(request.path, request.method)
        if request.method == "POST" and view not in FOR_READERS and visit.visitor.why_not:
            raise Forbidden(f"nothing was done: {visit.visitor.why_not}")
        response: Response = view(visit, **arguments)
        return response

    def _static(self, visit: "Visit") -> Response:
        name = visit.request.path.removeprefix("/static/")
        if name not in _STATIC:
            return self._failure(visit, HTTPStatus.NOT_FOUND, "There is no such page", "")
        # The address has a hash of the content, so it never changes.
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(_files()[name], content_type=_STATIC[name], headers=headers)

    def _leadpipe_failure(self, visit: "Visit", error: LeadpipeError) -> Response:
        if isinstance(error, StorageFailed) and not isinstance(error, RecordDamaged):
            return self._failure(
                visit, HTTPStatus.SERVICE_UNAVAILABLE, "Storage does not answer", failure_in_words(error), retry=True
            )
        if error.slug == "unknown_lead":
            return self._failure(visit, HTTPStatus.NOT_FOUND, "The ledger has no such lead", error.detail)
        return self._failure(visit, HTTPStatus.CONFLICT, "That is not possible", failure_in_words(error))

    def _failure(
        self,
        visit: "Visit",
        status: HTTPStatus,
        title: str,
        words: str,
        *,
        alone: bool = False,
        retry: bool = False,
        way: Way | None = None,
    ) -> Response:
        """`alone`: without anything that says where the console is connected to."""
        alone = alone or visit.visitor is NOBODY
        text = visit.text("failure.html", page="", title=title, words=words, alone=alone, retry=retry, way=way)
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
    visitor: Visitor = NOBODY

    @property
    def target(self) -> Target:
        return self.console.target

    @property
    def ports(self) -> Ports:
        return self.console.target.ports

    @property
    def desk(self) -> Desk:
        return Desk(actor=self.visitor.actor, now=self.console.now, ports=self.ports)

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
        console, why_not = self.console, self.visitor.why_not
        shared = {
            "where": console.where,
            "actor": self.visitor.actor,
            "reads_only": why_not,
            # In the tag of each button that changes something.
            "off": Markup(' disabled title="{}" aria-describedby="reads-only"').format(why_not) if why_not else "",
            "badges": console.badges,
            "at": self.at.astimezone(UTC),
            "when": lambda moment: words.when(moment, self.at),
            "ago": lambda moment: words.ago(moment, self.at),
            "refresh": None,
        }
        text = console.render(template, **{**shared, **values})
        # Pages are written as if the console began at /, which a host may put elsewhere.
        root = self.request.root_path
        return _OWN_ADDRESS.sub(rf'\1="{root}/', text) if root else text

    def go(self, path: str, **query: str) -> Response:
        """Sends the browser on, so that going back or loading again repeats nothing."""
        place = self.request.root_path + (f"{path}?{urlencode(query)}" if query else path)
        return Response(status=HTTPStatus.SEE_OTHER, headers={"Location": place})


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
