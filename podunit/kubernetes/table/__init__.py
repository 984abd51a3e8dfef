"""What podunit does with each field of the Kubernetes API, by topic: data for `podunit.kubernetes.lookup`."""
