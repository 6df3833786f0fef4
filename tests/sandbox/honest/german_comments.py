"""Aufrecht gehen: schnell, sparsam und ohne zu fallen. Größen in SI-Einheiten."""

ZIEL_GESCHWINDIGKEIT = 1.2  # m/s, gemütliches Gehen
_GEWICHT_AUFWAND = 0.05


def gehen(state, action, next_state):
    """Übereinstimmung mit der Zielgeschwindigkeit, zwischen 0 und 1."""
    # Die Glocke fällt zu beiden Seiten ab, damit Rennen nicht belohnt wird.
    return bell(next_state.speed - ZIEL_GESCHWINDIGKEIT, sigma=0.4)


def aufwand(state, action, next_state):
    # mittleres Quadrat der Stellgrößen
    return _GEWICHT_AUFWAND * action.pow(2).mean(-1)


FORMULA = "gehen - aufwand"
