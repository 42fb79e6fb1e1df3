"""Each rule fires on the lines that leadpipe itself writes in its trouble, and on no lines of a near miss."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import azure.functions as func
import pytest

from leadpipe.intake import take
from leadpipe.model.errors import Blocked, CanaryFailed, Refused, StorageFailed, Transient
from leadpipe.model.keys import EndpointKey
from leadpipe.model.settings import CanaryPlan, Settings
from leadpipe.operations.decisions import Desk, replay
from leadpipe.wiring import Wiring
from tests.alerts import workspace
from tests.alerts.product import MINUTE, Product
from tests.factories import environment, payload
from tests.fakes import FakeNotifier

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
KEY = EndpointKey(name="partner-center", value="a-made-up-key-of-leadpipe")
AWAY = StorageFailed("storage_unreachable", "the service did not answer")


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    """Runs for ten minutes, so that there is a pulse."""
    with Product(monkeypatch) as leadpipe:
        leadpipe.goes_on_for(10 * MINUTE)
        yield leadpipe


def firing(product: Product) -> set[str]:
    return workspace.of(product).firing()


class Canary:
    """The app's own endpoint, or one that refuses."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.refuses = False

    def post(self, body: str) -> str:
        if self.refuses:
            raise CanaryFailed("canary_refused", "401")
        world = self.product.world
        return take(body.encode(), at=world.at, entropy=bytes(10), ledger=world.ledger, queue=world.queue)


# Troubles and near misses: what happens, and which rules fire at its end


def no_store_takes_a_lead(product: Product) -> None:
    product.world.ledger.down = product.world.queue.down = True
    assert product.post() == 503
    product.world.ledger.down = product.world.queue.down = False


def intake_has_a_bug(product: Product) -> None:
    class Odd(func.HttpRequest):
        def get_body(self) -> bytes:
            raise KeyError("odd")

    assert product.answer(Odd(method="POST", url="/api/leads", body=b"")) == 503


def a_process_dies_after_both_stores_failed(product: Product) -> None:
    """As `no_store_takes_a_lead`, but the line after that is missing, and so is the answer."""
    no_store_takes_a_lead(product)
    assert [line.event for line in product.lines][-2:] == ["lead_not_kept", "post_not_kept"]
    product.lines.pop()
    product.requests.clear()


def one_store_takes_the_lead(product: Product) -> None:
    product.world.ledger.down = True
    assert product.post() == 202
    assert [line.event for line in product.lines][-2:] == ["lead_not_kept", "lead_accepted"]
    product.world.ledger.down = False


def a_process_dies_after_one_store_failed(product: Product) -> None:
    """The queue has the lead, and nothing more was written or answered."""
    one_store_takes_the_lead(product)
    product.lines.pop()
    product.requests.clear()


def both_stores_fail_once(product: Product) -> None:
    product.world.ledger.failing, product.world.queue.failing = [AWAY], [AWAY]
    assert product.post() == 202
    assert [line.event for line in product.lines][-3:] == ["lead_not_kept", "lead_not_kept", "lead_accepted"]


def what_is_no_lead_is_posted(product: Product) -> None:
    assert product.post(b"[]") == 400


def a_lead_is_posted_and_written(product: Product) -> None:
    assert product.post() == 202
    product.goes_on_for(3 * MINUTE)
    assert len(product.world.dynamics.leads) == 1


def dynamics_refuses_a_lead(product: Product) -> None:
    product.world.dynamics.failing = [Refused("too_long", "subject")]
    product.post()
    product.goes_on_for(3 * MINUTE)


def dynamics_refuses_a_lead_yesterday(product: Product) -> None:
    dynamics_refuses_a_lead(product)
    product.goes_on_for(23 * HOUR)


def a_refused_lead_is_replayed(product: Product) -> None:
    dynamics_refuses_a_lead(product)
    world = product.world
    (lead_id,) = world.ledger.rows
    replay(lead_id, Desk(ports=world.ports, now=world.now, actor="jane"))
    product.goes_on_for(3 * MINUTE)
    assert len(world.dynamics.leads) == 1


def the_sign_in_is_refused(product: Product) -> None:
    product.world.dynamics.failing = [Blocked("no_role", "403")] * 100
    product.post()
    product.goes_on_for(10 * MINUTE)


