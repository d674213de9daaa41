"""The ledger balances exactly where nothing is lost and nothing is invented."""

from hypothesis import given
from hypothesis import strategies as st

from narrowcast.core.hashing import canonical_json, content_hash
from narrowcast.core.ledger import Ledger, StageLedger

counts = st.integers(min_value=0, max_value=10**9)


@given(counts, st.dictionaries(st.text(min_size=1), counts))
def test_balanced_means_in_equals_out_plus_rejected(out: int, rejected: dict[str, int]) -> None:
    rows_in = out + sum(rejected.values())
    assert StageLedger(stage="map", rows_in=rows_in, rows_out=out, rejected=rejected).balanced
    assert not StageLedger(stage="map", rows_in=rows_in + 1, rows_out=out, rejected=rejected).balanced


def test_one_stage_out_of_balance_unbalances_the_project() -> None:
    good = StageLedger(stage="map", rows_in=2, rows_out=1, rejected={"missing_text": 1})
    bad = StageLedger(stage="prepare", rows_in=2, rows_out=1)
    assert Ledger(stages=[good]).balanced
    assert not Ledger(stages=[good, bad]).balanced
    assert Ledger(stages=[good]).model_dump()["stages"][0]["balanced"] is True


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.none() | st.booleans()))
def test_equal_content_has_one_hash(value: dict[str, object]) -> None:
    shuffled = dict(reversed(list(value.items())))
    assert canonical_json(value) == canonical_json(shuffled)
    assert content_hash(value) == content_hash(shuffled)
