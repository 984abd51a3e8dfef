"""A container's rights as options of podman-run(1), and the check of an image's user before the start.

In: `security.Security`. Out: words for `unitfile` to quote.
"""

from __future__ import annotations

from podunit.security import Profile, ProfileType, Security
from podunit.unitfile import Specifier, Word

# Where a seccompProfile of type Localhost is looked for, below the configuration directory of the manager.
_SECCOMP_DIRECTORY = "podunit/seccomp"

# As the kubelet: a name may be root's too, and only the image knows.
_VERIFY_USER = (
    'user=$("$2" image inspect --format={{.Config.User}} "$1") || exit 1; case ${user%%:*} in'
    ' "" | *[!0-9]*) why="may be root";; *[1-9]*) exit 0;; *) why="is root";; esac;'
    ' echo "runAsNonRoot: user ${user:-(none)} of image $1 $why; set a runAsUser" >&2; exit 1'
)


def list_rights(security: Security) -> list[Word]:
    """As whom and with what rights a container runs."""
    words: list[Word] = []
    if security.user is not None:
        words.append(f"--user={security.user}{'' if security.group is None else f':{security.group}'}")
    words += [f"--group-add={group}" for group in security.groups]
    if security.privileged:
        words.append("--privileged")
    if security.no_new_privileges:
        words.append("--security-opt=no-new-privileges")
    if security.seccomp:
        words.append(_confine_calls(security.seccomp))
    if security.apparmor:
        words.append(f"--security-opt=apparmor={security.apparmor.localhost or 'unconfined'}")
    words += [f"--security-opt=label={name}:{value}" for name, value in security.selinux]
    if security.unmasks_proc:
        words.append("--security-opt=unmask=ALL")
    if security.read_only_root:
        # podman's own idea of it has a writable /tmp, /run and /var/tmp.
        words += ["--read-only", "--read-only-tmpfs=false"]
    words += [f"--cap-drop={name}" for name in security.dropped_capabilities]
    words += [f"--cap-add={name}" for name in security.added_capabilities]
    return words


def verify_user(podman: str, image: str) -> tuple[Word, ...]:
    """Fail, and say why, if the image's user is root or may be."""
    return ("/bin/sh", "-c", _VERIFY_USER, "runAsNonRoot", image, podman)


def _confine_calls(profile: Profile) -> Word:
    if profile.type is ProfileType.UNCONFINED:
        return "--security-opt=seccomp=unconfined"
    return ("--security-opt=seccomp=", Specifier.CONFIG_DIR, f"/{_SECCOMP_DIRECTORY}/{profile.localhost}")
