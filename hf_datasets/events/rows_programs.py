r"""Layouts of logging libraries and of programs written with them, and the published log systems."""

from __future__ import annotations

from .event import DEBUG, ERROR, FATAL, INFO, TRACE, WARN
from .row import EventFormat, Example

_NAG = (("log", INFO), ("verbose", TRACE))
_NET_LEVELS = (("trce", TRACE), ("dbug", DEBUG), ("info", INFO), ("warn", WARN), ("fail", ERROR), ("crit", FATAL))
_SERILOG = r"VRB|DBG|INF|WRN|ERR|FTL"
_SERILOG_LEVELS = (("vrb", TRACE), ("dbg", DEBUG), ("inf", INFO), ("wrn", WARN), ("err", ERROR), ("ftl", FATAL))
_ZAP = r"debug|info|warn|error|dpanic|panic|fatal|DEBUG|INFO|WARN|ERROR|DPANIC|PANIC|FATAL"
_LOGRUS = r"TRAC|DEBU|INFO|WARN|ERRO|FATA|PANI"
_LOGRUS_LEVELS = (("trac", TRACE), ("debu", DEBUG), ("erro", ERROR), ("fata", FATAL), ("pani", FATAL))

SYSTEMS: tuple[EventFormat, ...] = (
    EventFormat(
        name="hdfs",
        title="HDFS v1 (Loghub): date time pid LEVEL class: message",
        pattern=r"^(?P<time>\d{6} \d{6}) (?P<pid>\d+) (?P<level>[A-Z]+) (?P<component>\S+): (?P<message>.*)$",
        starts="0",
        session=r"blk_-?\d+",
        sequence=("session",),
        examples=(
            Example(
                "081111 101735 26595 INFO dfs.DataNode$PacketResponder: Received block blk_-5815145248455404269 of size 67108864",
                "2008-11-11T10:17:35+00:00",
                INFO,
                "Received block blk_-5815145248455404269 of size 67108864",
            ),
        ),
    ),
    EventFormat(
        name="bgl",
        title="Blue Gene/L (Loghub): label epoch date node time node type component LEVEL message",
        pattern=r"^(?P<label>-|[A-Z]\w*) (?P<time>\d{9,10}) (?P<date>\d{4}\.\d\d\.\d\d) (?P<node>\S+) (?P<exact>\d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+) (?P<node2>\S+) (?P<type>\S+) (?P<component>\S+) (?P<level>\S+)\s+(?P<message>.*)$",
        contains=("RAS", "-"),
        levels=(("failure", FATAL), ("severe", ERROR)),
        sequence=("node",),
        stream=("node",),
        examples=(
            Example(
                "- 1117838570 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.50.675872 R02-M1-N0-C:J12-U11 RAS KERNEL FATAL data storage interrupt",
                "2005-06-03T22:42:50+00:00",
                FATAL,
                "data storage interrupt",
            ),
        ),
    ),
    EventFormat(
        name="thunderbird",
        title="Thunderbird, Liberty, Spirit (CFDR): label epoch date node Mon dd time node/node tag: message",
        pattern=r"^(?P<label>-|[A-Z][\w\-]*) (?P<time>\d{9,10}) (?P<date>\d{4}\.\d\d\.\d\d) (?P<node>\S+) %MON% {1,2}\d{1,2} %CLOCK% (?P<host>\S+) (?:(?P<component>[^\s:\[]+(?:\([^)]*\))?)(?:\[(?P<pid>[^\]]*)\])?: ?)?(?P<message>.*)$",
        sequence=("node",),
        stream=("node", "component", "pid"),
        examples=(
            Example(
                "- 1131566461 2005.11.09 dn228 Nov 9 12:01:01 dn228/dn228 crond(pam_unix)[2915]: session closed for user root",
                "2005-11-09T20:01:01+00:00",
                None,
                "session closed for user root",
            ),
        ),
    ),
    EventFormat(
        name="hpc",
        title="High-performance cluster (Loghub): id node component state epoch flag message",
        pattern=r"^(?P<id>\d+) (?P<node>\S+) (?P<component>\S+) (?P<state>\S+) (?P<time>\d{9,10}) (?P<flag>\d+) (?P<message>.*)$",
        starts="0",
        sequence=("node", "component"),
        examples=(
            Example(
                "134681 node-246 unix.hw state_change.unavailable 1077804742 1 Component State Change: Component is in the unavailable state",
                "2004-02-26T14:12:22+00:00",
                None,
                "Component State Change: Component is in the unavailable state",
            ),
        ),
    ),
    EventFormat(
        name="openstack",
        title="OpenStack: time pid LEVEL component [request] message",
        mark=r" \[(?:req-|instance|-|None)|\b(?:nova|neutron|keystone|glance|cinder|heat|swift|oslo|ironic|octavia|placement|barbican|magnum|designate|manila|sqlalchemy|eventlet|ceilometer|aodh|gnocchi)",
        pattern=(
            r"^(?:[\w\-]+\.log\S* )?(?P<time>%ISO%) (?P<pid>\d+) (?P<level>TRACE|DEBUG|INFO|AUDIT|WARNING|ERROR|CRITICAL) (?P<component>\S+) (?:\[(?P<session>[^\]]*)\] )?(?:\[instance: (?P<instance>[0-9a-f\-]+)\] )?(?P<message>.*)$"
        ),
        levels=(("audit", INFO),),
        stream=("pid", "component"),
        sequence=("session",),
        examples=(
            Example(
                "2014-10-28 10:42:22.772 23623 INFO neutron.wsgi [req-40743023-00ed None] 10.1.255.252 - - GET /v2.0",
                "2014-10-28T10:42:22.772000+00:00",
                INFO,
                "10.1.255.252 - - GET /v2.0",
            ),
        ),
    ),
    EventFormat(
        name="openstack-sqlalchemy",
        title="OpenStack, other loggers: (logger): time LEVEL message",
        pattern=r"^\((?P<component>[\w.]+)\): (?P<time>%ISO%) (?P<level>[A-Z]+) (?P<message>.*)$",
        starts="(",
        sequence=("component",),
        examples=(
            Example(
                "(sqlalchemy.pool.QueuePool): 2021-04-28 16:37:00,355 DEBUG Connection <pymysql object> being returned to pool",
                "2021-04-28T16:37:00.355000+00:00",
                DEBUG,
                "Connection <pymysql object> being returned to pool",
            ),
        ),
    ),
)

