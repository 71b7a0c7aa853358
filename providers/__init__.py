"""The outside world: one vendor a file, one Protocol a capability. Nothing else imports a network SDK."""
