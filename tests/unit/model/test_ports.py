from leadpipe.model.ports import Receipt


def test_dynamics_can_be_seen_to_have_a_lead_in_three_ways() -> None:
    assert [*Receipt] == ["created", "found", "unconfirmed"]
