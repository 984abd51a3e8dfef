# Makes the fresh Debian tree a lab; runs in it, as the last step of mmdebstrap.
set -eu

# No hardware, no terminals, nothing that works by itself while a test measures.
systemctl mask getty.target console-getty.service getty@.service serial-getty@.service \
    systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service \
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-journald-audit.socket \
    systemd-networkd-wait-online.service systemd-pstore.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer man-db.timer

# The kernel is that of the machine outside.
systemctl mask systemd-modules-load.service systemd-sysctl.service sys-kernel-debug.mount sys-kernel-tracing.mount

# systemd looks at no more than five changes of the mount table in a second: a boot with these takes a second longer.
systemctl mask dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount run-lock.mount

echo lab > /etc/hostname
printf '127.0.0.1 localhost lab\n::1 localhost lab\n' > /etc/hosts
: > /etc/resolv.conf

# With a volatile journal a user could not read the log of the user's own units.
mkdir -p /var/log/journal

# Runs without CAP_SYS_RESOURCE too, where podman's own defaults are above the hard limits, and where the pids controller
# is bound to cgroup v1.
mkdir -p /etc/containers/containers.conf.d
cat > /etc/containers/containers.conf.d/lab.conf <<'END'
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
pids_limit = 0
END

# See crun.py; there in bookworm.
if [ -e /usr/local/sbin/crun.py ]; then
    dpkg-divert --quiet --local --rename --divert /usr/libexec/crun --add /usr/bin/crun
    mv /usr/local/sbin/crun.py /usr/bin/crun
    chmod 755 /usr/bin/crun
fi

useradd --create-home --uid 1000 --shell /bin/bash alice
echo alice:100000:65536 > /etc/subuid
echo alice:100000:65536 > /etc/subgid
mkdir -p /var/lib/systemd/linger
: > /var/lib/systemd/linger/alice

mkdir -p /src /var/lib/containers

# Otherwise each boot begins with the rebuilding of caches.
touch /etc/.updated /var/.updated
