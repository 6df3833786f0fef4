"""Conformance of a `BatchSimulation`: all that training relies on, by running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor

from autoreward.environments.environment import Environment
from autoreward.sim.physics import Physics
from autoreward.sim.simulation import BatchSimulation

_ROWS, _STEPS = 4, 6

Make = Callable[[], BatchSimulation]


def check_simulation(environment: Environment, make: Make) -> tuple[str, ...]:
    """Check a way to simulate an environment.

    Args:
        environment: Draws the start states.
        make: Returns a new simulation of it without rows, on the CPU.

    Returns:
        One sentence for each problem of the first check that failed; empty where all passed.
    """
    checks: tuple[Callable[[Environment, Make], Iterable[str]], ...] = (
        _rows_are_independent,
        _rows_come_and_go,
        _resets_are_exact,
        _snapshots_are_exact,
        _what_was_handed_out_stays,
        _broken_rows_are_alone,
    )
    for check in checks:
        if problems := tuple(check(environment, make)):
            return problems
    return ()


def _rows_are_independent(environment: Environment, make: Make) -> Iterator[str]:
    many, alone = _started(environment, make), make()
    alone.add(1)
    alone.restore(_numbers(1), many.snapshot(torch.tensor([2])))
    for ctrl in _controls(environment):
        many.step(ctrl)
        alone.step(ctrl[2:3])
        if not _equal(alone.physics(), many.physics(torch.tensor([2]))):
            yield "a row's state depends on its neighbours"
            return


def _rows_come_and_go(environment: Environment, make: Make) -> Iterator[str]:
    changed, plain = _started(environment, make), _started(environment, make)
    changed.add(2)
    changed.keep(torch.tensor([3, 1, 5]))
    if changed.num != 3:
        yield f"{changed.num} rows are left where 3 were kept"
        return
    for ctrl in _controls(environment):
        plain.step(ctrl)
        changed.step(torch.cat([ctrl[[3, 1]], torch.zeros_like(ctrl[:1])]))
    if not _equal(plain.physics(torch.tensor([3, 1])), changed.physics(_numbers(2))):
        yield "rows go on differently after others were added and dropped"
    changed.keep(_numbers(0))
    changed.step(torch.zeros(0, environment.action_dim))
    changed.add(1)
    if changed.num != 1:
        yield "an emptied simulation cannot be filled again"


def _resets_are_exact(environment: Environment, make: Make) -> Iterator[str]:
    simulation = _started(environment, make)
    for ctrl in _controls(environment):
        simulation.step(ctrl)
    before = simulation.physics()
    rows = torch.tensor([2, 0])
    qpos, qvel = environment.initial(2, torch.Generator().manual_seed(5))
    simulation.reset(rows, qpos, qvel)
    other = make()
    other.add(2)
    other.reset(_numbers(2), qpos, qvel)
    if not _equal(simulation.physics(rows), other.physics()):
        yield "sensors after a reset depend on what the row did before"
    rest = torch.tensor([1, 3])
    if not _equal(simulation.physics(rest), before.rows(rest)):
        yield "a reset changes other rows"


def _snapshots_are_exact(environment: Environment, make: Make) -> Iterator[str]:
    simulation, other = _started(environment, make), make()
    for ctrl in _controls(environment):
        simulation.step(ctrl)
    rows = torch.tensor([3, 1])
    other.add(2)
    other.restore(_numbers(2), simulation.snapshot(rows))
    for ctrl in _controls(environment):
        if not _equal(other.physics(), simulation.physics(rows)):
            yield "a restored row goes on differently"
            return
        simulation.step(ctrl)
        other.step(ctrl[rows])


def _what_was_handed_out_stays(environment: Environment, make: Make) -> Iterator[str]:
    simulation = _started(environment, make)
    physics = simulation.physics()
    before = Physics(*(part.clone() for part in physics))
    simulation.step(next(_controls(environment)))
    simulation.reset(_numbers(1), *environment.initial(1, torch.Generator().manual_seed(5)))
    if not _equal(physics, before):
        yield "physics() hands out tensors that are written to again"
    if any(part.dtype != torch.float32 for part in physics):
        yield "physics() is not float32"


def _broken_rows_are_alone(environment: Environment, make: Make) -> Iterator[str]:
    well, others = _started(environment, make), torch.tensor([0, 2, 3])
    for value in (float("nan"), float("inf")):
        sick = make()
        sick.add(_ROWS)
        sick.restore(_numbers(_ROWS), well.snapshot(_numbers(_ROWS)))
        twin = make()
        twin.add(_ROWS)
        twin.restore(_numbers(_ROWS), well.snapshot(_numbers(_ROWS)))
        start = environment.initial(1, torch.Generator().manual_seed(5))
        sick.reset(torch.tensor([1]), start[0], torch.full_like(start[1], value))
        for ctrl in _controls(environment):
            sick.step(ctrl)
            twin.step(ctrl)
            if sick.bad.tolist() != [False, True, False, False]:
                yield f"with {value} in row 1, bad is {sick.bad.tolist()}"
                return
            if not _equal(sick.physics(others), twin.physics(others)):
                yield f"with {value} in a row its neighbours move differently"
                return
        sick.reset(torch.tensor([1]), *start)
        sick.step(ctrl)
        if sick.bad.any():
            yield "a row stays bad after a reset"


def _started(environment: Environment, make: Make) -> BatchSimulation:
    simulation = make()
    simulation.add(_ROWS)
    start = environment.initial(_ROWS, torch.Generator().manual_seed(0))
    simulation.reset(_numbers(_ROWS), *start)
    return simulation


def _controls(environment: Environment) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(9)
    for _ in range(_STEPS):
        action = torch.rand(_ROWS, environment.action_dim, generator=generator) * 2 - 1
        yield environment.ctrl(action)


def _numbers(count: int) -> Tensor:
    return torch.arange(count)


def _equal(first: Physics, second: Physics) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
