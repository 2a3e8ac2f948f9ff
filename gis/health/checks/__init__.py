"""One function a check: each returns what came of it, or None where it does not apply to the layer."""
