"""Laufbelohnung: schnell, aufrecht, sparsam. (Kommentare auf Deutsch, Größen in SI-Einheiten.)"""

import torch

ZIELGESCHWINDIGKEIT = 2.0  # m/s, für den Anfang nicht zu schnell
HÖHE_MIN = 0.7


def tempo(state, action, next_state):
    """Anteil der Zielgeschwindigkeit, auf [-1, 1] begrenzt."""
    # Rückwärtslaufen kostet, Schnellerlaufen bringt nichts zusätzlich.
    return torch.clip(next_state.speed / ZIELGESCHWINDIGKEIT, -1.0, 1.0)


def aufrecht(state, action, next_state):
    """1, solange der Körper hoch genug und nicht zu stark geneigt ist, sonst 0."""
    hoch = next_state.height.ge(HÖHE_MIN)
    gerade = torch.lt(next_state.pitch.abs(), 0.5)
    return torch.logical_and(hoch, gerade).float()


def aufwand(state, action, next_state):
    """Mittlere Leistung der Motoren (Drehmoment mal Drehzahl), gesättigt."""
    leistung = torch.mul(action, next_state.joint_velocity).abs().mean(dim=-1)
    return torch.tanh(leistung / 5.0)


FORMULA = "tempo * aufrecht + 0.2 * aufrecht - 0.1 * aufwand"
