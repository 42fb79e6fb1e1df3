"""The real stores beside a Dynamics in memory: for tests of what really stands in the tables."""

from leadpipe.model.ports import Ports
from leadpipe.storage.attention import AzureAttention
from leadpipe.storage.canary_marks import AzureCanaryMarks
from leadpipe.storage.claims import AzureClaims
from leadpipe.storage.connection import Storage
from leadpipe.storage.fallback import AzureFallback
from leadpipe.storage.lead_queue import AzureLeadQueue
from leadpipe.storage.ledger import AzureLedger
from leadpipe.storage.marks import AzureMarks
from leadpipe.storage.poison_queue import AzurePoisonQueue
from tests.fakes import FakeDynamics


def ports_on(storage: Storage, dynamics: FakeDynamics | None) -> Ports:
    return Ports(
        queue=AzureLeadQueue(storage.queues),
        ledger=AzureLedger(storage),
        claims=AzureClaims(storage),
        fallback=AzureFallback(storage),
        poison_queue=AzurePoisonQueue(storage.queues),
        marks=AzureMarks(storage),
        attention=AzureAttention(storage),
        canary_marks=AzureCanaryMarks(storage),
        dynamics=dynamics,
    )
