"""Tasks: what waits for whom, and what happened since: the inbox of customers and partners."""
