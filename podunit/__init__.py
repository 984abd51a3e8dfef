"""podunit: pod YAML in, native systemd units out."""

__version__ = "0.1.0"
