"""The run: proposals, checks, trainings, selection, confirmation, report; journaled and resumable."""
