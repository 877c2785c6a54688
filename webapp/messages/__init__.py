"""Messages: outgoing mail as rows in the transaction of the fact they tell, and handing them to SMTP.

What is rolled back says nothing; what is committed is said, also after a crash, with the same Message-ID. The
secret part of a link is put in at hand-over and never stored.
"""
