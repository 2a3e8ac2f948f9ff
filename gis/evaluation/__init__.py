"""What measured projects come to: a season of one, the city's years, and what flows back into the layers."""
