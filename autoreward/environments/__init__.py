"""Finds, loads and steps environment folders; renders the card a designer reads."""
