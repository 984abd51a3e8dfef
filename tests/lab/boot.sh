# Boots a lab and clears up after it: `boot.sh keep CGROUP CACHE LAYERS STATE SOURCE`. Prints the process ID of the lab's
# PID 1, then stays until the lab ends or SIGTERM comes. Needs util-linux and tar here; all else is the lab's own.
set -eu

# Outside of the lab: parent of its PID 1, owner of its cgroup.
keep() {
    cgroup=$1
    trap : TERM
    mkdir "$cgroup"
    setpriv --pdeathsig KILL unshare --mount --uts --ipc --net --pid --fork --kill-child --propagation private \
        sh "$script" join "$@" &
    # Over by itself, or told to stop.
    wait "$!" || :
    for _ in $(seq 200); do
        # Not unshare is killed but PID 1, so that unshare reaps it. What is killed leaves its cgroup a moment later.
        echo 1 > "$cgroup/cgroup.kill" || :
        find "$cgroup" -depth -type d -exec rmdir {} + 2> /dev/null || :
        [ -d "$cgroup" ] || break
        sleep 0.02
    done
    wait
}

# PID 1 joins the cgroup first, so that the cgroup namespace has it as its root. unshare itself stays outside: a process
# in the root would keep systemd from handing down controllers.
join() {
    echo 0 > "$1/cgroup.procs"
    shift
    exec unshare --cgroup sh "$script" boot "$@"
}

boot() {
    cache=$1 layers=$2 state=$3 source=$4
    # /proc is still that of outside.
    read -r pid _ < /proc/self/stat
    cd "$cache"
    # In this mount namespace only: the directory itself stays empty.
    mount -t tmpfs -o mode=755 lab mnt
    mkdir mnt/upper mnt/work mnt/root mnt/state
    mount -t overlay -o "lowerdir=$layers,upperdir=mnt/upper,workdir=mnt/work" lab mnt/root
    # podman's storage makes overlays of its own, which the kernel refuses on top of an overlay.
    if [ -n "$state" ]; then
        tar --extract --preserve-permissions --xattrs --xattrs-include='*' --file="$state" --directory=mnt/state
    else
        mkdir -p mnt/state/var/lib/containers
        cp -a mnt/root/home mnt/state/home
    fi
    cd mnt/root
    mount --bind ../state/var/lib/containers var/lib/containers
    mount --bind ../state/home home
    mount --bind "$source" src
    mount -o remount,bind,ro src

    mount -t proc proc proc
    mount -t sysfs sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs run
    mount -t tmpfs -o mode=1777 tmpfs tmp
    mount -t tmpfs -o mode=755 tmpfs dev
    mkdir dev/pts dev/shm dev/net
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
    mount -t tmpfs -o mode=1777 tmpfs dev/shm
    mknod -m 666 dev/null c 1 3
    mknod -m 666 dev/zero c 1 5
    mknod -m 666 dev/full c 1 7
    mknod -m 666 dev/random c 1 8
    mknod -m 666 dev/urandom c 1 9
    mknod -m 666 dev/tty c 5 0
    mknod -m 666 dev/fuse c 10 229
    mknod -m 666 dev/net/tun c 10 200
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    ln -s fd/0 dev/stdin
    ln -s fd/1 dev/stdout
    ln -s fd/2 dev/stderr
    tr -d - < /proc/sys/kernel/random/uuid > etc/machine-id

    pivot_root . mnt
    cd /
    umount -l mnt
    # As on a machine that systemd boots; podman warns otherwise.
    mount --make-rshared /
    # Only now: who enters the lab by this ID must not find himself in the old root.
    echo "$pid"
    exec env -i container=podunit-lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /usr/lib/systemd/systemd --system < /dev/null > /dev/null 2>&1
}

script=$0
"$@"
