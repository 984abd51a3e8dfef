"""A machine that shuts down with a pod on it: what the lab shows without a kernel of its own, with one.

Looked at from outside of podunit: what containers have written, the journal of the boot before, and the time until the
machine was down.
"""

from __future__ import annotations

from tests.lab.pods import Pods
from tests.lab.test_shutdown import LOG, expect_no_restart, expect_order, late
from tests.vm.virtual import VirtualMachine

SLOW_SEC = 400
GRACE_SEC = 20


def test_a_shutdown_is_an_orderly_stop_within_one_grace_period(vm: VirtualMachine) -> None:
    pods = Pods(vm)
    vm.sh(f"mkdir {LOG}; touch {LOG}/heeds; mkdir -p /var/log/journal; journalctl --flush")
    try:
        pods.install(late(GRACE_SEC))
        pods.systemctl("start", "pod@late", timeout_sec=SLOW_SEC)
        # The same containers, none of which has to be killed: emulated, what podman does takes its time.
        least_sec = vm.reboot()
        vm.sh(f"rm {LOG}/*")
        pods.systemctl("start", "pod@late", timeout_sec=SLOW_SEC)
        down_sec = vm.reboot()
        at = expect_order(vm.read(f"{LOG}/all"))
        # The sidecars wait for the one that is killed at the end of the grace period, which began before the hook.
        assert at["second-"] - at["hook"] > GRACE_SEC / 2
        assert down_sec < least_sec + GRACE_SEC + 5
        journal = vm.sh("journalctl --boot=-1 --output=short-monotonic --no-pager", timeout_sec=SLOW_SEC).stdout
        expect_no_restart(journal)
    finally:
        vm.run("podunit", "delete", "late", timeout_sec=SLOW_SEC)
        vm.sh(f"rm -rf {LOG}")
    assert pods.remains() == ""
