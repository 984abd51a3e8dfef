"""The program that makes the probes of all containers of one systemd manager, as the kubelet would."""
