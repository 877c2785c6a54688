"""What a customer bought through whom: product, seats, first and last day. The ground that ending stands on."""
