"""One HTML page of a run or a sweep that needs nothing but a browser: `pagewalk report`."""
