"""Product keys: issuing them (synthetic ones only), reading what people type, redeeming them, and the customer account
that redeeming can create. A key is consumed when what it pays for exists, in one transaction with it."""
