"""A customer's people: adding them one by one or from a file, their roles and licences, blocking, new passwords; and the
list of what is left to set up."""
