"""The names of systemd's directives, and time spans, so that a mistyped annotation is an error and not a line skipped.

Data of `systemd --dump-configuration-items`, versions 252 and 257, without the names kept for old files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_252: Mapping[str, str] = {
    "Unit": """
        After AllowIsolate AssertACPower AssertArchitecture AssertCPUFeature AssertCPUPressure
        AssertCPUs AssertCapability AssertControlGroupController AssertCredential
        AssertDirectoryNotEmpty AssertEnvironment AssertFileIsExecutable AssertFileNotEmpty
        AssertFirstBoot AssertGroup AssertHost AssertIOPressure AssertKernelCommandLine
        AssertKernelVersion AssertMemory AssertMemoryPressure AssertNeedsUpdate AssertOSRelease
        AssertPathExists AssertPathExistsGlob AssertPathIsDirectory AssertPathIsEncrypted
        AssertPathIsMountPoint AssertPathIsReadWrite AssertPathIsSymbolicLink AssertSecurity
        AssertUser AssertVirtualization Before BindsTo CollectMode ConditionACPower
        ConditionArchitecture ConditionCPUFeature ConditionCPUPressure ConditionCPUs
        ConditionCapability ConditionControlGroupController ConditionCredential
        ConditionDirectoryNotEmpty ConditionEnvironment ConditionFileIsExecutable
        ConditionFileNotEmpty ConditionFirmware ConditionFirstBoot ConditionGroup ConditionHost
        ConditionIOPressure ConditionKernelCommandLine ConditionKernelVersion ConditionMemory
        ConditionMemoryPressure ConditionNeedsUpdate ConditionOSRelease ConditionPathExists
        ConditionPathExistsGlob ConditionPathIsDirectory ConditionPathIsEncrypted
        ConditionPathIsMountPoint ConditionPathIsReadWrite ConditionPathIsSymbolicLink
        ConditionSecurity ConditionUser ConditionVirtualization Conflicts DefaultDependencies
        Description Documentation FailureAction FailureActionExitStatus IgnoreOnIsolate
        JobRunningTimeoutSec JobTimeoutAction JobTimeoutRebootArgument JobTimeoutSec
        JoinsNamespaceOf OnFailure OnFailureJobMode OnSuccess OnSuccessJobMode PartOf
        PropagatesReloadTo PropagatesStopTo RebootArgument RefuseManualStart RefuseManualStop
        ReloadPropagatedFrom Requires RequiresMountsFor Requisite SourcePath StartLimitAction
        StartLimitBurst StartLimitInterval StartLimitIntervalSec StopPropagatedFrom StopWhenUnneeded
        SuccessAction SuccessActionExitStatus Upholds Wants
    """,
    "Service": """
        AllowedCPUs AllowedMemoryNodes AmbientCapabilities AppArmorProfile BPFProgram BindPaths
        BindReadOnlyPaths BlockIOAccounting BlockIODeviceWeight BlockIOReadBandwidth BlockIOWeight
        BlockIOWriteBandwidth BusName CPUAccounting CPUAffinity CPUQuota CPUQuotaPeriodSec
        CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork CPUShares CPUWeight
        CacheDirectory CacheDirectoryMode CapabilityBoundingSet ConfigurationDirectory
        ConfigurationDirectoryMode CoredumpFilter DefaultMemoryLow DefaultMemoryMin Delegate
        DeviceAllow DevicePolicy DisableControllers DynamicUser Environment EnvironmentFile
        ExecCondition ExecPaths ExecReload ExecSearchPath ExecStart ExecStartPost ExecStartPre
        ExecStop ExecStopPost ExitType ExtensionDirectories ExtensionImages FailureAction
        FileDescriptorStoreMax FinalKillSignal Group GuessMainPID IOAccounting
        IODeviceLatencyTargetSec IODeviceWeight IOReadBandwidthMax IOReadIOPSMax IOSchedulingClass
        IOSchedulingPriority IOWeight IOWriteBandwidthMax IOWriteIOPSMax IPAccounting IPAddressAllow
        IPAddressDeny IPCNamespacePath IPEgressFilterPath IPIngressFilterPath IgnoreSIGPIPE
        InaccessibleDirectories InaccessiblePaths KeyringMode KillMode KillSignal LimitAS LimitCORE
        LimitCPU LimitDATA LimitFSIZE LimitLOCKS LimitMEMLOCK LimitMSGQUEUE LimitNICE LimitNOFILE
        LimitNPROC LimitRSS LimitRTPRIO LimitRTTIME LimitSIGPENDING LimitSTACK LoadCredential
        LoadCredentialEncrypted LockPersonality LogExtraFields LogLevelMax LogNamespace
        LogRateLimitBurst LogRateLimitIntervalSec LogsDirectory LogsDirectoryMode
        ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit ManagedOOMPreference ManagedOOMSwap
        MemoryAccounting MemoryDenyWriteExecute MemoryHigh MemoryLimit MemoryLow MemoryMax MemoryMin
        MemorySwapMax MountAPIVFS MountFlags MountImages NUMAMask NUMAPolicy NetworkNamespacePath
        Nice NoExecPaths NoNewPrivileges NonBlocking NotifyAccess OOMPolicy OOMScoreAdjust PAMName
        PIDFile PassEnvironment PermissionsStartOnly Personality PrivateDevices PrivateIPC
        PrivateMounts PrivateNetwork PrivateTmp PrivateUsers ProcSubset ProtectClock
        ProtectControlGroups ProtectHome ProtectHostname ProtectKernelLogs ProtectKernelModules
        ProtectKernelTunables ProtectProc ProtectSystem ReadOnlyDirectories ReadOnlyPaths
        ReadWriteDirectories ReadWritePaths RebootArgument RemainAfterExit RemoveIPC Restart
        RestartForceExitStatus RestartKillSignal RestartPreventExitStatus RestartSec
        RestrictAddressFamilies RestrictFileSystems RestrictNamespaces RestrictNetworkInterfaces
        RestrictRealtime RestrictSUIDSGID RootDirectory RootDirectoryStartOnly RootHash
        RootHashSignature RootImage RootImageOptions RootVerity RuntimeDirectory
        RuntimeDirectoryMode RuntimeDirectoryPreserve RuntimeMaxSec RuntimeRandomizedExtraSec
        SELinuxContext SecureBits SendSIGHUP SendSIGKILL SetCredential SetCredentialEncrypted Slice
        SmackProcessLabel SocketBindAllow SocketBindDeny Sockets StandardError StandardInput
        StandardInputData StandardInputText StandardOutput StartLimitAction StartLimitBurst
        StartLimitInterval StartupAllowedCPUs StartupAllowedMemoryNodes StartupBlockIOWeight
        StartupCPUShares StartupCPUWeight StartupIOWeight StateDirectory StateDirectoryMode
        SuccessExitStatus SupplementaryGroups SyslogFacility SyslogIdentifier SyslogLevel
        SyslogLevelPrefix SystemCallArchitectures SystemCallErrorNumber SystemCallFilter
        SystemCallLog TTYColumns TTYPath TTYReset TTYRows TTYVHangup TTYVTDisallocate
        TasksAccounting TasksMax TemporaryFileSystem TimeoutAbortSec TimeoutCleanSec TimeoutSec
        TimeoutStartFailureMode TimeoutStartSec TimeoutStopFailureMode TimeoutStopSec TimerSlackNSec
        Type UMask USBFunctionDescriptors USBFunctionStrings UnsetEnvironment User UtmpIdentifier
        UtmpMode WatchdogSec WatchdogSignal WorkingDirectory
    """,
    "Slice": """
        AllowedCPUs AllowedMemoryNodes BPFProgram BlockIOAccounting BlockIODeviceWeight
        BlockIOReadBandwidth BlockIOWeight BlockIOWriteBandwidth CPUAccounting CPUQuota
        CPUQuotaPeriodSec CPUShares CPUWeight DefaultMemoryLow DefaultMemoryMin Delegate DeviceAllow
        DevicePolicy DisableControllers IOAccounting IODeviceLatencyTargetSec IODeviceWeight
        IOReadBandwidthMax IOReadIOPSMax IOWeight IOWriteBandwidthMax IOWriteIOPSMax IPAccounting
        IPAddressAllow IPAddressDeny IPEgressFilterPath IPIngressFilterPath ManagedOOMMemoryPressure
        ManagedOOMMemoryPressureLimit ManagedOOMPreference ManagedOOMSwap MemoryAccounting
        MemoryHigh MemoryLimit MemoryLow MemoryMax MemoryMin MemorySwapMax RestrictNetworkInterfaces
        Slice SocketBindAllow SocketBindDeny StartupAllowedCPUs StartupAllowedMemoryNodes
        StartupBlockIOWeight StartupCPUShares StartupCPUWeight StartupIOWeight TasksAccounting
        TasksMax
    """,
    "Install": """
        Alias Also DefaultInstance RequiredBy WantedBy
    """,
}

_SINCE_257: Mapping[str, str] = {
    "Unit": """
        SurviveFinalKillSignal WantsMountsFor
    """,
    "Service": """
        BindLogSockets CoredumpReceive DefaultStartupMemoryLow DelegateSubgroup ExtensionImagePolicy
        FileDescriptorStorePreserve ImportCredential LogFilterPatterns
        ManagedOOMMemoryPressureDurationSec MemoryKSM MemoryPressureThresholdSec MemoryPressureWatch
        MemoryZSwapMax MemoryZSwapWriteback MountImagePolicy NFTSet OpenFile PrivatePIDs
        ReloadSignal RestartMaxDelaySec RestartMode RestartSteps RootEphemeral RootImagePolicy
        SetLoginEnvironment StartupMemoryHigh StartupMemoryLow StartupMemoryMax StartupMemorySwapMax
        StartupMemoryZSwapMax
    """,
    "Slice": """
        CoredumpReceive DefaultStartupMemoryLow DelegateSubgroup ManagedOOMMemoryPressureDurationSec
        MemoryPressureThresholdSec MemoryPressureWatch MemoryZSwapMax MemoryZSwapWriteback NFTSet
        StartupMemoryHigh StartupMemoryLow StartupMemoryMax StartupMemorySwapMax
        StartupMemoryZSwapMax
    """,
    "Install": """
        UpheldBy
    """,
}

# What holds the graph together, or who runs the container: generated, and not for an annotation to change.
_OWNED: Mapping[str, str] = {
    "Unit": "StopWhenUnneeded PartOf StopPropagatedFrom PropagatesStopTo JoinsNamespaceOf SourcePath",
    "Service": """
        BusName Delegate DynamicUser ExecStart ExecStop ExecStopPost GuessMainPID KillMode NetworkNamespacePath
        NotifyAccess PIDFile PrivateNetwork PrivateUsers RemainAfterExit Restart RootDirectory RootImage
        RuntimeDirectory Slice SuccessExitStatus Type User Group
    """,
    "Slice": "",
    "Install": "",
}


# systemd.time(7), parsing time spans.
_UNITS = (
    "usec us µs μs msec ms seconds second sec s minutes minute min m hours hour hr h days day d weeks week w"
    " months month M years year y"
)
_SPAN = re.compile(rf"infinity|\+?(?:(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)\s*(?:{'|'.join(_UNITS.split())})?\s*)+")
# These have more than a time span, or count nanoseconds.
_NO_SPANS = ("IODeviceLatencyTargetSec", "TimerSlackNSec")


def is_malformed_span(directive: str, value: str) -> bool:
    """Whether a directive has a time span, and this is none: systemd would skip the line."""
    is_span = directive.endswith("Sec") and directive not in _NO_SPANS
    return is_span and not _SPAN.fullmatch(value)


def list_directives(section: str) -> frozenset[str]:
    """The directives that every supported systemd knows in a section, but for those that podunit owns."""
    return frozenset(_252[section].split()) - list_owned_directives(section)


def list_newer_directives(section: str) -> frozenset[str]:
    """The directives that systemd 257 knows and 252 does not."""
    return frozenset(_SINCE_257.get(section, "").split())


def list_owned_directives(section: str) -> frozenset[str]:
    """The directives that podunit generates and an annotation may not set."""
    return frozenset(_OWNED[section].split())
