"""The checks of a package, by what they look at; `codes.yaml` lists all that they can find."""
