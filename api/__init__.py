"""The two doors: HTTP and the command line."""

import os

# Matrices here are small, and requests run side by side: further threads of the linear algebra only wait for
# each other. To be set before numpy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
