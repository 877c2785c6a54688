"""What ends when: telling the partner of record 60, 30, 7 and 1 days before, the page of what is due, its feed for
calendars, and renewing: switching to direct billing, reactivating."""
