"""Balancier : remonter, puis rester immobile en haut.

L'énergie guide la montée ; la précision ne compte qu'une fois le sommet atteint.
"""

import math

import torch

# Réglages choisis à la main, après quelques essais ratés…
ÉNERGIE_CIBLE = 9.81
LARGEUR = math.expm1(0.3)
SOMMET = math.cos(math.radians(12))


def _énergie(s):
    """Énergie par unité de masse : cinétique plus potentielle (J/kg)."""
    return 0.5 * s.speed ** 2 + 9.81 * s.height


def montee(state, action, next_state):
    """Écart d'énergie ramené entre 0 et 1 : vaut 1 à l'énergie cible."""
    écart = (_énergie(next_state) - ÉNERGIE_CIBLE) / ÉNERGIE_CIBLE
    return torch.exp2(-écart.square())


def au_sommet(state, action, next_state):
    """Vaut 1 à moins de 12° de la verticale, décroît ensuite comme une gaussienne."""
    return tolerance(next_state.pitch.cos(), lower=SOMMET, upper=inf, margin=1 - SOMMET)


def immobile(state, action, next_state):
    """1 au repos (sinus cardinal tronqué à son premier zéro)."""
    v = torch.clamp(next_state.speed * LARGEUR, -1.0, 1.0)
    return torch.special.sinc(v)


def freinage(state, action, next_state):
    """Variation de vitesse au-delà d'un seuil, saturée par la fonction d'erreur."""
    à_coup = torch.abs(next_state.speed - state.speed) - 0.2
    return torch.special.erf(à_coup.clamp(min=0))


FORMULA = "potential(montee) + au_sommet * immobile - 0.05 * freinage"
