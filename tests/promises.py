"""The promises of a pod's life: each sentence with the tests that would fail if it were broken.

`page` is one below kubernetes.io/docs, or a file of this project; the words are its own. A test is FILE::NAME below
tests/, those in vm/ run with `./check --vm`.
"""

from __future__ import annotations

from dataclasses import dataclass

_LIFE = "concepts/workloads/pods/pod-lifecycle"
_END = "concepts/workloads/pods/pod-termination"
_INITS = "concepts/workloads/pods/init-containers"
_SIDECARS = "concepts/workloads/pods/sidecar-containers"
_PROBES = "concepts/workloads/pods/probes"
_HOOKS = "concepts/containers/container-lifecycle-hooks"
_LIMITS = "concepts/configuration/manage-resources-containers"

_ROWS = "lab/test_lifecycle.py::test_a_promise_is_kept"
_SCENARIOS, _RESTARTS, _ASIDE = "lab/test_scenarios.py", "lab/test_restarts.py", "lab/test_sidecars.py"
_HOOKED, _PROBED, _WATCHED = "lab/test_hooks.py", "lab/test_probes.py", "lab/test_watching.py"
_CHECKED, _JUDGED, _LIMITED = "test_prober_checks.py", "test_prober_container.py", "vm/test_limits.py"
_SHUT = "lab/test_shutdown.py::test_a_shutdown_is_an_orderly_stop_within_one_grace_period"


@dataclass(frozen=True, slots=True)
class Promise:
    """A sentence, where it stands, and what shows that it is kept."""

    page: str
    sentence: str
    shown: tuple[str, ...]


