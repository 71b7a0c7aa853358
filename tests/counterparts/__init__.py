"""Local servers that stand for the vendors, in tests, benchmarks and the demo. Off in production."""
