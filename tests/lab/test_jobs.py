"""Jobs run to their end, and CronJobs at their times, with real containers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.lab.laboratory import Laboratory
from tests.lab.pods import IMAGE, Pods, container, over_engines, pod, quick, quote, wait_for

FOREVER = "trap exit TERM; sleep 1000 & wait"
UNITS = ("pod@work", "sandbox@work", "container@work.a")
DOWN = "inactive inactive inactive"


@pytest.fixture
def pods(lab: Laboratory, engine: str) -> Iterator[Pods]:
    """A lab without pods; afterwards nothing is left of those of the test."""
    lab.sh("rm -rf /run/test /run/systemd/system/*@work.*.d; mkdir -p /run/test")
    pods = Pods(lab, engine)
    yield pods
    pods.clear()
    wait_for(pods.remains, "", timeout_sec=5)
    assert lab.sh("ls /var/lib/systemd/timers/stamp-cronjob* 2> /dev/null || :").stdout == ""
    assert pods.systemctl("list-units", "--all", "--plain", "--no-legend", "cronjob@*").stdout == ""


def template(script: str, policy: str = "Never", inits: str = "") -> str:
    """The template of a Job's spec; each run leaves a line in /run/test/log."""
    init = (
        f"""
      initContainers:
      - name: i
        image: {IMAGE}
        command: [sh, -c, {quote(inits)}]
        volumeMounts: [{{name: log, mountPath: /log}}]"""
        if inits
        else ""
    )
    return f"""\
  template:
    metadata:
      annotations:
        podunit/a.Service.RestartSec: 200ms
    spec:
      restartPolicy: {policy}
      terminationGracePeriodSeconds: 2{init}
      containers:
      - name: a
        image: {IMAGE}
        command: [sh, -c, {quote("echo ran $JOB_COMPLETION_INDEX $(hostname) >> /log/log; " + script)}]
        volumeMounts: [{{name: log, mountPath: /log}}]
      volumes: [{{name: log, hostPath: {{path: /run/test}}}}]
"""


def job(script: str, policy: str = "Never", *fields: str, inits: str = "") -> str:
    lines = "".join(f"  {field}\n" for field in fields)
    return "apiVersion: batch/v1\nkind: Job\nmetadata: {name: work}\nspec:\n" + lines + template(script, policy, inits)


def cron_job(script: str, *fields: str, schedule: str = "30 3 * * *") -> str:
    indented = template(script).replace("\n", "\n    ").rstrip(" ")
    lines = "".join(f"  {field}\n" for field in (f'schedule: "{schedule}"', *fields))
    head = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: work}\nspec:\n"
    return f"{head}{lines}  jobTemplate:\n    spec:\n      backoffLimit: 0\n    {indented}"


def hurry(pods: Pods) -> None:
    """Let a pod that has failed be run again after a second, not ten, twenty …."""
    pods.lab.write(
        "/run/systemd/system/pod-again@work.service.d/soon.conf", "[Service]\nExecStartPre=\nExecStartPre=-sleep 1\n"
    )


def failed_units(pods: Pods) -> list[str]:
    """The units that systemd shows as failed."""
    lines = pods.systemctl("list-units", "--failed", "--plain", "--no-legend").stdout.splitlines()
    return sorted(line.split()[0].removesuffix(".service") for line in lines)


def runs(pods: Pods) -> int:
    return pods.lab.sh("cat /run/test/log 2> /dev/null || :").stdout.count("ran")


def test_a_job_runs_once(pods: Pods) -> None:
    text = job("echo all is done")
    assert pods.apply(text).stdout.endswith("pod work: created, started\n")
    pods.wait(DOWN, *UNITS)
    assert pods.remains() == ""
    assert pods.apply(text).stdout == "pod work: unchanged, has ended\n"
    assert runs(pods) == 1
    assert pods.systemctl("is-enabled", "pod@work", check=False).stdout.strip() in ("static", "disabled")
    refused = pods.lab.run("podunit", "enable", "work", check=False)
    assert (refused.returncode, "that of a Job" in refused.stderr) == (3, True)
    pods.lab.run("podunit", "start", "work")
    pods.wait(DOWN, *UNITS)
    assert runs(pods) == 2
    # What has changed is another job.
    assert pods.apply(text.replace("all is done", "more")).stdout.endswith("pod work: changed, started\n")
    pods.wait(DOWN, *UNITS)
    assert runs(pods) == 3
    assert "more" in pods.lab.run("journalctl", "--unit=container@work.a", "--output=cat").stdout


