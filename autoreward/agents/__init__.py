"""Agents: designers propose rewards, the critic looks at them before they are trained."""
