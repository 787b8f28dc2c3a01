"""Benchmarks: `make bench` runs them all and stores results.json, from which the book's page of benchmarks is made."""
