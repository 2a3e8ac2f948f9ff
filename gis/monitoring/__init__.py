"""Measured values of heat projects and data centres: what is measured, and how deliveries are taken."""