JAVA: tuple[EventFormat, ...] = (
    EventFormat(
        name="spring-boot",
        title="Spring Boot: time LEVEL pid --- [application] [thread] class : message",
        pattern=(
            r"^(?P<time>%ISO%)\s+(?P<level>[A-Z]+) (?:\[(?P<trace>[^\]]*)\] )?(?P<pid>\d+) --- (?:\[(?P<service>[^\]]*)\] (?=\[))?\[\s*(?P<thread>[^\]]*?)\s*\] (?:\[(?P<session>[^\]]*)\] )?(?P<component>\S+)\s*: ?(?P<message>.*)$"
        ),
        starts="0",
        contains=(" --- ",),
        stream=("thread",),
        sequence=("session", "thread"),
        examples=(
            Example(
                "2024-05-01T09:07:41.464Z ERROR 1 --- [nio-8080-exec-9] c.e.shop.OrderController                 : posting failed",
                "2024-05-01T09:07:41.464000+00:00",
                ERROR,
                "posting failed",
            ),
            Example(
                "2025-01-14T16:10:44.175-07:00  INFO 93649 --- [Course Creation] [         task-1] [6618a4de8f36bf71] e.c.o.ConsumerService              : Received",
                "2025-01-14T23:10:44.175000+00:00",
                INFO,
                "Received",
            ),
        ),
    ),
    EventFormat(
        name="spark-log4j",
        title="Spark log4j: yy/mm/dd hh:mm:ss LEVEL class: message",
        pattern=r"^(?P<time>\d\d/\d\d/\d\d %CLOCK%) (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL) (?P<component>[\w.$]+): (?P<message>.*)$",
        starts="0",
        order="ymd",
        sequence=("component",),
        examples=(
            Example(
                "24/05/01 08:00:00 INFO executor.Executor: order 39482 accepted",
                "2024-05-01T08:00:00+00:00",
                INFO,
                "order 39482 accepted",
            ),
        ),
    ),
    EventFormat(
        name="zookeeper-log4j",
        title="ZooKeeper log4j: time [myid:n] - LEVEL [thread:class@line] - message",
        pattern=r"^(?P<time>%ISO%) (?:\[myid:(?P<node>\d*)\] )?- (?P<level>[A-Z]+)\s+\[(?P<thread>.*?):(?P<component>[\w$]+)@(?P<line>-?\d+)\] - (?P<message>.*)$",
        starts="0",
        contains=("@",),
        stream=("thread",),
        sequence=("component",),
        examples=(
            Example(
                "2015-07-29 19:04:12,394 - WARN  [/10.10.34.11:3888:QuorumCnxManager$Listener@493] - Received connection request",
                "2015-07-29T19:04:12.394000+00:00",
                WARN,
                "Received connection request",
            ),
        ),
    ),
    EventFormat(
        name="wrapper-java",
        title="Java Service Wrapper: LEVEL | jvm n | time | message",
        pattern=r"^(?P<level>[A-Z]+)\s*\| (?P<process>jvm \d+|wrapper)\s*\| (?P<time>\d{4}/\d\d/\d\d %CLOCK%) \| (?P<message>(?:%ISO% \[[^\]]*\] (?:[A-Z]+)\s+\S+ - )?.*)$",
        starts="a",
        contains=("|",),
        levels=(("status", INFO),),
        examples=(
            Example(
                'INFO   | jvm 1    | 2015/05/24 07:35:50 | JVMDUMP013I Processed dump event "user", detail "".',
                "2015-05-24T07:35:50+00:00",
                INFO,
                'JVMDUMP013I Processed dump event "user", detail "".',
            ),
        ),
    ),
    EventFormat(
        name="java-level-pid",
        title="[time] LEVELpid[thread] - class - message",
        pattern=r"^\[(?P<time>%ISO%)\] (?P<level>[A-Z]+)(?P<pid>\d+)\[(?P<thread>[^\]]+)\] - (?P<component>\S+) - (?P<message>.*)$",
        starts="[",
        sequence=("thread",),
        examples=(
            Example(
                "[2022-06-01T13:37:36,371] WARN574240[Thread-35] - com.vmware.Observer.execute(Observer.java:384) - No metric configured",
                "2022-06-01T13:37:36.371000+00:00",
                WARN,
                "No metric configured",
            ),
        ),
    ),
    EventFormat(
        name="zellij",
        title="Zellij: LEVEL |module | time [thread] [file:line]: message",
        pattern=r"^(?P<level>[A-Z]+)\s*\|(?P<component>\S+)\s*\| (?P<time>%ISO%) \[(?P<thread>[^\]]*)\] \[(?P<frame>[^\]]*)\]: (?P<message>.*)$",
        starts="a",
        contains=("|",),
        sequence=("component",),
        examples=(
            Example(
                "ERROR  |???                      | 2025-05-16 19:32:04.614 [pty_writer] [/x/zellij-server/src/os_input_output.rs:567]: a non-fatal error occured",
                "2025-05-16T19:32:04.614000+00:00",
                ERROR,
                "a non-fatal error occured",
            ),
        ),
    ),
    EventFormat(
        name="java-piped",
        title="Java with pipes: time | LEVEL | thread | class | message",
        pattern=r"^(?P<time>%ISO%)\s*\|\s*(?P<level>%LEVEL%)\s*\|\s*(?:(?P<session>opId-[\w\-]+)\s*\|\s*)?(?P<thread>[^|]*?)\s*\|\s*(?P<component>[^|]*?)\s*\|\s*(?:(?P<line>\d+)\s*\|\s*)?(?P<message>.*)$",
        starts="0",
        contains=("|",),
        stream=("thread",),
        sequence=("session", "thread"),
        examples=(
            Example(
                "2022-06-02T12:23:11.514Z |  INFO | vim-async-1 | VcEventManager.java | 806 | [EventIndex: 2154] Event posted.",
                "2022-06-02T12:23:11.514000+00:00",
                INFO,
                "[EventIndex: 2154] Event posted.",
            ),
        ),
    ),
    EventFormat(
        name="loguru",
        title="Python loguru: time | LEVEL | module:function:line - message",
        pattern=r"^(?P<time>%ISO%)\s\| (?P<level>[A-Z]+)\s*\| (?P<component>[\w.<>]+):(?P<function>[\w.<>]+):(?P<line>\d+) - (?P<message>.*)$",
        starts="0",
        contains=("|",),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01 09:07:41.123 | ERROR    | __main__:divide:12 - An error has been caught",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "An error has been caught",
            ),
        ),
    ),
    EventFormat(
        name="idea",
        title="IntelliJ IDEA: time [ms] LEVEL - class - message",
        pattern=r"^(?P<time>%ISO%) \[\s*(?P<uptime>\d+)\]\s+(?P<level>[A-Z]+) - (?P<component>#?[\w.$]+) - (?P<message>.*)$",
        starts="0",
        sequence=("component",),
        examples=(
            Example(
                "2025-11-27 12:26:46,134 [352231305]   INFO - #o.j.p.g.GradleManager - Instructing gradle to use java",
                "2025-11-27T12:26:46.134000+00:00",
                INFO,
                "Instructing gradle to use java",
            ),
        ),
    ),
    EventFormat(
        name="jvm-unified",
        title="Java virtual machine, unified logging: [time][level][tags] message",
        pattern=(
            r"^\[(?:(?P<time>%ISO%)|(?P<uptime>[\d.,]+m?s))\](?:\[[\d.,]+m?s\])?\[(?P<level>trace|debug|info|warning|error)\s*\]\[(?P<component>[^\]]*)\] (?P<message>.*)$"
        ),
        starts="[",
        contains=("][",),
        sequence=("component",),
        examples=(
            Example("[1.234s][warning][gc,heap] GC(0) Eden regions: 1->0(2)", "", WARN, "GC(0) Eden regions: 1->0(2)"),
            Example(
                "[2024-05-01T09:07:41.123+0000][info][safepoint   ] Application time: 0.0012 seconds",
                "2024-05-01T09:07:41.123000+00:00",
                INFO,
                "Application time: 0.0012 seconds",
            ),
        ),
    ),
    EventFormat(
        name="websphere",
        title="WebSphere: [time zone] thread component level message",
        pattern=r"^\[(?P<time>\d{1,2}[/.]\d{1,2}[/.]\d{2,4},? \d{1,2}:\d\d:\d\d[:.]\d{3} [A-Z]{3,4})\] (?P<thread>[0-9a-f]{8}) (?P<component>\S+)\s+(?P<level>[FEWAICDOR>\d<])\s+(?P<message>.*)$",
        levels=(
            ("a", INFO),
            ("c", INFO),
            ("o", INFO),
            ("r", ERROR),
            ("d", DEBUG),
            (">", TRACE),
            ("<", TRACE),
            ("*", TRACE),
        ),
        starts="[",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "[5/1/24 9:07:41:123 CEST] 0000004a ServletWrappe E   SRVE0068E: Uncaught exception",
                "2024-05-01T07:07:41.123000+00:00",
                ERROR,
                "SRVE0068E: Uncaught exception",
            ),
        ),
    ),
    EventFormat(
        name="otel-javaagent",
        title="OpenTelemetry Java agent: [otel.javaagent time] [thread] LEVEL class - message",
        pattern=r"^\[otel\.javaagent (?P<time>%ISO%)\] \[(?P<thread>[^\]]*)\] (?P<level>[A-Z]+) (?P<component>\S+) - (?P<message>.*)$",
        starts="[",
        sequence=("thread",),
        examples=(
            Example(
                "[otel.javaagent 2025-04-24 19:51:57:317 +0000] [jmx_bean_finder] INFO io.otel.MetricRegistrar - Created UpDownCounter",
                "2025-04-24T19:51:57.317000+00:00",
                INFO,
                "Created UpDownCounter",
            ),
        ),
    ),
    EventFormat(
        name="hadoop-log4j",
        title="Hadoop and HBase log4j: time LEVEL [thread] class: message",
        pattern=r"^(?P<time>%ISO%) (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+\[(?P<thread>[^\]]*(?:\][^\]\s]*)*?)\] (?P<component>[\w.$]+): (?P<message>.*)$",
        starts="0",
        stream=("thread",),
        sequence=("thread",),
        rank=1,
        examples=(
            Example(
                "2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created MRAppMaster",
                "2015-10-18T18:01:47.978000+00:00",
                INFO,
                "Created MRAppMaster",
            ),
        ),
    ),
    EventFormat(
        name="wildfly",
        title="JBoss and WildFly: time LEVEL [class] (thread) message",
        pattern=r"^(?P<time>(?:\d{4}-\d\d-\d\d )?%CLOCK%,\d{3}) (?P<level>[A-Z]+)\s+\[(?P<component>[^\]]+)\] \((?P<thread>[^)]*)\) (?P<message>.*)$",
        starts="0",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "2024-05-01 09:07:41,123 ERROR [org.jboss.msc.service.fail] (MSC service thread 1-2) MSC000001: Failed to start service",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "MSC000001: Failed to start service",
            ),
        ),
    ),
    EventFormat(
        name="java-class-line",
        title="log4j: time LEVEL class (File.java:method(line)) - message",
        pattern=r"^(?P<time>%ISO%) (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+(?P<component>[\w.$]+) \((?P<frame>\w+\.java:[^ ]*)\) - (?P<message>.*)$",
        starts="0",
        contains=(".java:",),
        sequence=("component",),
        examples=(
            Example(
                "2024-04-23 09:17:33,457 INFO  namenode.NameNode (LogAdapter.java:info(51)) - registered UNIX signal handlers",
                "2024-04-23T09:17:33.457000+00:00",
                INFO,
                "registered UNIX signal handlers",
            ),
        ),
    ),
    EventFormat(
        name="log4j",
        title="log4j and logback: time [thread] LEVEL class - message",
        pattern=(
            r"^\[?(?P<time>%ISO%|\d\d:\d\d:\d\d[.,]\d{3})\]?\s+\[(?P<thread>[^\[\]]*(?:\[[^\]]*\]?)?[^\[\]]*)\]\s+(?P<level>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE)\s+(?:(?:opId=)?\S* )?\[?(?P<component>[\w.$#/]+)\s*\]?\s*(?:\[[^\]]*\]\s*)?[-:]\s+(?P<message>.*)$"
        ),
        stream=("thread",),
        sequence=("thread",),
        rank=1,
        examples=(
            Example(
                "2015-05-22 16:10:00,123 [Worker-5] INFO  com.redhat.ErrataCacheTask  - In the queue: 24",
                "2015-05-22T16:10:00.123000+00:00",
                INFO,
                "In the queue: 24",
            ),
            Example(
                "09:07:41.123 [main] ERROR com.example.App - stopped",
                "0000-00-00T09:07:41.123000+00:00",
                ERROR,
                "stopped",
            ),
        ),
    ),
    EventFormat(
        name="log4j-level-first",
        title="log4j: time LEVEL [thread] [class] - message",
        pattern=(
            r"^\[?(?P<time>%ISO%)\]?\s+(?P<level>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|SEVERE)\s+\[(?P<thread>[^\]]*?)\s*\]\s+(?:\[(?P<component>[^\]]+?)\s*\]|(?P<component2>[\w.$]+))\s*[-:]\s+(?P<message>.*)$"
        ),
        stream=("thread",),
        sequence=("thread",),
        rank=1,
        examples=(
            Example(
                "2025-01-24T07:00:30,139 INFO  [background-preinit       ] [Version                  ] - HV000001: Hibernate",
                "2025-01-24T07:00:30.139000+00:00",
                INFO,
                "HV000001: Hibernate",
            ),
            Example(
                "2025-01-24T07:00:30,227 INFO [main                     ] FarmApplication          : Starting",
                "2025-01-24T07:00:30.227000+00:00",
                INFO,
                "Starting",
            ),
        ),
    ),
    EventFormat(
        name="logback-braces",
        title="logback: time LEVEL class [thread] {context} - message",
        pattern=r"^(?P<time>%ISO%)\s+(?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\s+(?P<component>[\w.$]+)\s*(?:\[(?P<thread>[^\]]*)\])?\s*(?:\{[^}]*\})?\s+[-:]\s+(?P<message>.*)$",
        starts="0",
        sequence=("thread", "component"),
        rank=1,
        examples=(
            Example(
                "2024-05-01 09:07:41,123 WARN  com.example.Pool [main] - no connection",
                "2024-05-01T09:07:41.123000+00:00",
                WARN,
                "no connection",
            ),
        ),
    ),
    EventFormat(
        name="nextflow",
        title="Nextflow: Mon-dd hh:mm:ss.ms [thread] LEVEL class - message",
        pattern=r"^(?P<time>[A-Z][a-z]{2}-\d{1,2} %CLOCK%\.\d+) \[(?P<thread>[^\]]+)\] (?P<level>[A-Z]+)\s+(?P<component>\S+) - (?P<message>.*)$",
        starts="a",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "May-01 09:07:41.123 [Task monitor] ERROR nextflow.processor.TaskProcessor - Error executing process > 'align'",
                "0000-05-01T09:07:41.123000+00:00",
                ERROR,
                "Error executing process > 'align'",
            ),
        ),
    ),
    EventFormat(
        name="snaplogic",
        title="SnapLogic: time LEVEL component ...",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT%CLOCK%) (?P<level>[A-Z]+) (?P<component>\S+) (?P<logger>\S+) (?P<snap>\S*) ?(?P<session>-|\d+) (?P<rest>\S+) (?P<rest2>\S+)(?: -)? ?(?P<message>.*)$",
        starts="0",
        rank=1,
        sequence=("session",),
        examples=(
            Example(
                "2013-07-30T09:40:25 DEBUG main_process.main PM - 1768839331504132353247612213662950165988626018 - - Pipeline manager '' sending to Leads.",
                "2013-07-30T09:40:25+00:00",
                DEBUG,
                "Pipeline manager '' sending to Leads.",
            ),
        ),
    ),
    EventFormat(
        name="jenkins",
        title="Jenkins system log: time [id=n] LEVEL class#method: message",
        pattern=r"^(?P<time>%ISO%)\s+\[id=(?P<thread>\d+)\]\s+(?P<level>[A-Z]+)\s+(?P<component>[\w.$#<>]+): (?P<message>.*)$",
        starts="0",
        contains=("[id=",),
        stream=("thread",),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01 09:07:41.123+0000 [id=31]\tSEVERE\th.i.i.InstallUncaughtExceptionHandler#handleException: Caught unhandled exception",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "Caught unhandled exception",
            ),
        ),
    ),
    EventFormat(
        name="gradle-info",
        title="Gradle with --info or --debug: time [LEVEL] [class] message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT%CLOCK%\.\d{3}[+-]\d{4}) \[(?P<level>DEBUG|INFO|LIFECYCLE|WARN|QUIET|ERROR)\] \[(?P<component>[^\]]+)\] (?P<message>.*)$",
        levels=(("lifecycle", INFO), ("quiet", INFO)),
        starts="0",
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01T09:07:41.123+0200 [LIFECYCLE] [org.gradle.BuildLogger] BUILD FAILED",
                "2024-05-01T07:07:41.123000+00:00",
                INFO,
                "BUILD FAILED",
            ),
        ),
    ),
    EventFormat(
        name="minecraft",
        title="[hh:mm:ss] [thread/LEVEL]: message",
        pattern=r"^\[(?P<time>%CLOCK%|\d\d\w{3}\d{4} %CLOCK%\.\d+)\] \[(?P<thread>[^\]/]+(?:/[^\]/]+)*?)/(?P<level>[A-Z]+)\](?: \[(?P<component>[^\]]*)\])?: (?P<message>.*)$",
        starts="[",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "[09:07:41] [Server thread/WARN]: Can't keep up! Is the server overloaded?",
                "0000-00-00T09:07:41+00:00",
                WARN,
                "Can't keep up! Is the server overloaded?",
            ),
        ),
    ),
)

