"""Citywide matching: limited sources shared out among parcels, exactly; the worth and place of more."""
