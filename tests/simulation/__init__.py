"""The way of events with a clock of its own: the product's code is real, AWS and receivers are not.

What a minute of thousands of deliveries would bring is seen in seconds, and the same each time.
"""