LIBRARIES: tuple[EventFormat, ...] = (
    EventFormat(
        name="python-logging",
        title="Python logging: time - name - LEVEL - message",
        pattern=r"^(?P<time>%ISO%) ?[-|] ?(?P<component>[\w.\-/<>]+) ?[-|] ?(?P<level>%LEVEL%) ?[-|] ?(?P<message>.*)$",
        starts="0",
        sequence=("component",),
        rank=1,
        examples=(
            Example(
                "2024-05-01 09:07:41,731 - shop.worker - ERROR - posting stopped",
                "2024-05-01T09:07:41.731000+00:00",
                ERROR,
                "posting stopped",
            ),
        ),
    ),
    EventFormat(
        name="python-logging-name",
        title="Python logging: time LEVEL name: message",
        pattern=(
            r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%,\d{3}) (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) +"
            r"(?P<component>[A-Za-z_][\w.]*): (?P<message>.*)$"
        ),
        starts="0",
        sequence=("component",),
        rank=1,
        examples=(
            Example(
                "2024-05-01 09:07:41,123 WARNING orders.db: waiting 27 ms for a connection",
                "2024-05-01T09:07:41.123000+00:00",
                WARN,
                "waiting 27 ms for a connection",
            ),
        ),
    ),
    EventFormat(
        name="python-logging-short",
        title="Python logging without configuration: LEVEL:name:message",
        pattern=r"^(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<component>[\w.\-]+):(?P<message>.*)$",
        starts="a",
        sequence=("component",),
        examples=(
            Example(
                "WARNING:urllib3.connectionpool:Retrying after connection broken",
                "",
                WARN,
                "Retrying after connection broken",
            ),
        ),
    ),
    EventFormat(
        name="celery",
        title="Celery: [time: LEVEL/process] message",
        pattern=r"^\[(?P<time>%ISO%): (?P<level>[A-Z]+)/(?P<process>[\w\-]+)\] (?P<message>.*)$",
        starts="[",
        stream=("process",),
        sequence=("process",),
        examples=(
            Example(
                "[2024-05-01 09:07:41,123: ERROR/ForkPoolWorker-2] Task shop.pay[0f3b1a2c] raised unexpected: ValueError('x')",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "Task shop.pay[0f3b1a2c] raised unexpected: ValueError('x')",
            ),
        ),
    ),
    EventFormat(
        name="airflow",
        title="Airflow: [time] {file:line} LEVEL - message",
        pattern=r"^\[(?P<time>%ISO%)\] \{(?P<frame>[^}]+)\} (?P<level>[A-Z]+) - (?P<message>.*)$",
        starts="[",
        contains=("] {",),
        examples=(
            Example(
                "[2024-05-01T09:07:41.123+0000] {taskinstance.py:1937} ERROR - Task failed with exception",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "Task failed with exception",
            ),
        ),
    ),
    EventFormat(
        name="structlog-console",
        title="structlog console: time [level    ] event key=value",
        pattern=r"^(?P<time>%ISO%) \[(?P<level>debug|info|warning|warn|error|critical|exception)\s*\] (?P<message>.*)$",
        starts="0",
        rank=1,
        examples=(
            Example(
                "2024-05-01T09:07:41.123456Z [warning  ] cache miss                     key=orders ttl=30",
                "2024-05-01T09:07:41.123456+00:00",
                WARN,
                "cache miss                     key=orders ttl=30",
            ),
        ),
    ),
    EventFormat(
        name="scrapy",
        title="Scrapy and others: time [name] LEVEL: message",
        pattern=r"^(?P<time>%ISO%) \[(?P<component>[\w.\-]+)\] (?P<level>%LEVEL%): (?P<message>.*)$",
        starts="0",
        sequence=("component",),
        rank=1,
        examples=(
            Example(
                "2024-05-01 09:07:41 [scrapy.core.engine] ERROR: Scraper close failure",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "Scraper close failure",
            ),
        ),
    ),
    EventFormat(
        name="zap-console",
        title="zap console: time TAB level TAB caller TAB message TAB fields",
        pattern=rf"^(?P<time>%ISO%|\d{{10}}\.\d+|\d\.\d+e[+]\d+)\t(?P<level>{_ZAP})\t(?:(?P<component>[^\t{{}}]{{1,100}})\t)?(?:(?P<frame>[^\t{{}}]{{1,100}})\t)?(?:(?P<more>[^\t{{}}]{{1,100}})\t)?(?P<message>(?!\{{)[^\t]+)(?:\t(?P<fields>\{{.*))?$",
        starts="0",
        contains=("\t",),
        examples=(
            Example(
                '2025-04-24T19:51:47.625Z\tinfo\tflag-sync/sync_service.go:87\tstarting flag sync service on port 8015\t{"component": "FlagSyncService"}',
                "2025-04-24T19:51:47.625000+00:00",
                INFO,
                "starting flag sync service on port 8015",
            ),
        ),
    ),
    EventFormat(
        name="env-logger",
        title="Rust env_logger: [time LEVEL module] message",
        pattern=r"^\[(?P<time>%ISO%) (?P<level>TRACE|DEBUG|INFO|WARN|ERROR)\s+(?P<component>[\w:.\-/]+)\] (?P<message>.*)$",
        starts="[",
        sequence=("component",),
        examples=(
            Example(
                "[2024-05-01T09:07:41Z ERROR shop::orders] posting stopped",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "posting stopped",
            ),
        ),
    ),
    EventFormat(
        name="tracing",
        title="Rust tracing: time LEVEL span: module: message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT%CLOCK%\.\d{6,9}Z)\s+(?P<level>TRACE|DEBUG|INFO|WARN|ERROR)(?: ThreadId\((?P<thread>\d+)\))? (?:(?P<span>[\w.:\-]+\{[^}]*\}(?::[\w.:\-]+\{[^}]*\})*): )?(?P<component>[\w:\-]+): (?P<message>.*)$",
        starts="0",
        sequence=("span", "component"),
        examples=(
            Example(
                "2024-05-01T09:07:41.123456Z ERROR request{id=7}: shop::orders: posting stopped code=3",
                "2024-05-01T09:07:41.123456+00:00",
                ERROR,
                "posting stopped code=3",
            ),
        ),
    ),
    EventFormat(
        name="tracing-uptime",
        title="Rust tracing since start (linkerd): [seconds] LEVEL thread module: message",
        pattern=r"^\[\s*(?P<uptime>\d+\.\d+)s\]\s+(?P<level>TRACE|DEBUG|INFO|WARN|ERROR)\s+(?:ThreadId\((?P<thread>\d+)\) )?(?P<component>[^\s:]\S*?): (?P<message>.*)$",
        starts="[",
        sequence=("component",),
        examples=(Example("[     0.001234s]  WARN ThreadId(01) linkerd2_proxy: slow start", "", WARN, "slow start"),),
    ),
    EventFormat(
        name="simple-logger",
        title="Rust simple_logger: time LEVEL [module] message",
        pattern=r"^(?P<time>%ISO%) (?P<level>TRACE|DEBUG|INFO|WARN|ERROR)\s+\[(?P<component>[\w:.\-]+)\] (?P<message>.*)$",
        starts="0",
        sequence=("component",),
        rank=1,
        examples=(
            Example(
                "2022-01-19T17:27:07.013874956Z WARN [logging_example] This is an example message.",
                "2022-01-19T17:27:07.013875+00:00",
                WARN,
                "This is an example message.",
            ),
        ),
    ),
    EventFormat(
        name="go-slog",
        title="Go slog default handler: yyyy/mm/dd hh:mm:ss LEVEL message key=value",
        pattern=r"^(?P<time>\d{4}/\d\d/\d\d %CLOCK%(?:\.\d+)?) (?P<level>DEBUG|INFO|WARN|ERROR)(?:[+-]\d+)? (?P<message>.*)$",
        starts="0",
        rank=1,
        examples=(
            Example(
                "2024/05/01 09:07:41 ERROR posting stopped err=EOF",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "posting stopped err=EOF",
            ),
        ),
    ),
    EventFormat(
        name="go-log",
        title="Go log: yyyy/mm/dd hh:mm:ss file:line: message",
        pattern=r"^(?P<time>\d{4}/\d\d/\d\d %CLOCK%(?:\.\d+)?) (?:(?P<frame>[\w./\-]+\.go:\d+): )?(?:\[(?P<level>%LEVEL%)\] |(?P<level2>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|PANIC|ERR)[: ]\s*)?(?P<message>.*)$",
        starts="0",
        rank=2,
        examples=(
            Example(
                "2019/01/15 07:48:05 http: panic serving [::1]:54143: test panic",
                "2019-01-15T07:48:05+00:00",
                None,
                "http: panic serving [::1]:54143: test panic",
            ),
            Example(
                "2024/05/01 09:07:41 main.go:12: [ERR] agent: failed to sync",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "agent: failed to sync",
            ),
        ),
    ),
    EventFormat(
        name="aws-lambda",
        title="AWS Lambda: START, END and REPORT with RequestId, and lines of the function",
        pattern=(
            r"^(?:(?P<time>%ISO%)\s(?:\S*\[\S+\][\da-f]+\s)?)?"
            r"(?:(?P<message>(?:START|END|REPORT) RequestId: (?P<request>%UUID%)\b(?:.*?\bStatus: (?P<level>timeout|error))?.*)"
            r"|(?:%ISO%\s)?(?P<request2>%UUID%)\s(?:(?P<level2>%LEVEL%)\s(?P<message2>.*)|(?P<message3>(?P<level3>Task timed out|Error:)?.*))"
            r"|\[(?P<level4>%LEVEL%)\]\s(?P<time2>%ISO%)\s(?P<request3>%UUID%)\s(?P<message4>.*)"
            r"|(?P<message5>RequestId: (?P<request4>%UUID%)(?: (?P<level5>Error|Process exited))?.*)"
            r"|(?P<message6>INIT_START Runtime.*|INIT_REPORT .*|EXTENSION\s+Name: .*|LOGS\s+Name: .*|XRAY TraceId: .*))$"
        ).replace("%UUID%", r"[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}"),
        contains=("RequestId: ", "-", "INIT_START"),
        levels=(("timeout", ERROR), ("task timed out", ERROR), ("process exited", ERROR)),
        sequence=("request",),
        mark=r"(?:START|END|REPORT) RequestId: |INIT_START|\t[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\t|Task timed out",
        examples=(
            Example(
                "START RequestId: 0f3b1a2c-1111-2222-3333-444455556666 Version: $LATEST",
                "",
                None,
                "START RequestId: 0f3b1a2c-1111-2222-3333-444455556666 Version: $LATEST",
            ),
            Example(
                "2024-05-01T09:07:41.123Z REPORT RequestId: 0f3b1a2c-1111-2222-3333-444455556666\tDuration: 3.21 ms\tBilled Duration: 4 ms\tMax Memory Used: 70 MB",
                "2024-05-01T09:07:41.123000+00:00",
                None,
                "REPORT RequestId: 0f3b1a2c-1111-2222-3333-444455556666\tDuration: 3.21 ms\tBilled Duration: 4 ms\tMax Memory Used: 70 MB",
            ),
            Example(
                "2024-05-01T09:07:41.123Z\t0f3b1a2c-1111-2222-3333-444455556666\tERROR\tInvoke Error",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "Invoke Error",
            ),
            Example(
                "2024-05-01T09:07:41.123Z 0f3b1a2c-1111-2222-3333-444455556666 Task timed out after 3.00 seconds",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "Task timed out after 3.00 seconds",
            ),
            Example(
                "[WARNING]\t2024-05-01T09:07:41.123Z\t0f3b1a2c-1111-2222-3333-444455556666\tretry",
                "2024-05-01T09:07:41.123000+00:00",
                WARN,
                "retry",
            ),
        ),
    ),
    EventFormat(
        name="hashicorp",
        title="HashiCorp (Consul, Vault, Nomad, Terraform): time [LEVEL] component: message",
        mark=r"\[(?:INFO|WARN)\]  \S|\] +(?:agent|core|consul|nomad|vault|client|server|raft|serf|memberlist|provider|terraform|plugin|secrets|expiration|storage|rollback|replication|identity|seal|statemgr)[.\w\-/]*: ",
        pattern=r"^(?P<time>%ISO%) \[(?P<level>TRACE|DEBUG|INFO|WARN|ERROR|ERR)\]\s+(?P<component>[\w.\-/]+): (?P<message>.*)$",
        starts="0",
        sequence=("component",),
        rank=1,
        examples=(
            Example(
                "2024-05-01T09:07:41.123Z [ERROR] agent.server.raft: failed to contact quorum of nodes",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "failed to contact quorum of nodes",
            ),
        ),
    ),
    EventFormat(
        name="logrus-console",
        title="logrus console: LEVL[seconds] message",
        pattern=rf"^(?P<level>{_LOGRUS})\[(?:(?P<uptime>\d{{1,8}})|(?P<time>\d{{4}}-\d\d-\d\dT%CLOCK%(?:Z|[+-]\d\d:\d\d)))\] (?P<message>.*)$",
        levels=_LOGRUS_LEVELS,
        starts="a",
        contains=("[",),
        examples=(
            Example(
                "ERRO[2024-05-01T09:07:41Z] posting stopped                               err=EOF",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "posting stopped                               err=EOF",
            ),
            Example(
                "WARN[0003] The group's number increased tremendously!",
                "",
                WARN,
                "The group's number increased tremendously!",
            ),
        ),
    ),
    EventFormat(
        name="geth",
        title="go-ethereum: LEVEL [mm-dd|hh:mm:ss] message key=value",
        pattern=r"^(?P<level>TRACE|DEBUG|INFO|WARN|ERROR|CRIT) ?\[(?P<month>\d\d-\d\d)\|(?P<time>\d\d:\d\d:\d\d(?:\.\d+)?)\] (?P<message>.*)$",
        starts="a",
        contains=("|",),
        examples=(
            Example(
                "WARN [05-01|09:07:41.123] Unclean shutdown detected                booted=2024",
                "0000-00-00T09:07:41.123000+00:00",
                WARN,
                "Unclean shutdown detected                booted=2024",
            ),
        ),
    ),
    EventFormat(
        name="zerolog-console",
        title="zerolog console: time LVL message key=value",
        pattern=r"^(?P<time>\d{1,2}:\d\d[AP]M|%ISO%) (?P<level>TRC|DBG|INF|WRN|ERR|FTL|PNC) (?:(?P<frame>\S+\.go:\d+) > )?(?P<message>.*)$",
        levels=(
            ("trc", TRACE),
            ("dbg", DEBUG),
            ("inf", INFO),
            ("wrn", WARN),
            ("err", ERROR),
            ("ftl", FATAL),
            ("pnc", FATAL),
        ),
        starts="0",
        examples=(
            Example(
                "2024-05-01T09:07:41Z ERR posting stopped error=EOF",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "posting stopped error=EOF",
            ),
            Example("9:07AM INF starting version=1.2", "0000-00-00T09:07:00+00:00", INFO, "starting version=1.2"),
        ),
    ),
    EventFormat(
        name="ros",
        title="ROS: [LEVEL] [epoch] [node]: message",
        pattern=r"^\[(?P<level>DEBUG|INFO|WARN|ERROR|FATAL)\] \[(?P<time>\d{10}\.\d+)(?:, \d+\.\d+)?\](?: \[(?P<component>[^\]]+)\])?: (?P<message>.*)$",
        starts="[",
        sequence=("component",),
        examples=(
            Example(
                "[WARN] [1714554461.123456789] [planner]: no path to the goal",
                "2024-05-01T09:07:41.123457+00:00",
                WARN,
                "no path to the goal",
            ),
        ),
    ),
    EventFormat(
        name="nestjs",
        title="NestJS console: [Nest] pid - time LEVEL [context] message",
        pattern=r"^\[(?P<application>Nest|[A-Z]\w+)\] (?P<pid>\d+)\s+- (?P<time>\d{1,2}/\d{1,2}/\d{4},? \d{1,2}:\d\d:\d\d(?: [AP]M)?)\s+(?P<level>LOG|ERROR|WARN|DEBUG|VERBOSE|FATAL)?\s*(?:\[(?P<component>[^\]]+)\] )?(?P<message>.*)$",
        levels=_NAG,
        starts="[",
        contains=("- ",),
        sequence=("component",),
        examples=(
            Example(
                "[Nest] 17  - 05/01/2024, 09:07:41 AM   ERROR [OrderService] posting stopped +33ms",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "posting stopped +33ms",
            ),
        ),
    ),
    EventFormat(
        name="winston",
        title="winston and others: time level: message",
        pattern=r"^\[?(?P<time>%ISO%)\]?:? (?P<level>silly|verbose|debug|http|info|warn|error|notice|crit|alert|emerg|trace|fatal): (?P<message>.*)$",
        levels=(("http", INFO),),
        rank=1,
        examples=(
            Example(
                "2024-05-01T09:07:41.123Z error: posting stopped",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "posting stopped",
            ),
        ),
    ),
    EventFormat(
        name="log4js",
        title="log4js: [time] [LEVEL] category - message",
        pattern=r"^\[(?P<time>%ISO%)\] \[(?P<level>[A-Z]+)\] (?P<component>[\w.\-/]+) - (?P<message>.*)$",
        starts="[",
        sequence=("component",),
        examples=(
            Example(
                "[2024-05-01T09:07:41.123] [ERROR] default - posting stopped",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "posting stopped",
            ),
        ),
    ),
    EventFormat(
        name="npm-debug",
        title="npm debug log: number level message",
        pattern=r"^(?P<line>\d+) (?P<level>verbose|silly|info|http|warn|error|notice|timing|verb|sill) (?P<message>.*)$",
        levels=(("http", INFO), ("timing", INFO), ("sill", TRACE), ("verb", TRACE)),
        starts="0",
        rank=1,
        examples=(Example("41 error code ELIFECYCLE", "", ERROR, "code ELIFECYCLE"),),
    ),
    EventFormat(
        name="npm",
        title="npm console: npm LEVEL message",
        pattern=r"^npm (?P<level>ERR!|error|WARN|warn|info|notice|http|verb|sill) (?P<message>.*)$",
        levels=(("err!", ERROR), ("http", INFO), ("verb", TRACE), ("sill", TRACE)),
        starts="a",
        contains=("npm ",),
        examples=(Example("npm ERR! code E404", "", ERROR, "code E404"),),
    ),
    EventFormat(
        below=True,
        name="dotnet-console",
        title=".NET console logger: level: category[event] and indented message",
        pattern=r"^(?:(?P<time>%ISO%)\s+)?(?P<level>trce|dbug|info|warn|fail|crit): (?P<component>[\w.`+]+)\[(?P<code>\d+)\](?P<message>.*)$",
        levels=_NET_LEVELS,
        contains=("[",),
        code=("code",),
        sequence=("component",),
        examples=(
            Example(
                'fail: Microsoft.AspNetCore.Server.Kestrel[13]\n      Connection id "0HL", Request id "1": An unhandled exception',
                "",
                ERROR,
                'Connection id "0HL", Request id "1": An unhandled exception',
            ),
        ),
    ),
    EventFormat(
        name="serilog-text",
        title="Serilog text: time [LVL] message",
        pattern=rf"^\[?(?P<time>%ISO%|%CLOCK%) \[?(?P<level>{_SERILOG})\] (?:\[(?P<component>[\w.`+]+)\] )?(?P<message>.*)$",
        levels=_SERILOG_LEVELS,
        contains=("]",),
        examples=(
            Example(
                "2024-05-01 09:07:41.123 +02:00 [ERR] Posting stopped",
                "2024-05-01T07:07:41.123000+00:00",
                ERROR,
                "Posting stopped",
            ),
            Example("[09:07:41 WRN] Slow query", "0000-00-00T09:07:41+00:00", WARN, "Slow query"),
        ),
    ),
    EventFormat(
        name="nlog",
        title="NLog: time|LEVEL|logger|message",
        pattern=r"^(?P<time>%ISO%)\|(?P<level>Trace|Debug|Info|Warn|Error|Fatal|TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\|(?P<component>[^|]*)\|(?P<message>.*)$",
        starts="0",
        contains=("|",),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01 09:07:41.1234|ERROR|Shop.Orders|Posting stopped",
                "2024-05-01T09:07:41.123400+00:00",
                ERROR,
                "Posting stopped",
            ),
        ),
    ),
    EventFormat(
        name="log4net",
        title="log4net: time [thread] LEVEL logger [context] - message",
        pattern=r"^(?P<time>%ISO%) \[(?P<thread>[^\]]*)\] (?P<level>DEBUG|INFO|WARN|ERROR|FATAL)\s+(?P<component>[\w.`+]+) \[[^\]]*\] - (?P<message>.*)$",
        starts="0",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "2024-05-01 09:07:41,123 [12] ERROR Shop.Orders [(null)] - Posting stopped",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "Posting stopped",
            ),
        ),
    ),
    EventFormat(
        name="erlang",
        title="Erlang and Elixir: hh:mm:ss.ms [level] message",
        pattern=r"^(?P<time>(?:\d{4}-\d\d-\d\d )?%CLOCK%\.\d{3}) (?:(?P<context>\w+=\S+) )*\[(?P<level>debug|info|notice|warning|warn|error|critical|alert|emergency)\]\s+(?P<message>.*)$",
        starts="0",
        rank=1,
        examples=(
            Example(
                "09:07:41.123 [error] GenServer Shop.Orders terminating",
                "0000-00-00T09:07:41.123000+00:00",
                ERROR,
                "GenServer Shop.Orders terminating",
            ),
            Example(
                "09:07:41.123 request_id=FzX [info] Sent 200 in 3ms",
                "0000-00-00T09:07:41.123000+00:00",
                INFO,
                "Sent 200 in 3ms",
            ),
        ),
    ),
    EventFormat(
        name="tcf",
        title="TCF protocol log: TCF mm:ss.ms: message",
        pattern=r"^TCF (?P<time>\d\d:\d\d\.\d+): (?:(?P<channel>\d+): (?P<direction>--->|<---) )?(?P<message>.*)$",
        starts="a",
        contains=("TCF ",),
        examples=(Example('TCF 30:11.475: 0: <--- R 2  ["P1"] <eom>', "", None, 'R 2  ["P1"] <eom>'),),
    ),
    EventFormat(
        name="hsm-service",
        title="Name:time[thread]module:line [LEVEL] message",
        pattern=r"^(?P<service>\w+): ?(?:(?P<thread>\d+): )?(?P<time>%ISO%)(?:\[(?P<thread2>[^\]]+)\]| )(?P<component>\w+):(?P<line>\d+) \[?(?P<level>[A-Z]+)\]? (?P<message>.*)$",
        starts="a",
        examples=(
            Example(
                "HsmService:2021-05-19 17:36:35,978[MainThread]hsmService:737 [INFO] HSM Service is initialized",
                "2021-05-19T17:36:35.978000+00:00",
                INFO,
                "HSM Service is initialized",
            ),
            Example(
                "ImageService: 139853338433792: 2021-05-19 17:36:35,675 imageService:769 INFO Image service is initialized",
                "2021-05-19T17:36:35.675000+00:00",
                INFO,
                "Image service is initialized",
            ),
        ),
    ),
    EventFormat(
        name="esxupdate",
        title="time name: pid: logger: LEVEL message",
        pattern=r"^(?P<time>%ISO%) (?P<component>[\w\-.]+): (?P<pid>\d+): (?P<logger>[\w\-.:]+?):? (?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):? (?P<message>.*)$",
        starts="0",
        sequence=("component",),
        examples=(
            Example(
                "2020-05-11T22:32:09Z esxupdate: 1000211352: root: INFO: Command = profile.setacceptance",
                "2020-05-11T22:32:09+00:00",
                INFO,
                "Command = profile.setacceptance",
            ),
        ),
    ),
    EventFormat(
        name="papertrail",
        title="Papertrail and Heroku: time source[process]: message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT%CLOCK%\.\d+[+-]\d\d:\d\d) (?P<host>app|heroku|[\w\-]+)\[(?P<component>[\w.\-]+)\]: (?P<message>(?:at=(?P<level>info|error|warning) .*?status=(?P<status>\d{3}).*|.*))$",
        starts="0",
        wraps=True,
        sequence=("component",),
        examples=(
            Example(
                '2024-05-01T09:07:41.123456+00:00 heroku[router]: at=error code=H12 desc="Request timeout" method=GET path="/" status=503 bytes=0',
                "2024-05-01T09:07:41.123456+00:00",
                ERROR,
                'at=error code=H12 desc="Request timeout" method=GET path="/" status=503 bytes=0',
            ),
            Example(
                "2024-05-01T09:07:41.123456+00:00 app[web.1]: WARN low memory",
                "2024-05-01T09:07:41.123456+00:00",
                WARN,
                "low memory",
            ),
        ),
    ),
    EventFormat(
        name="supervisord",
        title="supervisord: time LEVEL message",
        mark=r" (?:spawned: |supervisor|success: |exited: |stopped: |gave up: |reaped |waiting for |RPC interface|Set uid|Included extra|received SIG|killing |pool |fd \d)",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%,\d{3}) (?P<level>CRIT|ERRO|WARN|INFO|DEBG|TRAC|BLAT) (?P<message>[^\s\[].*)$",
        levels=(("erro", ERROR), ("debg", DEBUG), ("trac", TRACE), ("blat", TRACE)),
        starts="0",
        examples=(
            Example(
                "2024-05-01 09:07:41,123 ERRO pool dead event buffer overflowed",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "pool dead event buffer overflowed",
            ),
        ),
    ),
    EventFormat(
        name="nagios",
        title="Nagios: [epoch] TYPE: message",
        pattern=r"^\[(?P<time>\d{10})\] (?P<message>(?P<kind>[A-Z][A-Za-z ]+): (?:[^;]*;[^;]*;(?P<level>OK|WARNING|CRITICAL|UNKNOWN|UP|DOWN);.*|.*))$",
        levels=(("ok", INFO), ("unknown", WARN), ("up", INFO), ("down", FATAL)),
        starts="[",
        examples=(
            Example(
                "[1714554461] SERVICE ALERT: web1;HTTP;CRITICAL;HARD;3;Connection refused",
                "2024-05-01T09:07:41+00:00",
                FATAL,
                "SERVICE ALERT: web1;HTTP;CRITICAL;HARD;3;Connection refused",
            ),
        ),
    ),
    EventFormat(
        name="chromium",
        title="Chromium: [pid:thread:mmdd/hhmmss:LEVEL:file(line)] message",
        pattern=r"^\[(?P<pid>\d+)(?::(?P<thread>\d+))?:(?P<date>\d{4})/(?P<clock>\d{6}(?:\.\d+)?):(?P<level>VERBOSE\d*|INFO|WARNING|ERROR|FATAL):(?P<frame>[^\]]+)\] (?P<message>.*)$",
        levels=tuple((f"verbose{at}", TRACE) for at in range(1, 6)),
        starts="[",
        examples=(
            Example(
                "[17:23:0501/090741.123456:ERROR:gpu_init.cc(523)] Passthrough is not supported",
                "",
                ERROR,
                "Passthrough is not supported",
            ),
        ),
    ),
    EventFormat(
        name="maven",
        title="Maven and sbt: [LEVEL] message",
        mark=r"\] ?(?:BUILD |Building |---|Scanning for projects|Total time|Finished at|Reactor |Tests run|Failed to execute goal|Download(?:ing|ed) |COMPILATION |[Cc]ompiling \d|welcome to sbt|loading (?:project|settings)|set current project|\w[\w.]+:\S+:(?:jar|pom|war))",
        pattern=r"^\[(?P<level>INFO|WARNING|ERROR|DEBUG|FATAL|info|warn|error|debug|success)\] ?(?!\W{0,2}\d{2,4}[-/.]\d\d[-/.]\d\d)(?P<message>.*)$",
        levels=(("success", INFO),),
        starts="[",
        rank=1,
        examples=(
            Example(
                "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin",
                "",
                ERROR,
                "Failed to execute goal org.apache.maven.plugins:maven-compiler-plugin",
            ),
        ),
    ),
    EventFormat(
        name="bazel",
        title="Bazel: (hh:mm:ss) LEVEL: message",
        pattern=r"^\((?P<time>%CLOCK%)\) (?P<level>INFO|WARNING|ERROR|DEBUG|FAIL|FATAL): (?P<message>.*)$",
        levels=(("fail", ERROR),),
        starts="(",
        examples=(
            Example(
                "(09:07:41) ERROR: /src/BUILD:12:11: Compiling x.cc failed",
                "0000-00-00T09:07:41+00:00",
                ERROR,
                "/src/BUILD:12:11: Compiling x.cc failed",
            ),
        ),
    ),
    EventFormat(
        name="docker-build",
        title="docker build: #step seconds message",
        pattern=r"^#(?P<step>\d+) (?:(?P<uptime>\d+\.\d+) (?P<message>.*)|(?P<level>ERROR): ?(?P<message2>.*)|(?P<message3>(?:DONE|CACHED|CANCELED|\[|sha\d|transferring|exporting|naming|writing|resolve|extracting|importing|preparing|reading|load |unpacking).*))$",
        starts="#",
        sequence=("step",),
        rank=1,
        examples=(
            Example("#12 3.456 npm http fetch GET 200", "", None, "npm http fetch GET 200"),
            Example(
                '#12 ERROR: process "/bin/sh -c make" did not complete successfully: exit code: 2',
                "",
                ERROR,
                'process "/bin/sh -c make" did not complete successfully: exit code: 2',
            ),
        ),
    ),
    EventFormat(
        name="ci-annotation",
        title="CI annotations: ##[level] and ::level::",
        pattern=r"^(?:##\[(?P<level>error|warning|debug|notice|command|section|group|endgroup)\]|##vso\[task\.logissue type=(?P<level3>error|warning)[^\]]*\]|::(?P<level2>error|warning|debug|notice)(?: [^:]*)?::)(?P<message>.*)$",
        levels=(("command", INFO), ("section", INFO), ("group", INFO), ("endgroup", INFO)),
        starts="#:",
        examples=(
            Example("##[error]Process completed with exit code 1.", "", ERROR, "Process completed with exit code 1."),
            Example("::warning file=a.py,line=1::unused import", "", WARN, "unused import"),
        ),
    ),
    EventFormat(
        name="compiler",
        title="compiler messages: file:line:column: level: message",
        pattern=(
            r"^(?P<frame>(?:[A-Za-z]:)?[^\s:()]+(?::\d+){1,2}|(?:[A-Za-z]:)?[^\s:()]+\(\d+(?:,\d+)*\) ?):?\s(?P<message>(?P<level>fatal error|error|warning|note|info|remark)(?: (?P<code>[A-Z]{1,6}\d+))?: .*)$"
        ),
        levels=(("fatal error", FATAL), ("note", INFO), ("remark", INFO)),
        contains=("error", "warning", "note", "info", "remark"),
        examples=(
            Example(
                "src/main.c:12:5: error: 'x' undeclared (first use in this function)",
                "",
                ERROR,
                "error: 'x' undeclared (first use in this function)",
            ),
            Example(
                "src/x.ts(12,5): error TS2304: Cannot find name 'foo'.",
                "",
                ERROR,
                "error TS2304: Cannot find name 'foo'.",
            ),
        ),
    ),
)
