"""Pods find each other by name, and Services give them names and ports; looked at from inside and from the host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import Pods, container, over_engines, pod, wait_for

FOREVER = "sleep 1000 & wait"
WEB = pod(container("a", "httpd -f -p 8080 -h /www & wait", "ports: [{name: http, containerPort: 8080}]"))
WEB = WEB.replace("  name: web\n", "  name: web\n  labels: {app: web}\n")
CLIENT = pod(container("a", FOREVER), "client")
SERVICES = """\
apiVersion: v1
kind: Service
metadata: {name: front}
spec:
  type: LoadBalancer
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
---
apiVersion: v1
kind: Service
metadata: {name: node}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 8080, nodePort: 30080}]
---
"""
PAGE = "podunit test page\n"
# aardvark-dns before 1.11 often loses requests after a pod of the network has come or gone, until the resolver has
# tried its other servers (containers/aardvark-dns 389): up to 41 s were seen on Debian 12.
_LOOKUP_SEC = 120


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    # Of a network that is there already the unit has nothing to do, and does not start.
    forget = "rm -rf /var/lib/podunit/objects; podman network rm --force podunit podunit-shop backend 2> /dev/null || :"
    lab.sh(forget)
    pods = Pods(lab, engine)
    yield pods
    pods.clear()
    lab.sh(forget)
    wait_for(pods.remains, "", timeout_sec=5)


def fetch(pods: Pods, url: str, timeout_sec: int = 5) -> str:
    """What the client's container gets in this time."""
    return pods.inside("client.a", "timeout", str(timeout_sec), "wget", "-qO-", url, check=False).stdout


def wait_for_page(pods: Pods, url: str, page: str = PAGE) -> None:
    """Wait until the client's container gets a page, whichever name server answers."""
    wait_for(lambda: fetch(pods, url, 20), page, _LOOKUP_SEC)


def test_networks_go_with_the_last_pod_by_gc(pods: Pods) -> None:
    names = ("podman", "network", "ls", "--format={{.Name}}")
    other = WEB.replace("name: web\n", "name: shop\n  namespace: shop\n", 1)
    # Of that name, but somebody else's.
    pods.lab.run("podman", "network", "create", "podunit-theirs")
    try:
        pods.apply(WEB + "---\n" + other)
        pods.systemctl("stop", "pod@web")
        assert pods.lab.run("podunit", "gc").stdout == ""
        pods.lab.run("podunit", "delete", "web")
        assert pods.lab.run("podunit", "gc", "--dry-run").stdout == "network podunit: removed\n"
        assert "podunit" in pods.lab.run(*names).stdout.split()
        assert pods.lab.run("podunit", "gc").stdout == "network podunit: removed\n"
        assert sorted(pods.lab.run(*names).stdout.split()) == ["podman", "podunit-shop", "podunit-theirs"]
        assert "network podunit-shop: removed\n" in pods.lab.run("podunit", "uninstall").stdout
        assert sorted(pods.lab.run(*names).stdout.split()) == ["podman", "podunit-theirs"]
    finally:
        pods.lab.run("podman", "network", "rm", "podunit-theirs")


@over_engines
def test_pods_and_services_have_names(pods: Pods) -> None:
    pods.apply(SERVICES + WEB + "---\n" + CLIENT)
    wait_for_page(pods, "http://web:8080/")
    wait_for_page(pods, "http://front/")
    wait_for_page(pods, "http://front.default.svc.cluster.local/")
    wait_for_page(pods, "http://node.default:8080/")
    for port in (80, 30080):
        assert pods.lab.run("curl", "--silent", "--fail", f"127.0.0.1:{port}").stdout == PAGE
    # The pod itself too.
    own = ("web.a", "timeout", "5", "wget", "-qO-", "http://front/")
    assert pods.inside(*own).stdout == PAGE
    # After a restart it has another address, and is found there.
    pods.systemctl("restart", "pod@web")
    wait_for_page(pods, "http://front/")
    pods.systemctl("stop", "pod@web")
    assert fetch(pods, "http://web:8080/") == ""
    assert pods.state("network@podunit") == "active"
    pods.systemctl("stop", "pod@client")
    pods.wait("inactive", "network@podunit")
    pods.systemctl("start", "pod@web", "pod@client")
    wait_for_page(pods, "http://web:8080/")


def test_a_service_that_comes_later_changes_the_pod(pods: Pods) -> None:
    pods.apply(WEB + "---\n" + CLIENT)
    client = pods.show("sandbox@client", "InvocationID")
    assert fetch(pods, "http://front/") == ""
    done = pods.apply(SERVICES)
    assert done.stdout == "Service front: created\nService node: created\npod web: changed, restarted\n"
    wait_for_page(pods, "http://front/")
    assert pods.show("sandbox@client", "InvocationID") == client
    pods.lab.write("/root/services.yaml", SERVICES)
    assert "Service front: deleted" in pods.lab.run("podunit", "delete", "/root/services.yaml").stdout


