"""The partner's customers: the list it works from all day, read from overview rows that a follower writes."""