def the_sign_in_is_refused_and_then_granted(product: Product) -> None:
    the_sign_in_is_refused(product)
    product.world.dynamics.failing = []
    product.goes_on_for(20 * MINUTE)
    assert len(product.world.dynamics.leads) == 1


def dynamics_is_away_for(span: timedelta) -> Callable[[Product], None]:
    def happens(product: Product) -> None:
        product.world.dynamics.failing = [Transient("dynamics_unreachable")] * 1000
        product.post()
        product.goes_on_for(span)

    return happens


def a_lead_a_day_and_then_nothing_for(span: timedelta) -> Callable[[Product], None]:
    def happens(product: Product) -> None:
        for number in range(6):
            product.world.at += DAY
            product.post(payload(Email=f"{number}@fabrikam.com").encode())
            product.goes_on_for(MINUTE)
        product.world.at += span
        product.goes_on_for(10 * MINUTE)

    return happens


def the_sweep_is_switched_off_for(span: timedelta) -> Callable[[Product], None]:
    def happens(product: Product) -> None:
        product.world.at += span

    return happens


def the_secret_ends_in(days: int) -> Callable[[Product], None]:
    def happens(product: Product) -> None:
        product.settings = replace(
            product.settings, secret_expires=(product.world.at + timedelta(days=days + 1)).date()
        )
        product.goes_on_for(DAY - 14 * HOUR)  # into the next UTC day, in which it is looked at again

    return happens


def a_setting_is_wrong(product: Product) -> None:
    product.settings = Settings.from_environment(environment(DATAVERSE_URL="contoso"))
    Wiring(product.settings)
    product.goes_on_for(3 * MINUTE)


def a_setting_was_wrong_yesterday(product: Product) -> None:
    right = product.settings
    a_setting_is_wrong(product)
    product.settings = right
    product.goes_on_for(2 * HOUR)


def storage_is_not_set(product: Product) -> None:
    Wiring(Settings.from_environment(environment(AzureWebJobsStorage=None)))
    assert product.lines[-1].text.startswith("setting_unusable setting=AzureWebJobsStorage ")


def a_setting_has_a_doubtful_value(product: Product) -> None:
    settings = Settings.from_environment(environment(LEADPIPE_RETENTION="soon"))
    assert not settings.stopping
    Wiring(settings)
    assert product.lines[-1].event == "setting_unusable"


def the_mapping_has_faults(product: Product) -> None:
    product.world.mapping_faults = ["line 3: no such field"]
    product.goes_on_for(2 * MINUTE)


def the_mapping_had_faults(product: Product) -> None:
    the_mapping_has_faults(product)
    product.world.mapping_faults = []
    product.goes_on_for(2 * MINUTE)


def a_lead_came_and_nobody_reconciled_for(days: int) -> Callable[[Product], None]:
    def happens(product: Product) -> None:
        product.post()
        product.world.at += timedelta(days=days)
        product.goes_on_for(10 * MINUTE)

    return happens


def a_task_of_the_sweep_fails_for(minutes: int) -> Callable[[Product], None]:
    def happens(product: Product) -> None:
        product.world.fallback.down = True
        product.goes_on_for(minutes * MINUTE)
        product.world.fallback.down = False
        assert "sweep_failed" in {line.event for line in product.lines}

    return happens


def a_post_has_a_wrong_key(product: Product) -> None:
    product.settings = replace(product.settings, keys=(KEY,))
    product.checks_keys_itself()
    assert product.post(**{"x-functions-key": "another-key-of-somebody"}) == 401
    product.goes_on_for(6 * MINUTE)


def a_wrong_key_is_corrected(product: Product) -> None:
    a_post_has_a_wrong_key(product)
    assert product.post(**{"x-functions-key": KEY.value}) == 202
    product.goes_on_for(6 * MINUTE)


def a_canary_is_refused(product: Product) -> None:
    canary = Canary(product)
    canary.refuses = True
    product.world.canary = canary
    product.settings = replace(product.settings, canary=CanaryPlan(every=DAY, url="https://contoso.example/api/leads"))
    product.goes_on_for(3 * MINUTE)
    assert "canary outcome=failed step=canary_refused" in {line.text for line in product.lines}


def a_canary_comes_back(product: Product) -> None:
    product.world.canary = Canary(product)
    product.settings = replace(product.settings, canary=CanaryPlan(every=DAY, url="https://contoso.example/api/leads"))
    product.goes_on_for(5 * MINUTE)
    assert [line.text.split()[-1] for line in product.lines if line.event == "canary"] == [
        "outcome=out",
        "outcome=back",
    ]


