"""A run's events and tables in the formats of other tools: `pagewalk export`."""
