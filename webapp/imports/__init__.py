"""Many at once from a file: invitations or attestations, one a row.

A file is read and checked before anything happens; rows that are wrong are repaired in the browser or left out; what is
started runs in the worker, each row in a transaction of its own, so that a row is done once whatever dies meanwhile.
"""
