"""`leadpipe keys`: shows when each of the endpoint's own keys was last used."""

from dataclasses import asdict

import typer

from leadpipe.cli.json_output import print_json
from leadpipe.cli.options import AsJson, SettingsFile
from leadpipe.cli.say import say
from leadpipe.cli.selection import leads
from leadpipe.cli.table import columns, print_records
from leadpipe.cli.target import reach
from leadpipe.model.settings import Area, Auth
from leadpipe.operations.keys import COUNTED, LOOKED_BACK, KeyUses, uses_of
from leadpipe.operations.target import Target
from leadpipe.wiring import now

COLUMNS = columns(("name", "configured", "last_used_at", "leads"), ("last_lead_id",), titles={"name": "KEY"})
_OF_THE_HOST = (
    "LEADPIPE_AUTH is host: posts need a function key of the functions host, and the host does not say which one they"
    " came with. See its keys in the portal (the function leads, Function keys) or with"
    " az functionapp function keys list --function-name leads --name APP --resource-group GROUP"
)


def keys(context: typer.Context, as_json: AsJson = False, settings: SettingsFile = None) -> None:
    """Show when each key of LEADPIPE_KEYS was last used, by name; never a key itself.

    Has one record for each key that is configured, and for each name that leads of the last 7 days came with and that
    is not configured any more. LEADS counts those of the last 7 days. A key's last use is looked for in the last 90
    days, from the newest lead back; posts that were not leads are a use too. A lead that came before LEADPIPE_AUTH was
    keys has no name.

    To change a key: add the new one beside the old, give it to Partner Center, and remove the old one once it is not
    used any more.

    Exits with 1 when no key can be read, since no post is taken then.
    """
    target = reach(context, settings)
    if target.settings.auth is Auth.HOST:
        if as_json:
            print_json([])
        say(_OF_THE_HOST)
        return
    uses = uses_of(target.settings.keys, target.ports.ledger, now())
    print_records(map(asdict, uses.keys), COLUMNS, as_json=as_json)
    _conclude(uses, target)


def _conclude(uses: KeyUses, target: Target) -> None:
    say(f"leads are of the last {COUNTED.days} days; a last use was looked for in the last {LOOKED_BACK.days}")
    if uses.nameless:
        say(f"{leads(uses.nameless)} of these days came without a key of LEADPIPE_KEYS")
    if unused := [use.name for use in uses.keys if use.last_used_at is None]:
        say(f"not used in that time: {', '.join(unused)}")
    if faults := target.settings.faults_of(Area.KEYS):
        say(f"a person is needed: no key can be read, and no post is taken: {faults}")
        raise typer.Exit(1)
