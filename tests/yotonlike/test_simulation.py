"""A few simulated networks; benchmarks/simulation.py runs as many as one likes."""
from __future__ import absolute_import, division, print_function

import pytest
import simulation


seen = {}  # seed: how its network ended


def live(seed):
    world = simulation.simulate(seed, 10)
    assert world.cuts >= 10
    return world.now, world.events, world.received, world.missed


@pytest.mark.parametrize("seed", range(14))
def test_links_are_cut_and_nothing_is_lost_repeated_or_reordered(seed):
    seen[seed] = live(seed)


def test_a_seed_decides_everything():
    assert live(5) == (seen.get(5) or live(5))


def test_a_failure_is_noticed_and_says_how_to_see_it_again(monkeypatch, capsys):
    monkeypatch.setattr(simulation.subscriber.Positions, "take", lambda self, batch: (batch, 0))
    with pytest.raises(AssertionError):
        for seed in range(20):
            simulation.simulate(seed, 10)
    assert "see it again: python3 benchmarks/simulation.py --seed " in capsys.readouterr()[0]
