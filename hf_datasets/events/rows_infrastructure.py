r"""Formats of operating systems, containers, collectors, network devices and virtual machines."""

from __future__ import annotations

from .event import DEBUG, ERROR, FATAL, INFO, TRACE, WARN
from .row import EventFormat, Example

_LETTERS = r"[VDIWEFAS]"
_ESX_LEVELS = (
    ("em", FATAL), ("al", FATAL), ("cr", FATAL), ("er", ERROR), ("wa", WARN), ("no", INFO), ("in", INFO), ("db", DEBUG),
    ("verbose", TRACE), ("trivia", TRACE),
)  # fmt: skip
_SSSD_LEVELS = (
    ("0x0010", FATAL), ("0x0020", FATAL), ("0x0040", ERROR), ("0x0080", WARN), ("0x0100", INFO), ("0x0200", INFO),
    ("0x0400", DEBUG), ("0x1000", TRACE), ("0x2000", TRACE), ("0x4000", TRACE), ("0x10000", TRACE), ("0x20000", TRACE),
    ("0x3f7c0", DEBUG), ("0x8000", TRACE),
)  # fmt: skip

WRAPPERS: tuple[EventFormat, ...] = (
    EventFormat(
        name="cri",
        title="Kubernetes container log (CRI): time stream tag message",
        pattern=r"^(?P<time>%ISO%) (?P<stream>stdout|stderr) (?P<partial>[FP])(?::\w+)? ?(?P<message>.*)$",
        starts="0",
        contains=(" stdout ", " stderr "),
        wraps=True,
        partial=("partial", "P"),
        stream=("stream",),
        examples=(
            Example(
                "2019-05-07T18:57:56.904275093+00:00 stdout F plain words",
                "2019-05-07T18:57:56.904275+00:00",
                None,
                "plain words",
            ),
            Example(
                "2024-06-03T11:20:02.015838123Z stderr F E0603 11:20:01.5 1 main.go:12] lost",
                "2024-06-03T11:20:01.500000+00:00",
                ERROR,
                "lost",
            ),
        ),
    ),
    EventFormat(
        name="github-actions",
        title="GitHub Actions and Azure Pipelines log: time, then the step's output",
        pattern=r"^\ufeff?(?:[^\t]{1,200}\t[^\t]{1,200}\t)?(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z) ?(?P<message>.*)$",
        contains=("T",),
        wraps=True,
        examples=(
            Example(
                "2024-05-01T09:07:41.4415701Z ##[error]Process completed with exit code 1.",
                "2024-05-01T09:07:41.441570+00:00",
                ERROR,
                "Process completed with exit code 1.",
            ),
            Example(
                "2024-05-01T09:07:41.4415701Z make: Entering directory",
                "2024-05-01T09:07:41.441570+00:00",
                None,
                "make: Entering directory",
            ),
        ),
    ),
    EventFormat(
        name="gitlab-job",
        title="GitLab CI job log with times: time stream tag, output",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) (?P<stream>\d\d[OE])(?P<append>[+ ]?)(?P<message>.*)$",
        starts="0",
        wraps=True,
        stream=("stream",),
        examples=(
            Example(
                "2024-05-22T12:43:46.962646Z 00O Cleaning up project directory",
                "2024-05-22T12:43:46.962646+00:00",
                None,
                "Cleaning up project directory",
            ),
        ),
    ),
    EventFormat(
        name="docker-compose",
        title="docker compose: service | output",
        pattern=r"^(?P<service>[\w.][\w./\-]{0,80}?) +\| ?(?P<message>(?! ?(?:INFO|WARN|DEBUG|ERROR|jvm)).*)$",
        contains=(" |",),
        wraps=True,
        stream=("service",),
        rank=1,
        examples=(
            Example(
                "db-1     | 2024-05-01 08:00:00.080 UTC [80] LOG:  connection received: host=10.2.26.88",
                "2024-05-01T08:00:00.080000+00:00",
                INFO,
                "connection received: host=10.2.26.88",
            ),
            Example("api-1    | ready", "", None, "ready"),
        ),
    ),
    EventFormat(
        name="kubectl-prefix",
        title="kubectl logs --prefix: [pod/name/container] output",
        pattern=r"^\[pod/(?P<pod>[^/\]]+)/(?P<service>[^\]]+)\] (?P<message>.*)$",
        starts="[",
        contains=("[pod/",),
        wraps=True,
        stream=("pod", "service"),
        examples=(Example("[pod/web-7f9/app] WARN low memory", "", WARN, "low memory"),),
    ),
    EventFormat(
        name="docker-timestamps",
        title="docker logs --timestamps: time in nanoseconds, output",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (?P<message>(?!%LEVEL%\b|\[).*)$",
        starts="0",
        wraps=True,
        rank=1,
        examples=(
            Example(
                "2024-06-03T11:20:01.007919123Z listening on port 8080",
                "2024-06-03T11:20:01.007919+00:00",
                None,
                "listening on port 8080",
            ),
        ),
    ),
    EventFormat(
        name="jenkins-timestamper",
        title="Jenkins console with the timestamper: [time] output",
        pattern=r"^\[(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\] (?P<message>.*)$",
        starts="[",
        rank=1,
        wraps=True,
        examples=(
            Example("[2024-05-22T12:43:46.962Z] + make test", "2024-05-22T12:43:46.962000+00:00", None, "+ make test"),
        ),
    ),
    EventFormat(
        name="journald-short-iso",
        title="systemd journal, journalctl -o short-iso, and syslog with an ISO time: time host tag[pid]: message",
        pattern=(
            r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)) (?!%LEVEL% )(?P<host>[\w.:\-]+) "
            r"(?P<component>[A-Za-z_/(][^\s:\[\]()]*(?:\([^\s)]*\))?|Setup Assistant)(?:\[(?P<pid>[^\]]*)\])?:(?: (?P<message>.*)|(?P<message2>))$"
        ),
        starts="0",
        rank=1,
        wraps=True,
        stream=("host", "component", "pid"),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01T09:07:41+0200 node1 orderd[678]: health check ok",
                "2024-05-01T07:07:41+00:00",
                None,
                "health check ok",
            ),
            Example(
                "2024-05-01T09:07:41.123456+02:00 node1 kernel: WARNING: CPU: 1 PID: 0",
                "2024-05-01T07:07:41.123456+00:00",
                WARN,
                "CPU: 1 PID: 0",
            ),
        ),
    ),
    EventFormat(
        name="syslog-rfc5424",
        title="syslog (RFC 5424): <priority>version time host process id data message",
        pattern=(
            r"^(?:\d{1,4} )?<(?P<pri>\d{1,3})>\d{1,2} (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?|-) "
            r"(?P<host>\S+) (?P<component>\S+) (?P<pid>\S+) (?P<id>\S+) (?P<data>-|(?:\[(?:[^\]\\\"]|\\.|\"(?:[^\"\\]|\\.)*\")*\])+)"
            r" ?(?P<mark>\ufeff?) *(?P<message>.*)$"
        ),
        starts="<0",
        contains=("<",),
        wraps=True,
        stream=("host", "component", "pid"),
        sequence=("component",),
        examples=(
            Example(
                '<128>1 2024-05-01T09:07:41.208675Z node1.example.org orderd 6199 ID89 [meta seq="0"] ledger closed',
                "2024-05-01T09:07:41.208675+00:00",
                FATAL,
                "ledger closed",
            ),
            Example(
                "<30>1 2017-04-27T07:59:12+02:00 nextcloud dhclient - - -  DHCPREQUEST on eth0",
                "2017-04-27T05:59:12+00:00",
                INFO,
                "DHCPREQUEST on eth0",
            ),
        ),
    ),
    EventFormat(
        name="syslog-nsx",
        title="syslog (RFC 5424 without priority): time host process id - data message",
        pattern=(
            r"^(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)) (?P<host>\S+) (?P<component>\S+) "
            r"(?P<pid>\d+|-) (?P<id>\S+) (?P<data>-|\[(?:[^\]\"]|\"[^\"]*\")*?level=\"(?P<level>\w+)\"(?:[^\]\"]|\"[^\"]*\")*\]|\[(?:[^\]\"]|\"[^\"]*\")*\])"
            r" *(?P<message>.*)$"
        ),
        starts="0",
        wraps=True,
        stream=("host", "component", "pid"),
        sequence=("component",),
        examples=(
            Example(
                '2022-08-27T14:22:01.613Z space01.acme NSX 3106 - [abc@6876 comp="abc-edge" level="INFO" s2comp="x"] keep-alive check',
                "2022-08-27T14:22:01.613000+00:00",
                INFO,
                "keep-alive check",
            ),
        ),
    ),
    EventFormat(
        name="unifi",
        title="syslog with facility.level: Mon dd hh:mm:ss host facility.level tag[pid]: message",
        pattern=(
            r"^(?P<time>%SYSLOG%) (?P<host>\S+) (?P<facility>kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|security|console|local\d)"
            r"\.(?P<level>[a-z]+) (?P<component>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: ?(?P<message>.*)$"
        ),
        contains=(".",),
        starts="a",
        stream=("component", "pid"),
        sequence=("component",),
        examples=(
            Example(
                "Feb 28 14:25:54 UDM-Pro daemon.err mcad: mcad[2910]: initial contact failed #6",
                "0000-02-28T14:25:54+00:00",
                ERROR,
                "mcad[2910]: initial contact failed #6",
            ),
        ),
    ),
    EventFormat(
        name="haproxy",
        title="HAProxy behind syslog",
        pattern=(
            r"^(?:<(?P<pri>\d{1,3})>)?(?P<time>%SYSLOG%|%ISO%) (?:(?P<host>\S+) )?(?P<component>haproxy)(?:\[(?P<pid>\d+)\])?: "
            r"(?P<message>(?:(?P<client>\S+:\d+) \[%CLF%\] (?P<frontend>\S+) (?P<backend>\S+) (?P<timers>[\d/+\-]+) (?P<status>\d{3}|-\d) (?P<bytes>\+?\d+) .*|.*))$"
        ),
        contains=("haproxy",),
        stream=("pid",),
        sequence=("frontend",),
        examples=(
            Example(
                "Feb 26 10:07:24 192.168.8.2 haproxy[1]: Proxy prod_http_in started.",
                "0000-02-26T10:07:24+00:00",
                None,
                "Proxy prod_http_in started.",
            ),
            Example(
                'Feb 26 00:29:44 192.168.8.2 haproxy[7]: 178.203.144.192:50210 [26/Feb/2019:00:29:44.326] front~ back/nginx1 0/0/1/48/49 503 3313 - - ---- 3/2/0/0/0 0/0 "GET / HTTP/1.1"',
                "0000-02-26T00:29:44+00:00",
                ERROR,
                '178.203.144.192:50210 [26/Feb/2019:00:29:44.326] front~ back/nginx1 0/0/1/48/49 503 3313 - - ---- 3/2/0/0/0 0/0 "GET / HTTP/1.1"',
            ),
        ),
    ),
    EventFormat(
        name="cisco-ios",
        title="Cisco IOS and ASA: time: %FACILITY-severity-MNEMONIC: message",
        pattern=(
            r"^(?:<(?P<pri>\d{1,3})>)?(?:\d+: )?(?:(?P<host>[\w.\-]+): )?(?:\d+: )?[*.]?(?P<time>%MON% +\d{1,2} (?:\d{4} )?%CLOCK%(?:\.\d+)?(?: [A-Z]{2,5})?)(?: (?P<host2>[\w.\-]+))?\s?: "
            r"%(?P<code>[A-Z][A-Z0-9_\-]*?-(?P<level>\d)-\w+): ?(?P<message>.*)$"
        ),
        contains=("%",),
        code=("code",),
        sequence=("code",),
        examples=(
            Example(
                "*Mar  1 18:46:11.123: %SYS-5-CONFIG_I: Configured from console by vty2",
                "0000-03-01T18:46:11.123000+00:00",
                INFO,
                "Configured from console by vty2",
            ),
            Example(
                "<187>52: rtr1: Jun  3 11:20:01.001 UTC: %LINK-3-UPDOWN: Interface Gi0/1, changed state to down",
                "0000-06-03T11:20:01.001000+00:00",
                ERROR,
                "Interface Gi0/1, changed state to down",
            ),
        ),
    ),
    EventFormat(
        name="cef",
        title="ArcSight Common Event Format",
        pattern=(
            r"^(?:(?:<(?P<pri>\d{1,3})>)?(?P<time>%SYSLOG%|%ISO%) (?P<host>\S+) )?CEF:\d\|(?P<vendor>(?:[^|\\]|\\.)*)\|(?P<component>(?:[^|\\]|\\.)*)\|"
            r"(?P<version>(?:[^|\\]|\\.)*)\|(?P<code>(?:[^|\\]|\\.)*)\|(?P<message>(?:[^|\\]|\\.)*)\|(?P<level>\w[\w\-]*)\|(?P<extension>.*)$"
        ),
        contains=("CEF:",),
        levels=(
            ("0", INFO),
            ("1", INFO),
            ("2", INFO),
            ("3", INFO),
            ("4", WARN),
            ("5", WARN),
            ("6", WARN),
            ("7", ERROR),
            ("8", ERROR),
            ("9", FATAL),
            ("10", FATAL),
            ("low", INFO),
            ("medium", WARN),
            ("high", ERROR),
            ("very-high", FATAL),
            ("unknown", INFO),
        ),
        code=("code",),
        examples=(
            Example(
                "Sep 19 08:26:10 host CEF:0|Security|threatmanager|1.0|100|worm successfully stopped|10|src=10.0.0.1 dst=2.1.2.2",
                "0000-09-19T08:26:10+00:00",
                FATAL,
                "worm successfully stopped",
            ),
        ),
    ),
    EventFormat(
        name="leef",
        title="IBM Log Event Extended Format",
        pattern=(
            r"^(?:(?:<(?P<pri>\d{1,3})>)?(?P<time>%SYSLOG%|%ISO%) (?P<host>\S+) )?LEEF:\d(?:\.\d)?\|(?P<vendor>[^|]*)\|(?P<component>[^|]*)\|(?P<version>[^|]*)\|(?P<code>[^|]*)\|(?P<message>.*)$"
        ),
        contains=("LEEF:",),
        code=("code",),
        examples=(
            Example(
                "Jan 18 11:07:53 host LEEF:1.0|Lancope|StealthWatch|1.0|41|src=192.0.2.0\tdst=172.50.123.1",
                "0000-01-18T11:07:53+00:00",
                None,
                "src=192.0.2.0\tdst=172.50.123.1",
            ),
        ),
    ),
    EventFormat(
        name="syslog",
        title="syslog (RFC 3164): Mon dd hh:mm:ss host tag[pid]: message",
        pattern=(
            r"^(?:<(?P<pri>\d{1,3})>)?(?P<time>%SYSLOG%(?: [A-Z]{3,4}:)?|[^\W\d_]{3,10}\.? {1,2}\d{1,2} %CLOCK%)\s+(?!(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL) )(?:(?P<host>[\w.:\-]+)|\[(?P<host2>[\da-f]*[.:][\d.:a-f]+)\])\s+"
            r"(?:(?![\w.\-]+=)(?P<component>[^\s:\[\]]+ (?:[A-Z][^\s:\[\]]+(?=\[\d+\])|\d[\w.]*(?=:))|[^\s:\[\]]+(?:\([^\s)]*\))?)(?:\[(?P<pid>[^\]]*)\])?(?: \([^)]*\))?:?\s)?(?P<message>.*)$"
        ),
        wraps=True,
        stream=("host", "component", "pid"),
        sequence=("component",),
        rank=1,
        examples=(
            Example(
                "May 01 08:00:00 node1 orderd[123]: order 52700 accepted",
                "0000-05-01T08:00:00+00:00",
                None,
                "order 52700 accepted",
            ),
            Example("Apr 28 04:02:03 host1 syslogd 1.4.1: restart.", "0000-04-28T04:02:03+00:00", None, "restart."),
            Example(
                "<11>Jan  4 10:23:26 host1 Setup Assistant[1173]: Creating connection",
                "0000-01-04T10:23:26+00:00",
                ERROR,
                "Creating connection",
            ),
            Example("août 19 11:08:37 host1 user1[4961]: test", "0000-08-19T11:08:37+00:00", None, "test"),
        ),
    ),
)

