"""Host side of evaluation: the trainer process, trials of rewards, statistics. No torch."""
