"""`podunit-generator`: a generator of systemd (systemd.generator(7)) for pods whose YAML appears without an apply."""
