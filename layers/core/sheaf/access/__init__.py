"""Who acts, and what they may do: actors, users, sessions, roles, assignments."""
