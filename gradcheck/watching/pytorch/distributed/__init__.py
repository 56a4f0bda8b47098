"""A training on several processes: what each of them measures goes to the first, which reports on all."""