def test_a_job_is_not_run_again_for_a_config_map(pods: Pods) -> None:
    settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: words}\ndata: {WORD: one}\n"
    reads = "echo $WORD >> /log/words"
    text = job(reads).replace(
        "        volumeMounts", "        envFrom: [{configMapRef: {name: words}}]\n        volumeMounts"
    )
    pods.apply(settings + "---\n" + text)
    pods.wait(DOWN, *UNITS)
    assert "ConfigMap words: changed" in pods.apply(settings.replace("one", "two")).stdout
    assert pods.lab.read("/run/test/words") == "one\n"
    pods.lab.run("podunit", "start", "work")
    pods.wait(DOWN, *UNITS)
    assert pods.lab.read("/run/test/words") == "one\ntwo\n"
    assert pods.lab.run("podunit", "delete", "/root/pod.yaml").stdout == "ConfigMap words: deleted\n"


@over_engines
def test_a_container_that_fails_is_restarted_as_often_as_the_backoff_limit_says(pods: Pods) -> None:
    pods.apply(job("sleep 0.3; exit 3", "OnFailure", "backoffLimit: 1"))
    pods.wait("failed inactive failed", *UNITS)
    assert runs(pods) == 2
    # A new run has them all again.
    pods.systemctl("start", "pod@work", check=False)
    pods.wait("failed inactive failed", *UNITS)
    assert runs(pods) == 4


def test_a_container_that_fails_once_is_no_failure(pods: Pods) -> None:
    pods.apply(job("sleep 0.3; [ $(wc -l < /log/log) = 2 ]", "OnFailure", "backoffLimit: 2"))
    pods.wait(DOWN, *UNITS)
    assert runs(pods) == 2
    assert pods.remains() == ""


def test_a_pod_that_fails_is_run_again_as_a_whole(pods: Pods) -> None:
    hurry(pods)
    pods.apply(job("sleep 0.3; exit 3", "Never", "backoffLimit: 1", inits="echo init >> /log/inits"))
    wait_for(lambda: str(runs(pods)), "2")
    pods.wait("failed inactive failed", *UNITS)
    wait_for(lambda: pods.show("pod-again@work", "Result"), "exec-condition")
    assert pods.lab.read("/run/test/inits") == "init\ninit\n"
    assert failed_units(pods) == ["container@work.a", "pod@work"]
    assert pods.lab.sh("ls /run | grep -E 'podunit-(again|tries)-' || :").stdout == ""
    # A new run has its tries again; stopped while it waits for one, it has none.
    pods.systemctl("start", "pod@work")
    pods.wait("failed activating", "pod@work", "pod-again@work")
    pods.systemctl("stop", "pod@work")
    assert pods.state("pod-again@work") == "inactive"
    assert runs(pods) == 3


def test_an_init_container_that_fails_lets_the_pod_be_run_again(pods: Pods) -> None:
    fails_once = "[ -e /log/tried ] || { touch /log/tried; exit 1; }"
    hurry(pods)
    failed = pods.apply(job("sleep 0.3", "OnFailure", inits=fails_once), check=False)
    assert "container 'i' failed" in failed.stderr
    wait_for(lambda: str(runs(pods)), "1", timeout_sec=15)
    pods.wait(DOWN, *UNITS)


def test_a_job_that_takes_too_long_has_failed(pods: Pods) -> None:
    pods.apply(job(FOREVER, "OnFailure", "activeDeadlineSeconds: 2"))
    assert pods.state("pod@work") == "active"
    pods.wait("failed failed inactive", *UNITS)
    assert pods.show("sandbox@work", "Result") == "timeout"
    assert runs(pods) == 1


