"""`leadpipe import queue`: takes in the messages of an earlier app's queue, and deletes each once it is kept."""

import re
from typing import Annotated

import typer

from leadpipe.cli.batch import ask
from leadpipe.cli.moving import From, account_from, carry_in, finish
from leadpipe.cli.options import AsJson, DryRun, Rate, SettingsFile, Yes
from leadpipe.cli.say import say
from leadpipe.cli.target import reach
from leadpipe.operations.moving.sources import OWN_QUEUES, head_of, queue_in, received_from
from leadpipe.operations.take_in import Item, TakingIn
from leadpipe.storage.foreign import AzureForeignQueue
from leadpipe.wiring import now

# https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata
_NAME = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*")


def _queue_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        own = f"; {name.lower()} is leadpipe's own" if name.lower() in OWN_QUEUES else ""
        raise typer.BadParameter(
            f"no queue is called {name!r}: a name has 3 to 63 lower-case letters, digits and single hyphens{own}"
        )
    return name


QueueName = Annotated[
    str, typer.Argument(metavar="NAME", callback=_queue_name, help="The queue's name.", show_default=False)
]


def import_queue(
    context: typer.Context,
    name: QueueName,
    source: From = "",
    rate: Rate = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: AsJson = False,
    settings: SettingsFile = None,
) -> None:
    """Take in the messages of an earlier app's queue, such as its poison queue, each once.

    First switch off what else reads the queue. A message becomes a lead, received when it was put, and is deleted only
    after leadpipe has kept it. The lead may be in base64, or inside another JSON text. A message that has no lead in it
    is kept as rejected. Says what became of each. --dry-run looks at the first 32 messages. Asks first; may be stopped
    and run again.
    """
    target = reach(context, settings)
    account = account_from(source, target)
    queue = queue_in(account, name)
    depth = queue.depth()
    say(f"about {_messages(depth)} on {name}")
    taking = TakingIn(
        target.ports, now, retention=target.settings.retention, dry_run=dry_run, done=lambda item: _delete(item, queue)
    )
    if dry_run:
        head = head_of(queue)
        finish(*carry_in(head, len(head), taking, dry_run=True, as_json=as_json, rate=rate))
        return
    if depth > 1:
        ask(f"take in about {_messages(depth)}, and delete each once it is kept?", yes=yes)
    counts, stopped = carry_in(received_from(queue), depth, taking, dry_run=False, as_json=as_json, rate=rate)
    left = queue.depth()
    if left:
        say(f"about {_messages(left)} left on {name}, perhaps hidden for a minute: run it again")
    finish(counts, stopped)
    if left:
        raise typer.Exit(1)


def _delete(item: Item, queue: AzureForeignQueue) -> None:
    if item.message is not None:
        queue.delete(item.message)


def _messages(number: int) -> str:
    return "1 message" if number == 1 else f"{number} messages"
