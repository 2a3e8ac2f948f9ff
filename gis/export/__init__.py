"""Packages of layers for the territorial spatial information platform, and their checks."""