@over_engines
def test_exit_codes_decide_whether_a_failure_counts(pods: Pods) -> None:
    hurry(pods)
    rules = (
        "podFailurePolicy: {rules: [",
        "  {action: FailJob, onExitCodes: {containerName: a, operator: In, values: [41, 42]}},",
        "  {action: Ignore, onExitCodes: {operator: NotIn, values: [1]}}]}",
    )
    pods.apply(job("sleep 0.3; [ $(wc -l < /log/log) = 3 ] && exit 42; exit 7", "Never", "backoffLimit: 1", *rules))
    # Two that are ignored, and one that is the end.
    wait_for(lambda: str(runs(pods)), "3")
    wait_for(lambda: pods.show("pod-again@work", "Result"), "exec-condition")
    assert failed_units(pods) == ["container@work.a", "pod@work"]
    assert pods.show("container@work.a", "ExecMainStatus") == "42"
    # One that is not in any rule counts.
    pods.lab.sh("rm /run/test/log")
    pods.apply(job("sleep 0.3; exit 1", "Never", "backoffLimit: 1", *rules))
    wait_for(lambda: pods.show("pod-again@work", "Result"), "exec-condition")
    wait_for(lambda: str(runs(pods)), "2")
    pods.wait("failed inactive", "pod@work", "pod-again@work")


def test_a_pod_that_takes_too_long_is_one_failure_of_its_job(pods: Pods) -> None:
    hurry(pods)
    text = job(FOREVER, "Never", "backoffLimit: 1", "activeDeadlineSeconds: 60")
    pods.apply(text.replace("restartPolicy", "activeDeadlineSeconds: 1\n      restartPolicy"))
    wait_for(lambda: str(runs(pods)), "2")
    wait_for(lambda: pods.show("pod-again@work", "Result"), "exec-condition")
    assert failed_units(pods) == ["pod@work", "sandbox@work"]


@pytest.mark.parametrize("policy", ["Always", "Never"])
def test_a_pod_has_failed_after_its_deadline_and_is_not_restarted(policy: str, pods: Pods) -> None:
    crashes = container("b", "sleep 0.5; exit 1") if policy == "Always" else ""
    text = pod(
        container("a", FOREVER) + crashes,
        "work",
        policy=policy,
        # Longer than a busy machine needs for the start and the stop at the end.
        more="  activeDeadlineSeconds: 6\n",
        notes=quick("b") if crashes else "",
    )
    pods.apply(text)
    assert pods.state(*UNITS) == "active active active"
    pods.wait("failed failed inactive inactive", *UNITS, "pod-mend@work")
    assert pods.show("sandbox@work", "Result") == "timeout"
    invocation = pods.show("pod@work", "InvocationID")
    # What mends a pod waits five seconds.
    time.sleep(6)
    assert failed_units(pods) == ["pod@work", "sandbox@work"]
    assert pods.list_running() == []
    assert pods.show("pod@work", "InvocationID") == invocation
    assert "sandbox@work" in pods.lab.run("podunit", "status", "work", check=False).stdout
    # Somebody may start it anew, and stop it before that.
    pods.systemctl("start", "pod@work")
    assert pods.state("pod@work") == "active"
    pods.systemctl("stop", "pod@work")
    assert pods.state(*UNITS) == DOWN


def test_a_job_that_is_stopped_has_not_failed(pods: Pods) -> None:
    pods.apply(job(FOREVER))
    pods.systemctl("stop", "pod@work")
    assert pods.state(*UNITS, "pod-again@work") == f"{DOWN} inactive"
    assert pods.remains() == ""


