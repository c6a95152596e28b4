"""A few simulated networks; benchmarks/simulation.py runs as many as one likes."""
from __future__ import absolute_import, division, print_function

import pytest
import simulation


@pytest.mark.parametrize("seed", range(14))
def test_links_are_cut_and_nothing_is_lost_repeated_or_reordered(seed):
    world = simulation.simulate(seed, 10)
    assert world.cuts >= 10


def test_a_seed_decides_everything():
    one, other = [simulation.simulate(5, 10) for _ in range(2)]
    assert (one.now, one.events, one.received, one.missed) == (other.now, other.events, other.received, other.missed)


def test_a_failure_is_noticed_and_says_how_to_see_it_again(monkeypatch, capsys):
    monkeypatch.setattr(simulation.subscriber.Positions, "take", lambda self, batch: (batch, 0))
    with pytest.raises(AssertionError):
        for seed in range(20):
            simulation.simulate(seed, 10)
    assert "see it again: python3 benchmarks/simulation.py --seed " in capsys.readouterr()[0]
