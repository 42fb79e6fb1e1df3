"""Checks Dynamics from the sign-in to the role, without sending a lead."""

from collections.abc import Iterable, Iterator, Mapping

from leadpipe.dataverse.auth import tokens_for
from leadpipe.dataverse.inspection import Inspection, NotReadable
from leadpipe.model.errors import Blocked, DeliveryFailed
from leadpipe.model.settings import Area, Dataverse, ManagedIdentity, Settings
from leadpipe.operations.dataverse_client import client_of
from leadpipe.operations.doctor.finding import (
    CheckResult,
    Finding,
    failed,
    not_looked_at,
    of_failure,
    ok,
    skipped,
    warning,
    where_readable,
)
from leadpipe.operations.doctor.table_checks import MAPPING, PLUG_INS, SOLUTION, look_at_table, of_file
from leadpipe.operations.setup.privileges import OF_MERGE, Privilege, in_words, lacking

SIGN_IN = "sign-in"
ORGANISATION = "organisation"
APPLICATION_USER = "application user"
PRIVILEGES = "privileges"
# The reason of leads that rest because no organisation is set.
NO_DYNAMICS = "no_dynamics"
_AFTER_SIGN_IN = (ORGANISATION, APPLICATION_USER, PRIVILEGES, MAPPING, PLUG_INS, SOLUTION)
# Dynamics does not know the user, or lets it do nothing; the organisation itself is the right one.
_ABOUT_THE_USER = frozenset({"no_application_user", "no_role", "user_disabled", "missing_privilege", "access_denied"})