@over_engines
def test_other_networks(pods: Pods) -> None:
    pods.lab.run("podman", "network", "create", "backend")
    other = WEB.replace("podunit/boot", "podunit/network: backend\n    podunit/boot")
    alone = pod(container("a", FOREVER), "alone", notes="    podunit/network: none\n")
    pods.apply(other + "---\n" + CLIENT + "---\n" + alone)
    assert fetch(pods, "http://web:8080/") == ""
    assert pods.inside("alone.a", "ip", "-o", "link").stdout.count("\n") == 1
    pods.apply(other + "---\n" + CLIENT.replace("podunit/boot", "podunit/network: backend\n    podunit/boot"))
    wait_for_page(pods, "http://web:8080/")
    pods.lab.run("podunit", "delete", "client", "web")


def test_on_a_network_of_which_podman_gives_all_addresses_the_sandbox_is_podmans(pods: Pods) -> None:
    pods.lab.run("podman", "network", "create", "podunit")
    try:
        pods.apply(WEB + "---\n" + CLIENT)
        wait_for_page(pods, "http://web:8080/")
        assert pods.show("sandbox@web", "Type") == "forking"
        pods.lab.run("podunit", "delete", "web", "client")
    finally:
        pods.lab.run("podman", "network", "rm", "podunit", check=False)


def test_a_namespace_has_a_network_of_its_own(pods: Pods) -> None:
    def shop(text: str, notes: str = "") -> str:
        return text.replace("  annotations:", f"  namespace: shop\n  annotations:{notes}")

    service = SERVICES.split("---")[0].replace("name: front}", "name: front, namespace: shop}")
    here = service.replace("LoadBalancer", "ClusterIP") + "---\n"
    pods.apply(here + shop(WEB) + "---\n" + shop(CLIENT) + "---\n" + CLIENT.replace("name: client", "name: other"))
    for name in ("web:8080", "front", "front.shop", "front.shop.svc.cluster.local"):
        wait_for_page(pods, f"http://{name}/")
    assert pods.state("network@podunit", r"network@podunit\x2dshop") == "active active"
    of_other = ("other.a", "timeout", "5", "wget", "-qO-", "http://web:8080/")
    assert pods.inside(*of_other, check=False).stdout == ""
    # A pod that moves to the other network is found there.
    done = pods.apply(here + shop(WEB, "\n    podunit/network: podunit") + "---\n" + shop(CLIENT))
    assert "pod web: changed, restarted\n" in done.stdout
    wait_for(lambda: pods.inside(*of_other, check=False).stdout, PAGE, _LOOKUP_SEC)


@over_engines
def test_a_pod_has_an_address_of_each_family(pods: Pods) -> None:
    pods.apply(CLIENT)
    addresses = pods.inside("client.a", "ip", "-o", "addr", "show", "eth0").stdout
    assert " inet " in addresses
    if pods.lab.run("test", "-e", "/proc/net/if_inet6", check=False).returncode == 0:
        assert "scope global" in addresses.split(" inet6 ", 1)[1]


def look_up(pods: Pods, name: str) -> set[str]:
    """The IPv4 addresses that the client finds."""
    found = pods.inside("client.a", "nslookup", "-type=a", name, check=False).stdout
    return {line.split()[-1] for line in found.splitlines() if line.startswith("Address: 10.") and ":53" not in line}


def test_pods_of_a_stateful_set_have_names_below_their_service_and_one_together(pods: Pods) -> None:
    together = "apiVersion: v1\nkind: Service\nmetadata: {name: any}\n"
    together += "spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n---\n"
    service = (
        SERVICES.split("---")[0]
        .replace("LoadBalancer", "ClusterIP\n  clusterIP: None")
        .replace("80, targetPort: http", "8080")
    )
    replicas = """\
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: front
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 2
      containers:
      - name: a
        image: localhost/podunit-test:1
        command: [sh, -c, "trap exit TERM; mkdir /w; hostname > /w/name; httpd -f -p 8080 -h /w & wait"]
---
"""
    done = pods.apply(together + service + replicas + CLIENT)
    assert "spec.selector: selects several pods, web-0, web-1: there is no address that stands" in done.stderr
    for name in ("web-0.front", "web-1.front.default.svc.cluster.local"):
        wait_for_page(pods, f"http://{name}:8080/name", name.partition(".")[0] + "\n")
    look = ("hostname", "-i")
    names = ("web-0", "web-1")
    addresses = {name: pods.inside(f"{name}.a", *look).stdout.split()[0] for name in names}

    def wait_for_addresses(name: str, *expected: str) -> None:
        wait_for(lambda: " ".join(sorted(look_up(pods, name))), " ".join(sorted(expected)), _LOOKUP_SEC)

    for name in ("front", "any", "any.default.svc.cluster.local"):
        wait_for_addresses(name, *addresses.values())
    # Each answers at the Service's port, which is not its own; and a client takes the one that is left.
    for name, address in addresses.items():
        assert fetch(pods, f"http://{address}/name") == f"{name}\n"
    pods.systemctl("stop", "pod@web-0")
    wait_for_addresses("any", addresses["web-1"])
    wait_for_page(pods, "http://any/name", "web-1\n")
