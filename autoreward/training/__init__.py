"""Population PPO: stacked networks, learner slots, deferred rewards, the trainer process."""
