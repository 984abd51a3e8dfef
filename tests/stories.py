"""Small objects, as text, for stories of what commands do one after the other."""

from __future__ import annotations

_CONTAINER = "  - {name: NAME, image: 'localhost/x:1', command: [sleep, '1']MORE}\n"


def container(name: str, more: str = "") -> str:
    return _CONTAINER.replace("NAME", name).replace("MORE", more and f", {more}")


def pod(name: str, containers: str, *, volumes: str = "", notes: str = "") -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}{notes}}}\nspec:\n  containers:\n{containers}"
        f"  volumes: [{volumes}]\n"
    )


def secret(name: str, value: str) -> str:
    return f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{p: '{value}'}}\n"


def config(value: str) -> str:
    return f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: conf}}\ndata: {{x: '{value}'}}\n"


def deployment(name: str, command: str, strategy: str = "RollingUpdate") -> str:
    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 2\n"
        f"  strategy: {{type: {strategy}}}\n"
        "  selector: {matchLabels: {app: api}}\n"
        "  template:\n    metadata: {labels: {app: api}}\n    spec:\n"
        f"      containers: [{{name: a, image: 'localhost/x:1', command: [{command}]}}]\n"
    )