OPERATING_SYSTEMS: tuple[EventFormat, ...] = (
    EventFormat(
        name="klog",
        title="klog and glog (Kubernetes, Google): Lmmdd hh:mm:ss thread file:line] message",
        pattern=r"^(?P<level>[IWEFD])(?P<time>\d{4}(?:\d\d|\d{4})? %CLOCK%(?:\.\d+)?)\s+(?P<thread>\d+)\s+(?P<frame>[\w./\-+@]+:\d+)(?:\]| [⋮ ]*) ?(?P<message>.*)$",
        starts="a",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "E0517 15:04:22.619632      52992 logging_unittest.cc:253] Log every 3, iteration 19",
                "0000-05-17T15:04:22.619632+00:00",
                ERROR,
                "Log every 3, iteration 19",
            ),
            Example(
                "I20200308 23:47:32.089828 400441 config.cc:27] Loading user configuration",
                "2020-03-08T23:47:32.089828+00:00",
                INFO,
                "Loading user configuration",
            ),
        ),
    ),
    EventFormat(
        name="android-studio",
        title="Android Studio logcat: time pid-tid tag package level message",
        pattern=(
            rf"^(?P<time>\d{{4}}-\d\d-\d\d %CLOCK%\.\d+)\s+(?P<pid>\d+)-(?P<thread>\d+)(?:/(?P<package>\S+) (?P<level>{_LETTERS})/(?P<component>[^:]*):"
            rf"|\s+(?P<component2>\S.*?)\s+(?P<package2>[\w.]+\.[\w.:]+|pid-\d+|\S+)\s+(?P<level2>{_LETTERS}) ) ?(?P<message>.*)$"
        ),
        starts="0",
        stream=("pid", "thread", "component"),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01 09:07:41.123  1795-1825  OrderSync               com.example.app                      E  order 71261 is lost",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "order 71261 is lost",
            ),
            Example(
                "2024-05-01 09:07:41.123 1795-1825/com.example.app D/OrderSync: order 71261 accepted",
                "2024-05-01T09:07:41.123000+00:00",
                DEBUG,
                "order 71261 accepted",
            ),
        ),
    ),
    EventFormat(
        name="logcat",
        title="Android logcat, threadtime and time",
        pattern=(
            rf"^(?P<time>(?:\d{{4}}-)?\d\d-\d\d %CLOCK%\.\d+)(?: [+-]\d{{4}})?(?:\s+(?P<user>[\w]+))??(?:\s+(?P<pid>\d+)\s+(?P<thread>\d+)\s+(?P<level>{_LETTERS})\s(?P<component>[^:]*?)\s*:|\s+(?P<pid3>\d+)\s+(?P<thread3>\d+)\s+(?P<level3>{_LETTERS})\s(?=\[)"
            rf"|\s(?P<level2>{_LETTERS})/(?P<component2>.*?)\(\s*(?P<pid2>\d+)\):) ?(?P<message>.*)$"
        ),
        starts="0",
        stream=("pid", "thread", "component"),
        sequence=("component",),
        examples=(
            Example(
                "05-01 08:00:00.478  1000  1000 D OrderSync: order 71261 accepted",
                "0000-05-01T08:00:00.478000+00:00",
                DEBUG,
                "order 71261 accepted",
            ),
            Example(
                "05-26 14:57:03.870 V/Configuration( 1766): Updating configuration",
                "0000-05-26T14:57:03.870000+00:00",
                TRACE,
                "Updating configuration",
            ),
            Example(
                "05-26 11:18:41.509  1000 23402 23402 V VirtualCameraSession: processCaptureRequest",
                "0000-05-26T11:18:41.509000+00:00",
                TRACE,
                "processCaptureRequest",
            ),
        ),
    ),
    EventFormat(
        name="logcat-brief",
        title="Android logcat, brief and tag: L/tag(pid): message",
        pattern=rf"^(?P<level>{_LETTERS})/(?P<component>[^\s(:]+)\s*(?:\(\s*(?P<pid>\d+)\))?: (?P<message>.*)$",
        starts="a",
        contains=("/",),
        stream=("pid", "component"),
        sequence=("component",),
        examples=(
            Example("W/ActivityManager( 1766): Launch timeout has expired", "", WARN, "Launch timeout has expired"),
        ),
    ),
    EventFormat(
        name="dmesg",
        title="kernel messages, dmesg: [seconds since boot] message",
        pattern=r"^(?:<(?P<pri>\d{1,3})>)?\[\s*(?P<uptime>\d+\.\d{6})\](?:\[\s*[TC]\d+\])? (?:(?P<component>[\w\-/.]+(?: \d+:\d+:\d+:\d+| \d{4}:\S+)?): )?(?P<message>.*)$",
        starts="[<",
        sequence=("component",),
        examples=(
            Example(
                "[    0.004000] tsc: Detected 2693.762 MHz processor", "", None, "Detected 2693.762 MHz processor"
            ),
            Example(
                "<3>[12345.678901] EXT4-fs error (device sda1): ext4_lookup",
                "",
                ERROR,
                "EXT4-fs error (device sda1): ext4_lookup",
            ),
        ),
    ),
    EventFormat(
        name="dmesg-time",
        title="kernel messages, dmesg -T: [ctime] message",
        pattern=r"^\[(?P<time>%CTIME%)\] (?:(?P<component>[\w\-/.]+): )?(?P<message>.*)$",
        starts="[",
        rank=1,
        examples=(
            Example(
                "[Wed May  1 09:07:41 2024] usb 1-1: new high-speed USB device number 2",
                "2024-05-01T09:07:41+00:00",
                None,
                "usb 1-1: new high-speed USB device number 2",
            ),
        ),
    ),
    EventFormat(
        name="auditd",
        title="Linux audit: type=TYPE msg=audit(epoch:serial): message",
        pattern=r"^(?:node=(?P<host>\S+) )?type=(?P<code>\w+) msg=audit\((?P<time>\d+\.\d+):(?P<serial>\d+)\):\s*(?P<message>.*)$",
        contains=("msg=audit(",),
        code=("code",),
        sequence=("serial",),
        examples=(
            Example(
                "type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=2 success=no exit=-13",
                "2013-03-28T14:36:03.243000+00:00",
                None,
                "arch=c000003e syscall=2 success=no exit=-13",
            ),
        ),
    ),
    EventFormat(
        name="openwrt",
        title="OpenWrt logread: ctime facility.level tag[pid]: message",
        pattern=r"^(?P<time>%CTIME%) (?P<facility>[a-z]+\d?)\.(?P<level>emerg|alert|crit|err|warn|notice|info|debug) (?P<component>[^\s:\[]+)(?:\[(?P<pid>\d+)\])?: ?(?P<message>.*)$",
        starts="a",
        stream=("component", "pid"),
        sequence=("component",),
        examples=(
            Example(
                "Wed May  1 09:07:41 2024 daemon.err dnsmasq[1]: failed to load names from /etc/hosts",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "failed to load names from /etc/hosts",
            ),
        ),
    ),
    EventFormat(
        name="macos-unified",
        title="macOS unified log, log show",
        pattern=(
            r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%\.\d+[+-]\d{4})\s+(?P<thread>\dx[0-9a-f]+)\s+(?P<level>Default|Info|Debug|Error|Fault|Activity|State|Signpost|Loss)\s+"
            r"(?P<activity>\dx[0-9a-f]+)\s+(?P<pid>\d+)\s+(?:\d+\s+)?(?P<component>[^:]+): (?P<message>.*)$"
        ),
        levels=(
            ("default", INFO),
            ("activity", INFO),
            ("state", INFO),
            ("fault", FATAL),
            ("loss", WARN),
            ("signpost", DEBUG),
        ),
        starts="0",
        stream=("pid", "thread"),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01 09:07:41.123456+0200 0x1f3b     Error       0x0                  311    0    bluetoothd: (CoreBluetooth) link lost",
                "2024-05-01T07:07:41.123456+00:00",
                ERROR,
                "(CoreBluetooth) link lost",
            ),
        ),
    ),
    EventFormat(
        name="macos-install",
        title="macOS install.log and system log with zone: time+hh host process[pid]: message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%(?:\.\d+)?[+-]\d\d(?:\d\d)?) (?P<host>[\w.\-]+) (?P<component>[^\[:]+)\[(?P<pid>\d+)\]: (?:\((?P<library>[^)]*)\) )?(?P<message>.*)$",
        starts="0",
        stream=("component", "pid"),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01 09:07:41+02 mac softwareupdated[311]: Adding client",
                "2024-05-01T07:07:41+00:00",
                None,
                "Adding client",
            ),
        ),
    ),
    EventFormat(
        name="windows-cbs",
        title="Windows component servicing (CBS, DISM): time, Level Component message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%), (?P<level>[A-Z][a-z]+)\s+(?P<component>[A-Z]+|DISM)\s+(?P<message>.*)$",
        starts="0",
        examples=(
            Example(
                "2016-09-28 04:30:31, Error                 CBS    Failed to open package. [HRESULT = 0x80070002]",
                "2016-09-28T04:30:31+00:00",
                ERROR,
                "Failed to open package. [HRESULT = 0x80070002]",
            ),
        ),
    ),
    EventFormat(
        name="windows-event-csv",
        title="Windows event log, CSV export",
        pattern=(
            r'^"?(?P<level>Information|Warning|Error|Critical|Verbose|Audit Success|Audit Failure|Informationen|Warnung|Fehler|Kritisch)"?,"?(?P<time>[\d/.\-]+ [\d:]+(?: [AP]M)?)"?,'
            r'"?(?P<component>[^,"]*)"?,"?(?P<code>\d+)"?,"?(?P<task>[^,"]*)"?(?:,"?(?P<message>.*?)"?)?$'
        ),
        levels=(("audit success", INFO), ("audit failure", WARN)),
        starts='a"',
        contains=(",",),
        code=("code",),
        sequence=("component",),
        examples=(
            Example(
                'Critical,05/01/2024 09:07:41 AM,Example-Svc,7031,None,"The service stopped.',
                "2024-05-01T09:07:41+00:00",
                FATAL,
                "The service stopped.",
            ),
        ),
    ),
    EventFormat(
        name="windows-event-text",
        title="Windows event log as tab-separated text",
        pattern=(
            r"^(?P<level>Information|Warning|Error|Critical|Verbose|Audit Success|Audit Failure)\t(?P<time>[\d/.\-]+ [\d:]+(?: [AP]M)?)\t(?P<component>[^\t]*)\t(?P<code>\d+)\t(?P<task>[^\t]*)(?:\t\"?(?P<message>.*?)\"?)?$"
        ),
        levels=(("audit success", INFO), ("audit failure", WARN)),
        starts="a",
        contains=("\t",),
        code=("code",),
        sequence=("component",),
        examples=(
            Example(
                "Error\t5/1/2024 9:07:41 AM\tService Control Manager\t7000\tNone\tThe service failed to start.",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "The service failed to start.",
            ),
        ),
    ),
    EventFormat(
        name="windows-update",
        title="WindowsUpdate.log: time pid tid component message",
        pattern=r"^(?P<time>\d{4}[/-]\d\d[/-]\d\d\s+%CLOCK%[.:]\d+)\s+(?P<pid>\d+)\s+(?P<thread>[0-9a-fA-F]+)\s+(?P<component>[A-Z][\w]*)\s+(?:\*?(?P<level>FATAL|WARNING|ERROR)\*?:? )?(?P<message>.*)$",
        starts="0",
        stream=("thread",),
        sequence=("component",),
        examples=(
            Example(
                "2024/05/01 09:07:41.1234567 1020  5432  Agent           WARNING: failed to get the server",
                "2024-05-01T09:07:41.123457+00:00",
                WARN,
                "failed to get the server",
            ),
        ),
    ),
    EventFormat(
        name="android-health",
        title="Health app: yyyymmdd-h:m:s:ms|component|pid|message",
        pattern=r"^(?P<time>\d{8}-\d{1,2}:\d{1,2}:\d{1,2}:\d{1,3})\|(?P<component>[^|]*)\|(?P<pid>\d+)\|(?P<message>.*)$",
        starts="0",
        contains=("|",),
        sequence=("component",),
        examples=(
            Example(
                "20171223-22:15:29:606|Step_LSC|30002312|onStandStepChanged 3579",
                "2017-12-23T22:15:29.606000+00:00",
                None,
                "onStandStepChanged 3579",
            ),
            Example(
                "20171224-0:58:0:6|Step_LSC|30002312|onExtend", "2017-12-24T00:58:00.006000+00:00", None, "onExtend"
            ),
        ),
    ),
    EventFormat(
        name="dpkg",
        title="dpkg log: time action package",
        pattern=(
            r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%) (?:(?P<component>update-alternatives): (?:(?P<level>warning|error|info): )?(?P<message2>.*)"
            r"|(?P<message>(?P<action>startup|status|configure|install|upgrade|remove|purge|trigproc|conffile|disappear)\b.*))$"
        ),
        starts="0",
        examples=(
            Example(
                "2012-02-14 10:44:30 status unpacked rsyslog 4.2.0-2ubuntu8",
                "2012-02-14T10:44:30+00:00",
                None,
                "status unpacked rsyslog 4.2.0-2ubuntu8",
            ),
            Example(
                "2012-02-14 10:44:32 update-alternatives: run with --install /usr/bin/rview",
                "2012-02-14T10:44:32+00:00",
                None,
                "run with --install /usr/bin/rview",
            ),
        ),
    ),
    EventFormat(
        name="pacman",
        title="pacman log: [time] [program] message",
        pattern=r"^\[(?P<time>\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[+-]\d{4})?)\] \[(?P<component>PACMAN|ALPM(?:-SCRIPTLET)?|PAMAC|YAY)\] (?:(?P<level>warning|error): )?(?P<message>.*)$",
        starts="[",
        examples=(
            Example(
                "[2024-05-01T09:07:41+0200] [ALPM] warning: /etc/pacman.conf installed as /etc/pacman.conf.pacnew",
                "2024-05-01T07:07:41+00:00",
                WARN,
                "/etc/pacman.conf installed as /etc/pacman.conf.pacnew",
            ),
        ),
    ),
    EventFormat(
        name="dnf",
        title="dnf and yum log: time LEVEL message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT%CLOCK%[+-]\d{4}) (?P<level>DDEBUG|DEBUG|INFO|WARNING|ERROR|CRITICAL|SUBDEBUG|TRACE) (?P<message>.*)$",
        levels=(("ddebug", DEBUG), ("subdebug", DEBUG)),
        starts="0",
        examples=(
            Example(
                "2024-05-01T09:07:41+0200 SUBDEBUG Installed: vim-common",
                "2024-05-01T07:07:41+00:00",
                DEBUG,
                "Installed: vim-common",
            ),
        ),
    ),
    EventFormat(
        name="tai64n",
        title="daemontools multilog: @TAI64N message",
        pattern=r"^(?P<time>@[0-9a-f]{24}) (?P<message>.*)$",
        starts="@",
        wraps=True,
        sequence=("component",),
        examples=(
            Example(
                "@40000000433225840c85ba04 tcpserver: ok 26162",
                "2005-09-22T03:31:06.210090+00:00",
                None,
                "tcpserver: ok 26162",
            ),
        ),
    ),
    EventFormat(
        name="strace",
        title="strace: [pid] time call(...) = result",
        pattern=(
            r"^(?:\[?(?:pid\s+)?(?P<pid>\d+)\]?\s+)?(?P<time>\d\d:\d\d:\d\d(?:\.\d+)?|\d{10}\.\d+|\d{4}-\d\d-\d\d[T ]%CLOCK%\.\d+) "
            r"(?P<message>(?:(?=.* = (?:-\d+|\?) (?P<level>E[A-Z_]+)\b))?(?:\w+\(.*|<\.\.\. \w+ resumed>.*|\+\+\+ .* \+\+\+|--- .* ---|~?\[?\w+\]?))$"
        ),
        starts="0[",
        levels=(("*", ERROR),),
        stream=("pid",),
        sequence=("pid",),
        examples=(
            Example(
                '08:09:33.815943 access("/etc/ld.so.nohwcap", F_OK) = -1 ENOENT (No such file or directory) <0.000019>',
                "0000-00-00T08:09:33.815943+00:00",
                ERROR,
                'access("/etc/ld.so.nohwcap", F_OK) = -1 ENOENT (No such file or directory) <0.000019>',
            ),
            Example(
                "10000 1697048351.000561 arch_prctl(ARCH_SET_FS, 0x7fb7a64c5740) = 0 <0.000003>",
                "2023-10-11T18:19:11.000561+00:00",
                None,
                "arch_prctl(ARCH_SET_FS, 0x7fb7a64c5740) = 0 <0.000003>",
            ),
        ),
    ),
    EventFormat(
        below=True,
        name="shell-history",
        title="shell history with times (tcsh, bash, zsh)",
        pattern=r"^(?:#\+?(?P<time>\d{9,10})|: (?P<time2>\d{10}):\d+;(?P<message2>.*))(?P<message>)$",
        starts="#:",
        examples=(
            Example("#+1375138067\necho HELLO=BAR", "2013-07-29T22:47:47+00:00", None, "echo HELLO=BAR"),
            Example(": 1375138067:0;make test", "2013-07-29T22:47:47+00:00", None, "make test"),
        ),
    ),
    EventFormat(
        below=True,
        name="procstate",
        title="state dumps between lines of ten equals signs",
        pattern=r"^={5,} (?P<message>(?:Start|End) of .*?)(?: at (?P<time>%CTIME%))? ={5,}$",
        starts="=",
        examples=(
            Example(
                "========== Start of system state dump at Thu Jun 2 00:01:01 UTC 2022 ==========",
                "2022-06-02T00:01:01+00:00",
                None,
                "Start of system state dump",
            ),
        ),
    ),
    EventFormat(
        name="fsck",
        title="fsck: device: program run at time",
        pattern=r"^(?P<component>/dev/\S+): (?P<message>\w+ (?:run|started|completed) at (?P<time>%CTIME%).*)$",
        starts="/",
        examples=(
            Example(
                "/dev/rdisk0s2: fsck_hfs run at Wed Jul 25 23:01:18 2012",
                "2012-07-25T23:01:18+00:00",
                None,
                "fsck_hfs run at Wed Jul 25 23:01:18 2012",
            ),
        ),
    ),
    EventFormat(
        name="mikrotik",
        title="MikroTik RouterOS: time topics message",
        pattern=(
            r"^(?P<time>(?:[a-z]{3}/\d\d(?:/\d{4})? |\d{4}-\d\d-\d\d )?%CLOCK%) (?=\S*,(?:(?P<level>critical)|(?P<level2>error)|(?P<level3>warning)|(?P<level4>info)|(?P<level5>debug))\b)"
            r"(?P<component>account|async|backup|bfd|bgp|bridge|caps|certificate|container|dhcp|dns|dot\dx|email|event|firewall|gsm|health|hotspot|igmp-proxy|interface|ipsec|iscsi|isdn|l\dtp|ldp"
            r"|lora|lte|manager|mme|mpls|mqtt|netinstall|netwatch|ntp|ospf|ovpn|packet|pim|poe-out|ppp|pppoe|pptp|queue|radius|radvd|rip|route|rsvp|script|smb|snmp|ssh|sstp|state|store|system|telephony"
            r"|tftp|timer|tr\d{3}|ups|upnp|vrrp|watchdog|web-proxy|wireguard|wireless|zerotier)(?:,!?[\w\-]+)+:? (?P<message>.*)$"
        ),
        contains=(",",),
        sequence=("component",),
        examples=(
            Example(
                "may/01/2024 09:07:41 system,error,critical login failure for user admin",
                "2024-05-01T09:07:41+00:00",
                FATAL,
                "login failure for user admin",
            ),
            Example(
                "may/01 09:07:41 wireless,info 00:11:22:33:44:55@wlan1: connected",
                "0000-05-01T09:07:41+00:00",
                INFO,
                "00:11:22:33:44:55@wlan1: connected",
            ),
            Example(
                "2024-05-01 09:07:41 dhcp,warning dhcp1 offering lease without success",
                "2024-05-01T09:07:41+00:00",
                WARN,
                "dhcp1 offering lease without success",
            ),
        ),
    ),
    EventFormat(
        name="kubectl-events",
        title="kubectl get events: age, type, reason, object, message",
        pattern=(
            r"^(?:(?P<namespace>[a-z\d\-]+)\s+)?(?:\d[\dhmsdy]*(?: \(x\d+ over \S+\))?|<unknown>)\s+(?P<level>Normal|Warning)\s+(?P<component>[A-Z]\w+)\s+(?P<message>(?P<object>[\w.]+/\S+)\s+.*)$"
        ),
        contains=("Normal", "Warning"),
        levels=(("normal", INFO),),
        examples=(
            Example(
                "12m         Warning   BackOff     pod/web-1     Back-off restarting failed container",
                "",
                WARN,
                "pod/web-1     Back-off restarting failed container",
            ),
        ),
    ),
    EventFormat(
        name="xorg",
        title="X.Org server log: [seconds] (mark) message",
        mark=r"\] \((?:--|\*\*|==|\+\+|!!|II|WW|EE|NI|\?\?)\) |X\.Org",
        pattern=r"^\[\s*(?P<uptime>\d+\.\d{3})\] (?:\((?P<level>--|\*\*|==|\+\+|!!|II|WW|EE|NI|\?\?)\) )?(?P<message>.*)$",
        levels=(
            ("--", INFO),
            ("**", INFO),
            ("==", INFO),
            ("++", INFO),
            ("!!", WARN),
            ("ii", INFO),
            ("ww", WARN),
            ("ee", ERROR),
            ("ni", WARN),
            ("??", INFO),
        ),
        starts="[",
        examples=(
            Example(
                "[    45.123] (EE) open /dev/dri/card0: No such file or directory",
                "",
                ERROR,
                "open /dev/dri/card0: No such file or directory",
            ),
        ),
    ),
    EventFormat(
        name="sssd",
        title="SSSD: (time): [process] [function] (level): message",
        pattern=(
            r"^\((?P<time>[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} +\d{1,2}:\d\d:\d\d(?::\d+)? \d{4}|\d{4}-\d\d-\d\d +\d{1,2}:\d\d:\d\d(?:[.:]\d+)?)\):? "
            r"\[(?P<component>(?:[^\[\]]|\[[^\]]*\]+)*)\] \[(?P<function>[^\]]+)\] \((?P<level>\dx[0-9a-f]+)\): (?P<message>.*)$"
        ),
        levels=_SSSD_LEVELS,
        starts="(",
        sequence=("component",),
        examples=(
            Example(
                "(Tue Mar 31 06:03:46 2015) [sssd[be[default]]] [sysdb_search_by_name] (0x0400): No such entry",
                "2015-03-31T06:03:46+00:00",
                DEBUG,
                "No such entry",
            ),
            Example(
                "(2022-06-14  0:31:47): [nss] [sbus_reconnect_attempt] (0x0020): Unable to connect to D-Bus",
                "2022-06-14T00:31:47+00:00",
                FATAL,
                "Unable to connect to D-Bus",
            ),
        ),
    ),
    EventFormat(
        name="cups-error",
        title="CUPS error log: L [time] message",
        pattern=r"^(?P<level>[XAEWNIDd]) \[(?P<time>%CLF%)\] (?:\[(?P<session>Job \d+|Client \d+|CGI)\] )?(?P<message>.*)$",
        levels=(("x", FATAL), ("a", FATAL), ("d", DEBUG)),
        starts="a",
        sequence=("session",),
        examples=(
            Example(
                "E [01/May/2024:09:07:41 +0200] [Job 17] Unable to send data to printer.",
                "2024-05-01T07:07:41+00:00",
                ERROR,
                "Unable to send data to printer.",
            ),
        ),
    ),
    EventFormat(
        name="cups-page",
        title="CUPS page log: printer user job [time] ...",
        pattern=r"^(?P<component>[\w.\-]+) (?P<user>[\w.\-@]+) (?P<session>\d+) \[(?P<time>%CLF%)\] (?P<message>.*)$",
        sequence=("session",),
        contains=("[",),
        rank=1,
        examples=(
            Example(
                "laser1 bob 311 [01/May/2024:09:07:41 +0200] total 3 - localhost report.pdf - -",
                "2024-05-01T07:07:41+00:00",
                None,
                "total 3 - localhost report.pdf - -",
            ),
        ),
    ),
)