@over_engines
def test_pods_of_a_job_take_turns_and_know_their_indexes(pods: Pods) -> None:
    counted = "echo $(ls /log/running* | wc -l) >> /log/at-once"
    script = f"touch /log/running$(hostname); {counted}; sleep 0.5; rm /log/running$(hostname)"
    done = pods.apply(job(script, "Never", "completions: 4", "parallelism: 2", "completionMode: Indexed"))
    assert "pod work-0: created, started\npod work-1: created, run in its turn\n" in done.stdout
    assert pods.state("job@work") == "active"
    pods.wait("inactive", "job@work")
    assert pods.show("job@work", "Result") == "success"
    assert sorted(pods.lab.read("/run/test/log").splitlines()) == [f"ran {it} work-{it}" for it in range(4)]
    assert max(pods.lab.read("/run/test/at-once").split()) == "2"
    assert pods.remains() == ""
    assert pods.apply(pods.lab.read("/root/pod.yaml")).stdout.startswith("pod work-0: unchanged, has ended\n")
    assert runs(pods) == 4
    # By its owner's name it runs anew, and is stopped.
    pods.lab.run("podunit", "start", "job/work")
    wait_for(lambda: str(runs(pods) >= 6), "True")
    pods.lab.run("podunit", "stop", "job/work")
    assert pods.state("job@work", *(f"pod@work-{index}" for index in range(4))) == " ".join(["inactive"] * 5)
    assert pods.remains() == ""
    # Without the process that starts its pods it has failed, and they are gone; whoever starts it begins anew.
    pods.lab.run("podunit", "start", "job/work")
    pods.wait("active", "pod@work-0")
    pods.lab.sh(f"kill -9 {pods.main_pid('job@work')}")
    pods.wait("failed inactive inactive", "job@work", "pod@work-0", "pod@work-1")
    assert pods.remains() == ""
    # With fewer pods it is another Job.
    text = pods.lab.read("/root/pod.yaml")
    assert "pod work-3: stopped, deleted" in pods.apply(text.replace("completions: 4", "completions: 2")).stdout
    pods.wait("inactive", "job@work")
    assert "Job.work.json" in pods.lab.sh("ls /var/lib/podunit/objects").stdout
    deleted = pods.lab.run("podunit", "delete", "/root/pod.yaml").stdout
    assert deleted == "pod work-0: stopped, deleted\npod work-1: stopped, deleted\n"
    assert "Job.work.json" not in pods.lab.sh("ls /var/lib/podunit/objects").stdout


@pytest.mark.parametrize("fails", [1, 2])
def test_the_failures_of_all_pods_of_a_job_are_counted(fails: int, pods: Pods) -> None:
    # So many runs fail, all of the first pod.
    script = f"sleep 0.3; [ $(wc -l < /log/log) -gt {fails} ]"
    pods.apply(job(script, "Never", "completions: 2", "parallelism: 1", "backoffLimit: 1"))
    pods.wait("inactive" if fails == 1 else "failed", "job@work", timeout_sec=40)
    assert runs(pods) == (3 if fails == 1 else 2)
    assert pods.list_running() == []
    if fails == 2:
        assert failed_units(pods) == ["container@work-0.a", "job@work", "pod@work-0"]
        assert "more failures than backoffLimit, 1" in pods.lab.run("journalctl", "--unit=job@work").stdout


def test_a_queue_is_done_when_one_pod_has_succeeded_and_all_have_ended(pods: Pods) -> None:
    pods.apply(job("[ $(hostname) = work-0 ] && { sleep 0.5; exit 0; }; sleep 1.5; exit 1", "Never", "parallelism: 2"))
    pods.wait("inactive", "job@work")
    assert pods.show("job@work", "Result") == "success"
    assert (runs(pods), failed_units(pods)) == (2, ["container@work-1.a", "pod@work-1"])


def test_a_job_goes_on_without_a_failed_index(pods: Pods) -> None:
    rules = "podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: In, values: [42]}}]}"
    fields = ("completions: 3", "parallelism: 3", "completionMode: Indexed", "backoffLimitPerIndex: 1", rules)
    text = job("sleep 0.3; [ $JOB_COMPLETION_INDEX != 1 ] || exit 42", "Never", *fields)
    pods.apply(text)
    pods.wait("failed", "job@work")
    assert (runs(pods), failed_units(pods)) == (3, ["container@work-1.a", "job@work", "pod@work-1"])
    # Two are enough, as another policy has it; what still runs is stopped.
    text = text.replace("!= 1 ] || exit 42", "!= 1 ] || sleep 100")
    text = text.replace(
        "  podFailure", "  successPolicy: {rules: [{succeededIndexes: '0,2', succeededCount: 2}]}\n  podFailure"
    )
    pods.apply(text)
    pods.wait("inactive inactive", "job@work", "pod@work-1")
    assert (pods.show("job@work", "Result"), failed_units(pods)) == ("success", [])
    assert pods.remains() == ""


def test_a_job_of_several_pods_has_one_deadline(pods: Pods) -> None:
    pods.apply(
        job(FOREVER, "OnFailure", "completions: 3", "parallelism: 2", "activeDeadlineSeconds: 3", "backoffLimit: 0")
    )
    pods.wait("active active inactive", "pod@work-0", "pod@work-1", "pod@work-2")
    pods.wait("failed inactive inactive", "job@work", "pod@work-0", "pod@work-1")
    assert pods.show("job@work", "Result") == "timeout"
    assert pods.remains() == ""
    assert failed_units(pods) == ["job@work"]


