"""What was submitted, as data: tables, their rows, and the formats in which they are given out."""
