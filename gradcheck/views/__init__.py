"""What a report looks like: on a terminal, in a notebook, as JSON and as a figure."""

import random

# rich draws a number when it is loaded: the first report shown in the middle of a training must not change its course
_drawn = random.getstate()
import rich.style  # noqa: E402, F401  # between remembering and putting back

random.setstate(_drawn)
del _drawn