PROMISES = (
    # Order
    Promise(
        _INITS,
        "If you specify multiple init containers for a Pod, kubelet runs each init container sequentially.",
        (f"{_ASIDE}::test_sidecars_start_before_and_stop_after_the_others",),
    ),
    Promise(
        _INITS,
        "When all of the init containers have run to completion, kubelet initializes the application containers for the"
        " Pod and runs them as usual.",
        (f"{_ROWS}[together]",),
    ),
    Promise(
        _INITS,
        "If a Pod's init container fails, the kubelet repeatedly restarts that init container until it succeeds.",
        (f"{_SCENARIOS}::test_an_init_container_that_fails_once_is_tried_again", f"{_ROWS}[paused]"),
    ),
    Promise(
        _INITS,
        "However, if the Pod has a restartPolicy of Never, and an init container fails during startup of that Pod,"
        " Kubernetes treats the overall Pod as failed.",
        (f"{_RESTARTS}::test_an_init_container_that_is_not_tried_again_fails_the_pod",),
    ),
    Promise(
        _INITS,
        "If the Pod restarts, or is restarted, all init containers must execute again.",
        (f"{_SCENARIOS}::test_init_containers_run_once_for_each_start_of_the_pod",),
    ),
    Promise(
        _SIDECARS,
        "After a sidecar-style init container is running (the kubelet has set the started status for that init"
        " container to true), the kubelet then starts the next init container from the ordered .spec.initContainers"
        " list.",
        (
            f"{_ASIDE}::test_a_sidecar_that_does_not_start_holds_up_the_others",
            f"{_PROBED}::test_what_follows_a_sidecar_waits_until_it_has_started",
        ),
    ),
    Promise(
        _SIDECARS,
        "The sidecar containers are then shut down in the opposite order of their appearance in the Pod specification.",
        (f"{_ASIDE}::test_sidecars_start_before_and_stop_after_the_others", _SHUT),
    ),
    Promise(
        _SIDECARS,
        "If you define a Job that uses sidecar using Kubernetes-style init containers, the sidecar container in each"
        " Pod does not prevent the Job from completing after the main container has finished.",
        (f"{_ASIDE}::test_a_pod_whose_work_is_done_ends_with_its_sidecars",),
    ),
    # Stop
    Promise(
        _END,
        "If a stop signal is defined in the lifecycle, this will override the signal defined in the container image.",
        (f"{_HOOKED}::test_hooks_run_around_the_life_of_a_container",),
    ),
    Promise(
        _END,
        "Once the grace period has expired, the KILL signal is sent to any remaining processes",
        (f"{_SCENARIOS}::test_a_container_that_ignores_the_stop_signal_is_killed_after_its_grace_period", _SHUT),
    ),
    Promise(
        _END,
        "If the preStop hook is still running after the grace period expires, the kubelet requests a small, one-off"
        " grace period extension of 2 seconds.",
        (f"{_HOOKED}::test_one_grace_period_is_for_hooks_containers_and_sidecars",),
    ),
    Promise(
        "docs/units.md",
        "One is for all that a pod does to stop.",
        (f"{_HOOKED}::test_one_grace_period_is_for_hooks_containers_and_sidecars", _SHUT),
    ),
    # Restarts
    Promise(
        _LIFE,
        "After containers in a Pod exit, the kubelet restarts them with an exponential backoff delay (10s, 20s, 40s,"
        " …), that is capped at 300 seconds (5 minutes).",
        (
            f"{_RESTARTS}::test_pauses_double_from_ten_seconds",
            f"{_RESTARTS}::test_pauses_hold_for_what_a_start_of_the_pod_waits_for",
            "test_restarts.py::test_an_older_systemd_waits_before_the_start",
            f"{_ROWS}[paused]",
        ),
    ),
    Promise(
        _LIFE,
        "OnFailure: Only restarts the container if it exits with an error (non-zero exit status).",
        (
            f"{_SCENARIOS}::test_on_failure_with_a_crash_in_between_ends_inactive",
            f"{_SCENARIOS}::test_on_failure_a_container_that_ends_like_a_stopped_one_has_failed",
        ),
    ),
    Promise(
        _LIFE,
        "Never: Does not automatically restart the terminated container.",
        (
            f"{_SCENARIOS}::test_never_with_success_ends_inactive",
            f"{_SCENARIOS}::test_never_with_a_failure_ends_failed",
            f"{_SCENARIOS}::test_never_with_a_lost_sandbox_ends_failed",
        ),
    ),
    Promise(
        _LIFE,
        "The rules will be evaluated in order. On the first match, the action will be applied.",
        (
            f"{_RESTARTS}::test_pauses_double_from_ten_seconds",
            "test_restarts.py::test_policy_and_rules_are_a_set_of_exit_codes",
        ),
    ),
    Promise(
        "docs/watching.md",
        "RESTARTS counts what systemd has restarted by itself since somebody started the container.",
        (
            f"{_WATCHED}::test_the_phase_agrees_with_systemd_and_ends_are_kept",
            f"{_LIMITED}::test_a_container_over_its_memory_limit_is_killed_and_restarted_alone",
        ),
    ),
    Promise(
        "docs/watching.md",
        "failed: `systemctl is-failed pod@web` says the same",
        (
            f"{_WATCHED}::test_the_phase_agrees_with_systemd_and_ends_are_kept",
            f"{_RESTARTS}::test_a_pod_of_which_a_container_has_failed_for_good_ends_failed",
        ),
    ),
    # Probes
    Promise(
        _PROBES,
        "If a startup probe is configured, Kubernetes does not execute liveness or readiness probes until the startup"
        " probe succeeds, allowing the application time to finish its initialization.",
        (f"{_ROWS}[gated]", f"{_JUDGED}::test_a_startup_probe_comes_first_and_ends_when_it_succeeds"),
    ),
    Promise(
        _PROBES,
        "If the startup probe fails, the kubelet kills the container, and the container is subjected to its restart"
        " policy.",
        (f"{_PROBED}::test_a_container_that_does_not_start_in_time_is_tried_again",),
    ),
    Promise(
        _PROBES,
        "If a container fails its liveness probe more times than the configured tolerance, the kubelet restarts that"
        " container.",
        (
            f"{_PROBED}::test_a_container_that_is_not_alive_is_restarted_and_its_neighbour_is_not",
            f"{_JUDGED}::test_a_failed_liveness_probe_stops_the_container_once",
        ),
    ),
    Promise(
        _PROBES,
        "For a failed readiness probe, the kubelet continues running the container that failed checks, and also"
        " continues to run more probes; because the check failed, the kubelet sets the Ready condition on the Pod to"
        " false.",
        (f"{_ROWS}[half]", f"{_JUDGED}::test_readiness_is_lost_and_found_and_its_gate_with_it"),
    ),
    Promise(
        "README.md",
        "`pod@web.service` when all readiness probes have, so that `systemctl start pod@web` returns then and a unit"
        " with `After=pod@web.service` finds it ready.",
        (f"{_PROBED}::test_a_pod_is_up_when_it_is_ready",),
    ),
    Promise(
        _PROBES,
        "However, in current versions, initialDelaySeconds is always honored and the probe will not start until after"
        " this initial delay.",
        (f"{_ROWS}[delayed]",),
    ),
    Promise(
        _PROBES,
        "Minimum consecutive successes for the probe to be considered successful after having failed.",
        (f"{_ROWS}[delayed]", "test_prober_series.py::test_verdicts_are_those_of_the_kubelet"),
    ),
    Promise(_PROBES, "How often (in seconds) to perform the probe.", (f"{_ROWS}[delayed]",)),
    Promise(
        _PROBES,
        "Number of seconds after which the probe times out.",
        (
            f"{_ROWS}[silent]",
            f"{_ROWS}[hanging]",
            f"{_CHECKED}::test_slow_servers_have_as_long_as_they_are_given",
            "test_prober_commands.py::test_a_timeout_ends_all_processes",
        ),
    ),
    Promise(
        _PROBES,
        "When both a pod- and probe-level terminationGracePeriodSeconds are set, the kubelet will use the probe-level"
        " value.",
        (f"{_ROWS}[killed]",),
    ),
    Promise(
        _PROBES,
        "The diagnostic is considered successful if the command exits with a status code of 0.",
        (f"{_PROBED}::test_a_container_that_is_not_alive_is_restarted_and_its_neighbour_is_not",),
    ),
    Promise(
        _PROBES,
        "The diagnostic is considered successful if the response has a status code greater than or equal to 200 and"
        " less than 400.",
        (
            f"{_CHECKED}::test_http_success_is_a_status_from_200_to_399",
            f"{_CHECKED}::test_http_redirects_are_followed_on_the_same_host_only",
        ),
    ),
    Promise(
        _PROBES,
        "If scheme field is set to HTTPS, the kubelet sends an HTTPS request skipping the certificate verification.",
        (f"{_CHECKED}::test_https_is_not_verified",),
    ),
    Promise(
        _PROBES,
        "Custom headers to set in the request. HTTP allows repeated headers.",
        (
            f"{_CHECKED}::test_http_request_is_that_of_a_kubelet",
            f"{_CHECKED}::test_a_header_that_cannot_be_sent_is_a_failure",
        ),
    ),
    Promise(
        _PROBES,
        "The kubelet sends the probe to the Pod's IP address, unless the address is overridden by the optional host"
        " field in httpGet.",
        (
            "test_prober_networks.py::test_checks_are_made_in_the_network_of_the_pod",
            f"{_CHECKED}::test_a_host_without_an_address_is_a_failure",
            f"{_ROWS}[bare]",
        ),
    ),
    Promise(
        _PROBES,
        "The diagnostic is considered successful if the port is open.",
        (f"{_CHECKED}::test_tcp_success_is_a_connection", f"{_ROWS}[bare]"),
    ),
    Promise(
        _PROBES,
        "The diagnostic is considered successful if the status of the response is SERVING.",
        (
            f"{_CHECKED}::test_grpc_success_is_serving",
            f"{_CHECKED}::test_grpc_asks_for_a_service_in_the_health_protocol",
        ),
    ),
    Promise(
        _PROBES,
        "The diagnostic failed (no action should be taken, and the kubelet will make further checks).",
        (f"{_JUDGED}::test_a_check_that_cannot_be_made_counts_for_nothing",),
    ),
    Promise(
        "README.md",
        "images need neither a shell nor `curl`",
        (f"{_ROWS}[bare]", "test_prober_networks.py::test_checks_are_made_in_the_network_of_the_pod"),
    ),
    Promise(
        "README.md",
        "when it dies systemd starts it again, and no container notices",
        (f"{_PROBED}::test_the_death_of_the_prober_touches_no_container",),
    ),
    Promise(
        "README.md",
        "is started by the first container that has a probe and ends with the last",
        (
            f"{_PROBED}::test_a_pod_is_up_when_it_is_ready",
            "test_prober_registry.py::test_the_prober_lives_as_long_as_there_is_a_container",
        ),
    ),
    Promise(
        "README.md",
        "What it finds out is in the journal, one line for each change, among those of the container's unit.",
        (
            f"{_PROBED}::test_a_pod_is_up_when_it_is_ready",
            f"{_JUDGED}::test_what_never_gets_ready_is_said_once",
            f"{_ROWS}[killed]",
        ),
    ),
    Promise(
        "README.md",
        "Why it has stopped a container is in the status of that unit as well (`systemctl status`), until the next"
        " stop.",
        (f"{_PROBED}::test_a_container_that_is_not_alive_is_restarted_and_its_neighbour_is_not",),
    ),
    # Hooks
    Promise(
        _HOOKS,
        "If either a PostStart or PreStop hook fails, it kills the Container.",
        (
            f"{_HOOKED}::test_a_hook_that_fails_after_the_start_stops_the_container",
            f"{_HOOKED}::test_hooks_run_around_the_life_of_a_container",
        ),
    ),
    Promise(
        _HOOKS,
        "PreStop hooks are not executed asynchronously from the signal to stop the Container; the hook must complete"
        " its execution before the TERM signal can be sent.",
        (f"{_HOOKED}::test_hooks_run_around_the_life_of_a_container", _SHUT),
    ),
    Promise(
        _HOOKS,
        "HTTP - Executes an HTTP request against a specific endpoint on the Container.",
        (
            f"{_HOOKED}::test_hooks_are_requests_in_the_network_of_the_pod",
            f"{_CHECKED}::test_a_hook_succeeds_with_any_response_and_fails_without",
        ),
    ),
    # Limits
    Promise(
        _LIMITS,
        "when a process in the container tries to consume more than the allowed amount of memory, the system kernel"
        " terminates the process that attempted the allocation, with an out of memory (OOM) error.",
        (
            f"{_LIMITED}::test_a_container_over_its_memory_limit_is_killed_and_restarted_alone",
            f"{_LIMITED}::test_the_limit_of_a_pod_holds_over_the_sum_of_its_containers",
        ),
    ),
    Promise(
        _LIMITS,
        "The CPU limit defines a hard ceiling on how much CPU time that the container can use.",
        (f"{_LIMITED}::test_a_container_gets_its_part_of_a_cpu_and_systemctl_halves_it_live",),
    ),
    Promise(
        "README.md",
        "a directive of one container's unit; sections `Unit` and `Service`",
        (f"{_LIMITED}::test_a_fork_bomb_ends_at_the_limit_of_tasks",),
    ),
    # Commands
    Promise(
        "README.md",
        "waits until all of these pods are so; status 1 if they are not in time, or can no longer become so",
        (f"{_WATCHED}::test_wait_ends_as_soon_as_pods_are_so_or_never_will_be",),
    ),
    Promise(
        "README.md",
        "what has happened to pods: starts, ends and why, restarts, probes",
        (f"{_WATCHED}::test_events_tell_what_has_happened_and_why", f"{_ROWS}[killed]"),
    ),
    Promise(
        "README.md",
        "all of a pod: its spec (file and line), units, cgroups with limits and usage, probes, restarts, last exits,"
        " termination messages, last events",
        (f"{_WATCHED}::test_describe_tells_all_of_a_pod", "test_description.py::test_all_of_a_pod_is_told"),
    ),
    Promise(
        "README.md",
        "CPU, memory, tasks and IO of pods and containers, anew each second",
        (f"{_WATCHED}::test_top_tells_what_the_kernel_counts",),
    ),
)