def test_a_job_of_several_pods_has_failed_when_one_has_had_all_its_restarts(pods: Pods) -> None:
    # Another failure than that of a container is tried again: here somebody has stopped the pod.
    script = f"[ $(hostname) = work-0 ] && [ -e /log/go ] && exit 3; {FOREVER}"
    done = pods.apply(job(script, "OnFailure", "completions: 2", "parallelism: 2", "backoffLimit: 1"))
    assert "1 restarts of a container are for each pod by itself" in done.stderr
    pods.wait("active active", "pod@work-0", "pod@work-1")
    pods.systemctl("stop", "pod@work-1")
    assert pods.state("pod@work-1") == "inactive"
    pods.wait("active active active", "job@work", "pod@work-0", "pod@work-1")
    wait_for(lambda: str(runs(pods)), "3")
    pods.lab.sh(f"touch /run/test/go; kill -9 {pods.payload_pid('work-0.a')}")
    pods.wait("failed failed inactive", "job@work", "pod@work-0", "pod@work-1")
    assert failed_units(pods) == ["container@work-0.a", "job@work", "pod@work-0"]
    assert "pod 0 has had all its restarts" in pods.lab.run("journalctl", "--unit=job@work").stdout


def test_a_cron_job_is_scheduled_and_not_started(pods: Pods) -> None:
    text = cron_job("sleep 0.2", "timeZone: Asia/Tokyo", "concurrencyPolicy: Forbid")
    assert pods.apply(text).stdout.endswith("pod work: created, scheduled\n")
    assert pods.state("cronjob@work.timer", "pod@work") == "active inactive"
    assert pods.systemctl("is-enabled", "cronjob@work.timer").stdout == "enabled\n"
    assert pods.systemctl("is-enabled", "pod@work", check=False).stdout != "enabled\n"
    now = datetime.now(UTC)
    due = now.replace(hour=18, minute=30, second=0, microsecond=0)
    due += timedelta(days=due <= now)
    assert due.strftime("%a %Y-%m-%d %H:%M:%S UTC") == pods.show("cronjob@work.timer", "NextElapseUSecRealtime")
    assert f"next run: {due:%Y-%m-%dT%H:%M:%SZ}" in pods.lab.run("podunit", "status", "work").stdout
    assert runs(pods) == 0
    pods.lab.run("podunit", "start", "work")
    pods.wait(DOWN, *UNITS)
    assert runs(pods) == 1
    assert pods.apply(text).stdout == "pod work: unchanged\n"
    assert pods.apply(text.replace("Tokyo", "Seoul").replace("30 3", "31 3")).stdout.endswith("changed, scheduled\n")
    assert "18:31:00" in pods.show("cronjob@work.timer", "NextElapseUSecRealtime")
    pods.lab.run("podunit", "down", "work")
    assert pods.state("cronjob@work.timer") == "inactive"
    pods.lab.run("podunit", "up", "work")
    assert pods.state("cronjob@work.timer", "pod@work") == "active inactive"
    assert runs(pods) == 1


def test_a_timer_starts_the_pod_again_and_again_but_not_twice_at_a_time(pods: Pods) -> None:
    pods.apply(cron_job("sleep 1.3", "concurrencyPolicy: Forbid"))
    pods.lab.write(
        "/run/systemd/system/cronjob@work.timer.d/often.conf", "[Timer]\nOnCalendar=\nOnCalendar=*-*-* *:*:00..59\n"
    )
    pods.systemctl("daemon-reload")
    pods.systemctl("restart", "cronjob@work.timer")
    wait_for(lambda: str(runs(pods)), "3", timeout_sec=15)
    assert pods.list_running() == ["work.a"]
    assert pods.show("container@work.a", "NRestarts") == "0"
    pods.lab.sh("rm -r /run/systemd/system/cronjob@work.timer.d; systemctl daemon-reload")
    pods.lab.run("podunit", "delete", "work")
    assert pods.remains() == ""


@over_engines
def test_a_run_that_is_due_replaces_one_that_is_not_done(pods: Pods) -> None:
    pods.apply(cron_job(FOREVER, "concurrencyPolicy: Replace"))
    pods.systemctl("start", "cronjob@work.service")
    wait_for(lambda: f"{pods.state('pod@work')} {runs(pods)}", "active 1")
    pods.systemctl("start", "cronjob@work.service")
    wait_for(lambda: f"{pods.state('pod@work')} {runs(pods)}", "active 2")
    assert pods.list_running() == ["work.a"]


