"""Conformance checks that run over everything registered, ours and a plug-in author's."""