def notices_are_refused(product: Product) -> None:
    product.world.notifier = FakeNotifier(product.world.journal)
    product.world.notifier.down = True
    product.world.mapping_faults = ["line 3: no such field"]
    product.goes_on_for(4 * MINUTE)


def a_notice_is_refused_once(product: Product) -> None:
    product.world.notifier = FakeNotifier(product.world.journal)
    product.world.notifier.failing = [AWAY]
    product.world.mapping_faults = ["line 3: no such field"]
    product.goes_on_for(4 * MINUTE)
    assert [notice.stage for notice in product.world.notifier.sent] == ["begins"]


TROUBLES: list[tuple[Callable[[Product], None], set[str]]] = [
    (no_store_takes_a_lead, {"lost", "refused"}),
    (intake_has_a_bug, {"lost", "refused"}),
    (a_process_dies_after_both_stores_failed, {"lost"}),
    (what_is_no_lead_is_posted, {"refused"}),
    (dynamics_refuses_a_lead, {"poisoned"}),
    (dynamics_refuses_a_lead_yesterday, {"poisoned"}),
    (the_sign_in_is_refused, {"waiting"}),
    (dynamics_is_away_for(70 * MINUTE), {"oldest_open"}),
    (dynamics_is_away_for(25 * HOUR), {"oldest_open", "waiting"}),
    (a_lead_a_day_and_then_nothing_for(26 * HOUR), {"silent"}),
    (the_sweep_is_switched_off_for(31 * MINUTE), {"no_pulse"}),
    (the_secret_ends_in(29), {"credential"}),
    (a_setting_is_wrong, {"unusable"}),
    (storage_is_not_set, {"unusable"}),
    (the_mapping_has_faults, {"unusable"}),
    (a_task_of_the_sweep_fails_for(4), {"sweep_failed"}),
    (a_lead_came_and_nobody_reconciled_for(151), {"unusable"}),
    (a_post_has_a_wrong_key, {"refused", "wrong_keys"}),
    (a_canary_is_refused, {"canary"}),
    (notices_are_refused, {"notify_failed", "unusable"}),
]
NEAR_MISSES: list[tuple[Callable[[Product], None], set[str]]] = [
    (one_store_takes_the_lead, set()),
    (a_process_dies_after_one_store_failed, set()),
    (both_stores_fail_once, set()),
    (a_lead_is_posted_and_written, set()),
    (a_refused_lead_is_replayed, set()),
    (the_sign_in_is_refused_and_then_granted, set()),
    (dynamics_is_away_for(45 * MINUTE), set()),
    (a_lead_a_day_and_then_nothing_for(20 * HOUR), set()),
    (the_sweep_is_switched_off_for(20 * MINUTE), set()),
    (the_secret_ends_in(31), set()),
    (a_setting_was_wrong_yesterday, set()),
    (a_setting_has_a_doubtful_value, set()),
    (the_mapping_had_faults, set()),
    (a_task_of_the_sweep_fails_for(1), set()),
    (a_lead_came_and_nobody_reconciled_for(149), set()),
    (a_wrong_key_is_corrected, {"refused"}),
    (a_canary_comes_back, set()),
    (a_notice_is_refused_once, {"unusable"}),
]


def named(value: object) -> str:
    """`dynamics_is_away_for`, whatever span."""
    return str(getattr(value, "__qualname__", "-".join(sorted(value)) if isinstance(value, set) else "")).split(".")[0]


@pytest.mark.parametrize(("happens", "fires"), TROUBLES, ids=named)
def test_in_trouble_its_rules_fire_and_no_others(
    product: Product, happens: Callable[[Product], None], fires: set[str]
) -> None:
    happens(product)
    assert firing(product) == fires


@pytest.mark.parametrize(("happens", "fires"), NEAR_MISSES, ids=named)
def test_a_near_miss_fires_nothing_of_its_own(
    product: Product, happens: Callable[[Product], None], fires: set[str]
) -> None:
    happens(product)
    assert firing(product) == fires


def test_every_rule_fires_in_one_of_the_troubles() -> None:
    assert set().union(*(fires for _, fires in TROUBLES)) == workspace.rules().keys()
