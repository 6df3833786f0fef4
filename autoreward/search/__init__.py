"""The run: proposals, checks, trainings, selection, confirmation; journaled and resumable."""
