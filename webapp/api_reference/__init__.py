"""What the API offers, made from what its operations declare: the specification (OpenAPI 3.1) and its page."""
