"""Telling a partner's own programs what happened: one registration a partner, deliveries as rows in the transaction of the
fact they tell, signed, tried again with growing pauses, in order for each customer.
"""
