"""Drive a server, a page or a cluster from outside, for tests, benchmarks and screenshots."""