def look_at_dynamics(settings: Settings, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Makes the checks in order. Each depends on the one before it, so the first that fails is the last."""
    if settings.faults_of(Area.DYNAMICS):
        yield from _not_reached((SIGN_IN, *_AFTER_SIGN_IN), "see settings", settings)
        return
    if settings.dataverse is None:
        yield skipped(SIGN_IN, "no organisation is set")
        fix = "set DATAVERSE_URL and a sign-in, then `leadpipe fallback drain`; nothing, if this is intended"
        yield warning(ORGANISATION, "none is set: every lead rests in the fallback table", fix, reason=NO_DYNAMICS)
        yield from _not_reached(_AFTER_SIGN_IN[1:], "no organisation is set", settings)
        return
    if isinstance(settings.dataverse.sign_in, ManagedIdentity) and not environment.get("IDENTITY_ENDPOINT"):
        yield skipped(
            SIGN_IN, "only the app itself can sign in as its identity: `leadpipe send-test --url URL` tests it"
        )
        yield from _not_reached(_AFTER_SIGN_IN, f"see {SIGN_IN}", settings)
        return
    tokens = tokens_for(settings.dataverse)
    try:
        tokens.token()
    except DeliveryFailed as error:
        yield of_failure(SIGN_IN, error)
        yield from _not_reached(_AFTER_SIGN_IN, f"see {SIGN_IN}", settings)
        return
    yield ok(SIGN_IN, f"{settings.dataverse.authority} gave a token")
    inspection = Inspection(client_of(settings.dataverse, tokens).get)
    yield from _look_inside(settings, settings.dataverse, inspection)


def _look_inside(settings: Settings, dataverse: Dataverse, inspection: Inspection) -> Iterator[Finding]:
    try:
        me = inspection.whoami()
    except DeliveryFailed as error:
        yield from _who_am_i_failed(settings, dataverse, error)
        return
    yield where_readable(
        ORGANISATION, lambda: ok(ORGANISATION, f"{dataverse.url}, version {inspection.version()}, {me.organization_id}")
    )
    yield _look_at_user(inspection, me.user_id)
    yield from look_at_privileges(inspection, me.user_id, merges=bool(settings.merge))
    yield from look_at_table(inspection, settings.mapping_path)


def _not_reached(checks: Iterable[str], why: str, settings: Settings) -> Iterator[Finding]:
    """Skips the checks, except that of the mapping file, which needs no answer from Dynamics."""
    for finding in not_looked_at(checks, why):
        yield (of_file(settings.mapping_path) or finding) if finding.check == MAPPING else finding


def _who_am_i_failed(settings: Settings, dataverse: Dataverse, error: DeliveryFailed) -> Iterator[Finding]:
    if isinstance(error, Blocked) and error.slug in _ABOUT_THE_USER:
        yield ok(ORGANISATION, f"{dataverse.url} answers")
        yield of_failure(APPLICATION_USER, error)
        yield from _not_reached(_AFTER_SIGN_IN[2:], f"see {APPLICATION_USER}", settings)
    else:
        yield of_failure(ORGANISATION, error)
        yield from _not_reached(_AFTER_SIGN_IN[1:], f"see {ORGANISATION}", settings)


def _look_at_user(inspection: Inspection, user_id: str) -> Finding:
    """Names the user and its roles, which helps to find it; that it exists and is active is known by now."""
    try:
        user = inspection.user(user_id)
    except (NotReadable, DeliveryFailed):
        return ok(APPLICATION_USER, f"{user_id}; the role may not read its name and roles")
    return ok(APPLICATION_USER, f"{user.name or user_id}, with {', '.join(user.roles) or 'roles of its teams'}")


# Privileges

NOTES = "privileges of notes"
_READ = "prvReadLead"
_CREATE = "prvCreateLead"
# Microsoft's own role has these so that workflows and asynchronous plug-ins can start when a lead is created. One
# source says Append, the other AppendTo.
_SYSTEM_JOB = ("prvReadAsyncOperation", "prvWriteAsyncOperation")
_SYSTEM_JOB_APPEND = ("prvAppendAsyncOperation", "prvAppendToAsyncOperation")


def look_at_privileges(inspection: Inspection, user_id: str, *, merges: bool) -> Iterator[Finding]:
    try:
        held = inspection.privileges(user_id)
    except NotReadable as error:
        yield skipped(PRIVILEGES, f"the role may not read them ({error.detail})")
    except DeliveryFailed as error:
        yield of_failure(PRIVILEGES, error, CheckResult.SKIPPED)
    else:
        yield from of_privileges(held)
        if merges:
            yield of_notes(held)


def of_privileges(held: dict[str, str]) -> Iterator[Finding]:
    """Checks each privilege. User level (Basic) is enough, since a lead belongs to the user that makes it."""
    yield _of(held, _CREATE) or of_failure(f"privilege {_CREATE}", Blocked("missing_privilege", _CREATE))
    yield _of(held, _READ) or warning(
        f"privilege {_READ}",
        "not held: where a reply is lost, the lead cannot be read back and counts as written, or waits for a person",
        f"add {_READ}, at User level or wider, to the application user's role",
        reason="missing_privilege",
    )
    missing = [name for name in _SYSTEM_JOB if name not in held]
    if not any(name in held for name in _SYSTEM_JOB_APPEND):
        missing.append(" or ".join(_SYSTEM_JOB_APPEND))
    if missing:
        needed = "needed only where a workflow or an asynchronous plug-in starts on a lead's creation"
        yield Finding(
            check="privileges System Job", result=CheckResult.SKIPPED, fact=f"no {', '.join(missing)}: {needed}"
        )
    else:
        yield ok("privileges System Job", ", ".join(f"{name} {held[name]}" for name in _SYSTEM_JOB))


def of_notes(held: dict[str, str]) -> Finding:
    """Checks what LEADPIPE_MERGE needs. Without it a customer's later actions wait, and the leads go on."""
    missing = lacking(tuple(Privilege(name=name, depth=depth) for name, depth in OF_MERGE.items()), held)
    if not missing:
        return ok(NOTES, ", ".join(f"{name} {held[name]}" for name in OF_MERGE))
    fact = f"LEADPIPE_MERGE is set, and the role lacks {in_words(missing)}: a customer's later actions wait"
    return failed(NOTES, fact, "`leadpipe setup --apply` with the app's settings adds them", reason="missing_privilege")


def _of(held: dict[str, str], name: str) -> Finding | None:
    return ok(f"privilege {name}", f"held, {held[name]}") if name in held else None
