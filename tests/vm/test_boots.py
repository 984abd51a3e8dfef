"""A pod that is enabled is there after each boot, and finds nothing in its way of what ran before.

Looked at from outside of podunit: what the pod serves, states, and all that podman and the kernel hold for pods.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.pods import IMAGE, Pods
from tests.vm.virtual import VirtualMachine

SLOW_SEC = 400

WEB = f"""\
apiVersion: v1
kind: Secret
metadata: {{name: key}}
stringData: {{word: sesame}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  terminationGracePeriodSeconds: 2
  volumes:
  - {{name: fast, emptyDir: {{medium: Memory}}}}
  - {{name: scratch, emptyDir: {{}}}}
  containers:
  - name: httpd
    image: {IMAGE}
    command:
    - sh
    - -c
    - seen=$(ls /fast; ls /scratch); echo $WORD $seen > /fast/page; touch /scratch/used; exec httpd -f -p 80 -h /fast
    env: [{{name: WORD, valueFrom: {{secretKeyRef: {{name: key, key: word}}}}}}]
    ports: [{{containerPort: 80, hostPort: 8080}}]
    volumeMounts: [{{name: fast, mountPath: /fast}}, {{name: scratch, mountPath: /scratch}}]
    readinessProbe: {{httpGet: {{path: /page, port: 80}}, timeoutSeconds: 20}}
"""

# What somebody would find who looked for pods on the machine; no IDs, which differ from one start to the next.
_LOOK = r"""
curl --silent --fail localhost:8080/page
systemctl is-active pod@web sandbox@web container@web.httpd podunit-prober.service podunit-prober.socket
systemctl list-units --plain --no-legend --state=failed
systemctl show --value --property=NRestarts container@web.httpd
podman ps --all --format '{{.Names}} {{.State}}' | sort
podman volume ls --format '{{.Name}}' | sort
podman secret ls --format '{{.Name}}' | sort
find /run/netns -type f | wc -l
nft list ruleset | grep -c dnat.ip
find /run/podunit /run/podunit-probes -mindepth 1 -maxdepth 1 | sort
find /var/lib/podunit/volumes -mindepth 1 | sort
"""


@pytest.fixture
def web(vm: VirtualMachine) -> Iterator[Pods]:
    """The pod, applied, so that it is started and enabled."""
    pods = Pods(vm)
    vm.write("/root/web.yaml", WEB)
    vm.run("podunit", "apply", "/root/web.yaml", timeout_sec=SLOW_SEC)
    yield pods
    vm.run("podunit", "delete", "web", timeout_sec=SLOW_SEC)
    assert pods.remains() == ""


def test_a_pod_serves_after_a_loss_of_power_and_after_a_reboot(vm: VirtualMachine, web: Pods) -> None:
    before = vm.sh(_LOOK).stdout
    # Nothing was there before the pod: each start finds its emptyDirs empty.
    assert before.startswith("sesame\nactive\nactive\nactive\nactive\nactive\n0\nweb.httpd running\n"), before
    boots = [vm.boot_id]
    for boot in (vm.cut_power, vm.reboot):
        boot()
        boots.append(vm.boot_id)
        vm.wait_until("systemctl --quiet is-active pod@web", timeout_sec=SLOW_SEC)
        assert vm.sh(_LOOK).stdout == before
    assert len(set(boots)) == 3