VIRTUAL_MACHINES: tuple[EventFormat, ...] = (
    EventFormat(
        name="esx-syslog",
        title="VMware ESXi syslog: time Level(pri) process[id]: message",
        pattern=(
            r"^(?P<time>\d{4}-\d\d-\d\d(?:T%CLOCK%(?:\.\d+)?Z)?) (?P<level>[A-Z][a-z])\((?P<facility>\d+)\)(?:\[\+\])? "
            r"(?P<component>[^\s\[:]+)(?:\[(?P<pid>\d+)\])?:? (?:(?P<level2>info|verbose|warning|error|debug|trivia|panic) )?(?:-?\[\d+\] )?(?:\[(?P<origin>Originator@[^\]]*)\] )?(?P<message>.*)$"
        ),
        levels=_ESX_LEVELS,
        starts="0",
        contains=("(",),
        stream=("component", "pid"),
        sequence=("component",),
        examples=(
            Example(
                "2022-06-02T05:34:56.746Z In(14) ConfigStore[1001430703]: Log for ConfigStore version=1.0",
                "2022-06-02T05:34:56.746000+00:00",
                INFO,
                "Log for ConfigStore version=1.0",
            ),
            Example(
                "2022-06-01T13:42:40.681Z In(05) host-16250 <analytics> Skip service health check.",
                "2022-06-01T13:42:40.681000+00:00",
                INFO,
                "<analytics> Skip service health check.",
            ),
        ),
    ),
    EventFormat(
        name="vmkernel",
        title="VMware ESXi kernel log: time cpuN:world)message",
        pattern=(
            r"^(?P<time>%ISO%) (?:(?P<level2>[A-Z][a-z])\(\d+\) (?:vmkernel|vmkwarning): )?(?:vmkernel: )?(?P<cpu>cpu\d+):(?P<thread>\d+)(?: opID=\S+)?\)"
            r"(?:(?P<level>WARNING|ALERT|ERROR): )?(?P<message>.*)$"
        ),
        levels=_ESX_LEVELS,
        starts="0",
        contains=(" cpu",),
        stream=("thread",),
        examples=(
            Example(
                "2022-06-02T05:34:56.746Z cpu3:2097845)WARNING: NFS: 1227: invalid volume UUID",
                "2022-06-02T05:34:56.746000+00:00",
                WARN,
                "NFS: 1227: invalid volume UUID",
            ),
        ),
    ),
    EventFormat(
        name="vmware",
        title="VMware (vpxd, hostd, vsan): time level process[id] [Originator] message",
        mark=r"Originator@|opID=|CorId=|sub=|vpx|vmware|hostd|vsan|imageService|vim\.|VMK",
        pattern=(
            r"^(?P<time>%ISO%) (?P<level>info|verbose|warning|error|trivia|panic|debug|INFO|VERBOSE|WARNING|ERROR|DEBUG|critical) (?P<component>[\w\-]+)(?:\[(?P<pid>[^\]]+)\]| (?P<pid2>\d+))"
            r"(?: \[(?P<origin>(?:Originator@[^\]\[]*(?:\[[^\]]*\][^\]\[]*)*|(?:[^\]]*opID=[^\]]*)|CorId=[^\]]*))\])?(?: \[(?P<class>[^\]]*)\])?:? (?P<message>.*)$"
        ),
        levels=_ESX_LEVELS,
        starts="0",
        contains=("[",),
        stream=("component", "pid"),
        sequence=("component",),
        examples=(
            Example(
                "2022-06-02T11:58:12.193Z info vpxd[45715] [Originator@6876 sub=vpxLro opID=7e1280cf] [VpxLRO] -- BEGIN lro-846063",
                "2022-06-02T11:58:12.193000+00:00",
                INFO,
                "-- BEGIN lro-846063",
            ),
            Example(
                "2022-06-01T13:42:32.739Z INFO sts-perf[23:localhost-startStop-1] [CorId=] [com.vmware.PerfDataSink] restarting PerfDataSink.",
                "2022-06-01T13:42:32.739000+00:00",
                INFO,
                "restarting PerfDataSink.",
            ),
        ),
    ),
    EventFormat(
        name="vmware-old",
        title="VMware before 6.0: [time thread level 'component'] message",
        pattern=(
            r"^\[?(?P<time>%ISO%) \[?(?P<thread>[0-9A-F]{4,16}) (?P<level>info|verbose|warning|error|trivia|panic|debug) '(?P<component>[^']*)'(?: opID=(?P<session>[^\]]*))?\] ?(?P<message>.*)$"
        ),
        levels=_ESX_LEVELS,
        starts="0[",
        contains=("'",),
        stream=("thread",),
        sequence=("session", "thread"),
        examples=(
            Example(
                "[2011-04-01 15:14:34.203 F5A5AB90 info 'vm:/vmfs/x.vmx' opID=F6FC49D5-e6-d] VMotionPrepare: dstMgmtIp=10.21.49.138",
                "2011-04-01T15:14:34.203000+00:00",
                INFO,
                "VMotionPrepare: dstMgmtIp=10.21.49.138",
            ),
        ),
    ),
    EventFormat(
        name="vmware-py",
        title="VMware Python services: time [pid]LEVEL:module:message",
        pattern=r"^(?P<time>%ISO%(?: [AP]M UTC)?) \[(?P<pid>\d+)\](?P<level>[A-Z]+):(?P<component>[\w.\-]+):(?P<message>.*)$",
        starts="0",
        contains=("]",),
        sequence=("component",),
        examples=(
            Example(
                "2023-07-19T02:47:11 AM UTC [1670]DEBUG:firewall-reload:Processing system service 'sshd'",
                "2023-07-19T02:47:11+00:00",
                DEBUG,
                "Processing system service 'sshd'",
            ),
        ),
    ),
    EventFormat(
        name="vmware-vc",
        title="VMware vCenter services in brackets: [time thread LEVEL class] message",
        mark=r"(?i)vmware|vpx|opId|vim\.|'[^']+' \d+ [A-Z]+\]",
        pattern=(
            r"^\[(?P<time>\d{4}-\d\d-\d\d[T ]%CLOCK%[.,:]\d+Z?)\s+(?:'(?P<component2>[^']*)' )?(?P<thread>\S+)\s+(?P<level>[A-Z]+)(?:\s+(?P<component>[\w.$]+))?(?:\s+(?:opId=)?[^\]]*)?\]\s*(?:\[(?P<place>\w+, \d+)\] )?(?P<message>.*)$"
        ),
        starts="[",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "[2013-01-16 02:26:25,500 pool-3-thread-1  INFO  com.vmware.ServiceImpl] License Accounting Service initialized",
                "2013-01-16T02:26:25.500000+00:00",
                INFO,
                "License Accounting Service initialized",
            ),
            Example(
                "[2020-05-26 19:46:43:259 'ConfigurationMgr' 139700477753600 INFO]  [configurationMgr, 155] Configuration manager created",
                "2020-05-26T19:46:43.259000+00:00",
                INFO,
                "Configuration manager created",
            ),
        ),
    ),
    EventFormat(
        name="vdsm",
        title="oVirt VDSM: thread::LEVEL::time::module::line::logger::(function) message",
        pattern=(
            r"^(?P<thread>[^:\s][^:]*)::(?P<level>[A-Z]+)::(?P<time>%ISO%)::(?P<module>[^:]*)::(?P<line>\d+)::(?P<component>[^:]*)::\((?P<function>[^)]*)\) ?(?P<message>.*)$"
        ),
        contains=("::",),
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "Thread-1950::INFO::2011-12-07 12:14:15,018::dispatcher::94::Storage.Protect::(run) Run and protect: getDeviceList",
                "2011-12-07T12:14:15.018000+00:00",
                INFO,
                "Run and protect: getDeviceList",
            ),
        ),
    ),
    EventFormat(
        name="vdsm-new",
        title="oVirt VDSM 4 and supervdsm: time LEVEL (thread) [component] message",
        pattern=r"^(?P<time>%ISO%) (?P<level>[A-Z]+)\s+\((?P<thread>[^)]*)\) \[(?P<component>[^\]]*)\]\s*(?P<message>.*)$",
        starts="0",
        contains=("(",),
        stream=("thread",),
        sequence=("thread",),
        rank=1,
        examples=(
            Example(
                "2017-03-06 14:49:05,167+0200 INFO  (vm/9e5dd42e) [virt.vm] (vmId='9e5dd42e-5177') (vm:2104)",
                "2017-03-06T12:49:05.167000+00:00",
                INFO,
                "(vmId='9e5dd42e-5177') (vm:2104)",
            ),
        ),
    ),
    EventFormat(
        name="ovirt-engine",
        title="oVirt engine: time LEVEL [class] (thread) [correlation] message",
        pattern=r"^(?P<time>%ISO%) (?P<level>[A-Z]+)\s+\[(?P<component>[^\]]+)\] \((?P<thread>[^)]*(?:\([^)]*\))?[^)]*)\)\s?(?:\[(?P<session>[^\]]*)\] )?(?P<message>.*)$",
        starts="0",
        contains=("] (",),
        stream=("thread",),
        sequence=("session", "thread"),
        rank=1,
        examples=(
            Example(
                "2017-03-06 14:49:05,167+02 WARN  [org.ovirt.engine.core.bll.VdsCommand] (default task-17) [6d3c] Host is down",
                "2017-03-06T12:49:05.167000+00:00",
                WARN,
                "Host is down",
            ),
        ),
    ),
    EventFormat(
        name="libvirt",
        title="libvirt and QEMU: time: pid: level : function:line : message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%\.\d+[+-]\d{4}): (?P<pid>\d+): (?P<level>debug|info|warning|error) : (?P<frame>\S+:\d+) : (?P<message>.*)$",
        starts="0",
        contains=(" : ",),
        stream=("pid",),
        examples=(
            Example(
                "2024-05-01 07:07:41.123+0000: 1234: error : virNetSocketReadWire:1806 : End of file while reading data",
                "2024-05-01T07:07:41.123000+00:00",
                ERROR,
                "End of file while reading data",
            ),
        ),
    ),
)
