"""What happens once, when a stack is deployed."""
