"""Hooks: other systems are told of every change, by requests to URLs that a manager names."""
