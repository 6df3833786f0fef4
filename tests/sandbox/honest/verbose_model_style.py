"""Reward for reaching a goal position while keeping the body stable.

Step 1: Analyse the task.
Step 2: Identify the relevant state variables: position, goal, pitch, joint_velocity.
Step 3: Design each component so that it is bounded.
"""

import torch


def reaching_reward(state, action, next_state):
    """Dense reward for getting closer to the goal (bounded in [0, 1])."""
    # Compute the Euclidean distance between the current position and the goal position
    distance_to_goal = torch.norm(next_state.position - next_state.goal, dim=-1)
    # Transform the distance using a temperature parameter
    temperature = 0.25
    reaching = torch.exp(-temperature * distance_to_goal)
    # Return the reward
    return reaching


def stability_reward(state, action, next_state):
    """Encourage the body to remain upright (bounded in [0, 1])."""
    pitch_deviation = torch.abs(next_state.pitch)
    stability = 1.0 - torch.clamp(pitch_deviation / 3.14159, min=0.0, max=1.0)
    return stability


def velocity_penalty(state, action, next_state):
    """Penalise excessive joint velocities (bounded in [0, 1])."""
    velocity_magnitude = torch.mean(torch.square(next_state.joint_velocity), dim=-1)
    penalty = torch.tanh(0.1 * velocity_magnitude)
    return penalty


def success_bonus(state, action, next_state):
    """Sparse bonus upon success."""
    distance_to_goal = torch.norm(next_state.position - next_state.goal, dim=-1)
    is_success = (distance_to_goal < 0.1).float()
    return is_success


# Combine the components with carefully chosen weights
FORMULA = "1.0 * reaching_reward + 0.3 * stability_reward - 0.1 * velocity_penalty + 5.0 * success_bonus"