def test_a_suspended_cron_job_waits_to_be_resumed(pods: Pods) -> None:
    text = cron_job("sleep 0.2", "concurrencyPolicy: Forbid", "suspend: true")
    assert pods.apply(text).stdout.endswith("pod work: created, suspended\n")
    assert pods.state("cronjob@work.timer") == "inactive"
    assert pods.systemctl("is-enabled", "cronjob@work.timer", check=False).stdout == "disabled\n"
    pods.apply(text.replace("true", "false"))
    assert pods.state("cronjob@work.timer", "pod@work") == "active inactive"
    assert pods.systemctl("is-enabled", "cronjob@work.timer").stdout == "enabled\n"
    pods.apply(text)
    assert pods.state("cronjob@work.timer") == "inactive"
    assert pods.systemctl("is-enabled", "cronjob@work.timer", check=False).stdout == "disabled\n"


def test_a_run_that_was_missed_is_made_up_for_unless_there_is_a_deadline(pods: Pods) -> None:
    text = cron_job("sleep 0.2", "concurrencyPolicy: Forbid", schedule="0 0 1 1 *")
    pods.apply(text)
    miss = "systemctl stop cronjob@work.timer; touch -d 2020-01-01 /var/lib/systemd/timers/stamp-cronjob@work.timer"
    pods.lab.sh(miss)
    pods.systemctl("start", "cronjob@work.timer")
    wait_for(lambda: str(runs(pods)), "1")
    pods.wait(DOWN, *UNITS)
    pods.apply(text.replace("spec:", "spec:\n  startingDeadlineSeconds: 60", 1))
    pods.lab.sh(miss + "; systemctl start cronjob@work.timer")
    pods.wait("inactive", "cronjob@work.service")
    assert pods.show("cronjob@work.service", "Result") == "exec-condition"
    assert runs(pods) == 1
    # The schedule's last time is some seconds ago.
    monthly = pods.lab.sh("date --date='-1 minute' '+%M %H %d * *'").stdout.strip()
    pods.apply(cron_job("sleep 0.2", "concurrencyPolicy: Forbid", "startingDeadlineSeconds: 180", schedule=monthly))
    pods.lab.sh(miss + "; systemctl start cronjob@work.timer")
    wait_for(lambda: str(runs(pods)), "2")
    pods.wait(DOWN, *UNITS)


def test_a_timer_that_never_fires_is_no_failure(pods: Pods) -> None:
    done = pods.apply(cron_job("true", "concurrencyPolicy: Forbid", schedule="0 0 30 2 *"))
    assert "never fires" in done.stderr
    assert pods.state("cronjob@work.timer") == "active"
    assert "next run" not in pods.lab.run("podunit", "status", "work").stdout


def test_what_is_enabled_is_the_timer_and_goes_with_it(pods: Pods) -> None:
    for_ever = pod(container("a", FOREVER), "work").replace('podunit/boot: "false"', 'podunit/boot: "true"')
    now_and_then = cron_job("sleep 0.2", "concurrencyPolicy: Forbid")
    links = "find /etc/systemd/system -name '*@work*'"
    pods.apply(now_and_then)
    assert pods.state("pod@work", "cronjob@work.timer") == "inactive active"
    wants = "/etc/systemd/system/{}.target.wants/{}\n".format
    assert set(pods.lab.sh(links).stdout.splitlines(keepends=True)) == {
        wants(target, "cronjob@work.timer") for target in ("timers", "podunit")
    }
    # Of another owner it is another pod.
    refused = pods.apply(for_ever, check=False)
    assert (refused.returncode, "podunit delete cronjob/work" in refused.stderr) == (3, True)
    pods.lab.run("podunit", "delete", "cronjob/work")
    assert pods.lab.sh(links).stdout == ""
    pods.apply(for_ever)
    assert pods.state("pod@work", "cronjob@work.timer") == "active inactive"
    assert set(pods.lab.sh(links).stdout.splitlines(keepends=True)) == {
        wants(target, "pod@work.service") for target in ("multi-user", "podunit")
    }
    pods.lab.run("podunit", "delete", "work")
    assert pods.lab.sh(links).stdout == ""
