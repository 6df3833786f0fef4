"""Ходьба с грузом: держать корпус ровно, идти к цели и не трясти груз."""

import math

import torch

# Положение груза относительно корпуса, м
ГРУЗ = (0.10, 0.00, 0.25)
ДЛИНА_МАЯТНИКА = math.hypot(0.10, 0.25)
ЧАСТОТА = math.sqrt(9.81 / ДЛИНА_МАЯТНИКА)
_ПОРОГ = math.tanh(math.fabs(math.atan(0.7)))


def _тряска(v):
	"""Сумма квадратов по всем осям, но не по пакету."""
	return (v ** 2).sum(dim=-1)


def level(state, action, next_state):
	"""Ровность корпуса, от 0 до 1 (1 — совсем ровно)."""
	return 1.0 - (next_state.pitch.sin().abs() / _ПОРОГ).clamp(max=1.0)


def sway(state, action, next_state, memory):
	"""Раскачивание груза: затухающий маятник, который толкает ускорение корпуса."""
	угол = memory.get("угол", torch.zeros_like(next_state.speed))
	скорость = memory.get("скорость", torch.zeros_like(next_state.speed))
	ускорение = (next_state.speed - state.speed).clamp(-1.0, 1.0) / 0.05
	скорость = 0.9 * скорость - 0.05 * (ЧАСТОТА * угол + 0.1 * ускорение)
	memory["угол"] = угол + 0.05 * скорость
	memory["скорость"] = скорость
	return memory["угол"].abs().clamp(max=math.pi).detach()


def load_height(state, action, next_state):
	"""Высота груза над землёй после наклона, м."""
	груз = torch.tensor(ГРУЗ)
	плечо = torch.dist(груз, torch.zeros(3))
	return next_state.height + плечо * torch.cos(next_state.pitch + torch.arctan(груз[0] / груз[2]))


def coordinated(state, action, next_state):
	"""Согласованность моторов с направлением на цель: единица, если все знаки совпали."""
	смещение = (next_state.goal - next_state.position).view(-1, 3)
	разные = torch.not_equal(torch.sign(смещение), torch.sign(action.reshape_as(смещение)))
	доля = разные.to(torch.float64).sum(dim=1) / action[:1].numel()
	return action.new_ones(action.size(0)) - доля


def angles(state, action, next_state):
	"""Угол между приводом и скоростью суставов, в долях развёрнутого."""
	u, v = action, next_state.joint_velocity
	косинус = (torch.hypot(u, v).sum(-1) + 0.01).reciprocal() * (u * v).sum(-1)
	return torch.arccos(torch.clamp(косинус, -0.99, 0.99)) / torch.pi


FORMULA = (
	"product(level, coordinated) + 0.5 * sigmoid(load_height) - 0.2 * minimum(sway, 1)"
	" - 0.05 * angles + 0.02 * sign(level - 0.5)"
)
