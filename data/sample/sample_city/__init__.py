"""Parts of the generator that builds the sample city."""
