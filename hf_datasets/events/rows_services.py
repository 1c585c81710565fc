r"""Formats of web servers, proxies, cloud services, databases and queues."""

from __future__ import annotations

from .event import DEBUG, ERROR, FATAL, INFO, TRACE, WARN
from .row import EventFormat, Example

_PG_LEVELS = (
    ("log", INFO), ("detail", INFO), ("hint", INFO), ("context", INFO), ("statement", INFO), ("query", INFO), ("location", INFO),
    ("backtrace", INFO), ("panic", FATAL),
)  # fmt: skip
_PG_WORDS = (
    r"DEBUG\d?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC|DETAIL|HINT|CONTEXT|STATEMENT|QUERY|LOCATION|BACKTRACE"
)
_REQUEST = r'(?P<method>[A-Z]{3,20}) (?P<path>[^"\s]*)'
_REDIS_LEVELS = ((".", DEBUG), ("-", INFO), ("*", INFO), ("#", WARN))
_MONGO_LEVELS = (("i", INFO), ("w", WARN), ("e", ERROR), ("f", FATAL), ("d", DEBUG))

WEB: tuple[EventFormat, ...] = (
    EventFormat(
        name="traefik",
        title="Traefik access log (CLF with router, url and duration)",
        pattern=r'^(?P<client>\S+) - (?P<user>\S+) \[(?P<time>%CLF%)\] (?P<message>"(?P<method>[A-Z]+) [^"]*" (?P<status>\d{3}|-) (?P<bytes>\d+|-) "[^"]*" "[^"]*" (?P<session>\d+) "(?P<router>[^"]*)" "[^"]*" \d+ms)$',
        contains=("ms",),
        examples=(
            Example(
                '10.0.0.1 - - [01/May/2024:09:07:41 +0000] "GET / HTTP/1.1" 502 11 "-" "curl" 17 "web@docker" "http://172.18.0.3:80" 4ms',
                "2024-05-01T09:07:41+00:00",
                ERROR,
                '"GET / HTTP/1.1" 502 11 "-" "curl" 17 "web@docker" "http://172.18.0.3:80" 4ms',
            ),
        ),
    ),
    EventFormat(
        name="access-log",
        title="access log of nginx, Apache and others, common or combined",
        pattern=(
            r'^(?:(?P<site>[\w.\-]+(?::\d+)?) )?(?P<client>[\w.:\-]+|"[^"]*"),? +(?:(?P<identity>[^\s\[]+) +(?:(?P<user>[^\s\[]+|"[^"]*") +)?)?\[(?P<time>%CLF%)\] '
            r'(?P<message>"(?:[^"\\]|\\.)*" (?P<status>\d{3}|-)(?: (?:\d+|-))?(?: .*)?)$'
        ),
        contains=("[",),
        examples=(
            Example(
                '10.8.127.40 - - [01/May/2024:08:00:00 +0000] "POST / HTTP/1.1" 502 3236 "-" "Mozilla/5.0"',
                "2024-05-01T08:00:00+00:00",
                ERROR,
                '"POST / HTTP/1.1" 502 3236 "-" "Mozilla/5.0"',
            ),
            Example(
                '172.18.0.1 - - [29/Aug/2023 22:02:58] "GET / HTTP/1.1" 200 -',
                "2023-08-29T22:02:58+00:00",
                INFO,
                '"GET / HTTP/1.1" 200 -',
            ),
            Example(
                'www.example.com 1.2.3.4 - theuser [10/Feb/2012:16:41:07 -0500] "GET / HTTP/1.0" 404 368 "-" "X"',
                "2012-02-10T21:41:07+00:00",
                WARN,
                '"GET / HTTP/1.0" 404 368 "-" "X"',
            ),
        ),
    ),
    EventFormat(
        name="access-log-time-first",
        title="access log that begins with the time",
        pattern=(
            r'^(?P<time>%ISO%) (?P<client>%IP%|[\w.\-]+) (?P<user>\S+) (?P<method>[A-Z]{3,20}) (?P<path>"[^"]*"|\S+) (?P<port>-?\d+) (?P<status>\d{3}) (?P<bytes>\d+|-) (?P<message>.*)$'
        ),
        starts="0",
        examples=(
            Example(
                '2013-02-11T06:43:36 10.112.72.172 - GET /client/ -1 200 5778 "-" "Mozilla/5.0"',
                "2013-02-11T06:43:36+00:00",
                INFO,
                '"-" "Mozilla/5.0"',
            ),
        ),
    ),
    EventFormat(
        name="s3",
        title="Amazon S3 server access log",
        pattern=(
            r'^(?P<owner>[0-9a-f]{60,64}|-) (?P<bucket>\S+) \[(?P<time>%CLF%)\] (?P<client>\S+) (?P<user>\S+) (?P<session>\S+) (?P<message>(?P<code>[A-Z]+\.[A-Z._]+) (?P<path>\S+) ("[^"]*"|-) (?P<status>\d{3}|-) .*)$'
        ),
        contains=("[",),
        code=("code",),
        examples=(
            Example(
                '79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a59df900b9 3E57427F3EX REST.GET.VERSIONING - "GET /bucket1?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" -',
                "2019-02-06T00:00:38+00:00",
                INFO,
                'REST.GET.VERSIONING - "GET /bucket1?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" -',
            ),
        ),
    ),
    EventFormat(
        name="alb",
        title="AWS application load balancer access log",
        pattern=(
            r"^(?P<kind>https?|h\d|grpcs|wss?|tls|quic) (?P<time>%ISO%) (?P<component>\S+) (?P<client>\S+) (?P<target>\S+) (?P<message>(?P<timers>-?[\d.]+ -?[\d.]+ -?[\d.]+) (?P<status>\d{3}|-) (?P<status_target>\d{3}|-) .*)$"
        ),
        starts="a",
        examples=(
            Example(
                'h2 2016-08-10T00:10:33.145057Z app/lb/50dc6c 10.0.1.252:48160 10.0.0.66:9000 0.000 0.002 0.000 503 503 5 257 "GET https://10.0.2.105:773/ HTTP/2.0" "curl/7.46.0" - -',
                "2016-08-10T00:10:33.145057+00:00",
                ERROR,
                '0.000 0.002 0.000 503 503 5 257 "GET https://10.0.2.105:773/ HTTP/2.0" "curl/7.46.0" - -',
            ),
        ),
    ),
    EventFormat(
        name="elb",
        title="AWS classic load balancer access log",
        pattern=(
            r"^(?P<time>%ISO%) (?P<component>[\w.\-/]+) (?P<client>\S+:\d+) (?P<target>\S+:\d+|-) (?P<message>(?P<timers>-?[\d.]+ -?[\d.]+ -?[\d.]+) (?P<status>\d{3}|-) (?P<status_target>\d{3}|-) .*)$"
        ),
        starts="0",
        examples=(
            Example(
                '2015-05-13T23:39:43.945958Z lb 192.168.131.39:2817 10.0.0.1:80 0.000086 0.001048 0.001337 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.38.0" - -',
                "2015-05-13T23:39:43.945958+00:00",
                INFO,
                '0.000086 0.001048 0.001337 200 200 0 57 "GET https://www.example.com:443/ HTTP/1.1" "curl/7.38.0" - -',
            ),
            Example(
                '2015-05-13T23:39:43.945958Z lb 192.168.131.39:2817 10.0.0.1:80 0.001065 0.000015 0.000023 - - 57 502 "- - - " "-" - -',
                "2015-05-13T23:39:43.945958+00:00",
                ERROR,
                '0.001065 0.000015 0.000023 - - 57 502 "- - - " "-" - -',
            ),
        ),
    ),
    EventFormat(
        name="vpc-flow",
        title="AWS VPC flow log, version 2",
        pattern=(
            r"^(?P<version>\d) (?P<account>\d+|unknown|-) (?P<interface>eni-\w+|-) (?P<client>\S+) (?P<target>\S+) (?P<ports>\S+ \S+) (?P<protocol>\S+) (?P<packets>\S+) (?P<bytes>\S+) (?P<time>\d{10}) (?P<end>\d{10}) (?P<message>(?:ACCEPT|REJECT|-) \w+)$"
        ),
        starts="0",
        examples=(
            Example(
                "2 000000000000 eni-c449f6df 10.5.177.82 10.5.1.195 73916 5432 6 32 71339 1714550400 1714550460 REJECT OK",
                "2024-05-01T08:00:00+00:00",
                None,
                "REJECT OK",
            ),
        ),
    ),
    EventFormat(
        name="cloudfront",
        title="Amazon CloudFront access log",
        pattern=(
            r"^(?P<time>\d{4}-\d\d-\d\d\t%CLOCK%)\t(?P<edge>[A-Z]{3}\d\S*)\t(?P<bytes>\d+)\t(?P<client>\S+)\t(?P<method>[A-Z]+)\t(?P<host>\S+)\t(?P<path>\S+)\t(?P<status>\d{3})\t(?P<message>.*)$"
        ),
        starts="0",
        contains=("\t",),
        examples=(
            Example(
                "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td111.cloudfront.net\t/index.html\t502\t-\tMozilla/5.0\tHit",
                "2019-12-04T21:02:31+00:00",
                ERROR,
                "-\tMozilla/5.0\tHit",
            ),
        ),
    ),
    EventFormat(
        name="w3c",
        title="IIS access log (W3C extended), usual fields",
        pattern=(
            r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%) (?P<server>%IP%) (?P<method>[A-Z_]{3,20}) (?P<path>\S+) (?P<query>\S+) (?P<port>\d+) "
            r"(?P<user>\S+) (?P<client>%IP%) (?P<message>(?:\S+ ){1,3}?(?P<status>\d{3}) \d+ \d+(?: \d+)*)$"
        ),
        starts="0",
        examples=(
            Example(
                "2024-05-01 09:07:41 10.0.0.1 GET /default.htm - 443 - 10.0.0.7 Mozilla/5.0+(X11) https://example.org/ 503 0 64 15",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "Mozilla/5.0+(X11) https://example.org/ 503 0 64 15",
            ),
        ),
    ),
    EventFormat(
        name="nginx-error",
        title="nginx error log",
        pattern=r"^(?P<time>\d{4}/\d\d/\d\d %CLOCK%) \[(?P<level>[a-z]+)\] (?P<pid>\d+)#(?P<thread>\d+): (?:\*(?P<session>\d+) )?(?P<message>.*)$",
        starts="0",
        contains=("#",),
        stream=("pid", "thread"),
        sequence=("session",),
        examples=(
            Example(
                "2024/05/01 09:07:41 [crit] 17#17: *4711 connect() to unix:/run/app.sock failed (2: No such file)",
                "2024-05-01T09:07:41+00:00",
                FATAL,
                "connect() to unix:/run/app.sock failed (2: No such file)",
            ),
        ),
    ),
    EventFormat(
        name="apache-error",
        title="Apache error log",
        pattern=(
            r"^\[(?P<time>%CTIME%)\] \[(?:(?P<component>[\w\-]*):)?(?P<level>[a-z]+\d?)\](?: \[pid (?P<pid>\d+)(?::tid (?P<thread>\d+))?\])?(?: \(\d+\)[^:]*:)?(?: \[client (?P<client>[^\]]*)\])?(?: (?P<code>AH\d+):)? ?(?P<message>.*)$"
        ),
        starts="[",
        stream=("pid", "thread"),
        levels=tuple((f"trace{at}", TRACE) for at in range(9)),
        code=("code",),
        examples=(
            Example(
                "[Wed May 01 09:07:41.123456 2024] [proxy:error] [pid 17:tid 140] [client 10.0.0.1:5000] AH00898: Error reading from remote server",
                "2024-05-01T09:07:41.123456+00:00",
                ERROR,
                "Error reading from remote server",
            ),
            Example(
                "[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties",
                "2005-12-04T04:47:44+00:00",
                INFO,
                "workerEnv.init() ok /etc/httpd/conf/workers2.properties",
            ),
        ),
    ),
    EventFormat(
        name="squid",
        title="Squid access log: epoch duration client result/status bytes method url",
        pattern=(
            r"^(?P<time>\d{9,10}\.\d{3})\s+(?P<duration>-?\d+) (?P<client>\S+) (?P<message>(?P<result>[A-Z_]+(?:/[A-Z_]+)?)/(?P<status>\d{3}) (?P<bytes>\d+) (?P<method>[A-Z_]+) .*)$"
        ),
        starts="0",
        examples=(
            Example(
                "1286536308.779    180 192.168.0.224 TCP_MISS/503 411 GET http://liveupdate.example.com/x.zip - DIRECT/125.56.0.1 text/html",
                "2010-10-08T11:11:48.779000+00:00",
                ERROR,
                "TCP_MISS/503 411 GET http://liveupdate.example.com/x.zip - DIRECT/125.56.0.1 text/html",
            ),
        ),
    ),
    EventFormat(
        name="squid-cache",
        title="Squid cache log: time kidN| message",
        pattern=r"^(?P<time>\d{4}/\d\d/\d\d %CLOCK%(?:\.\d+)?)(?: (?P<process>kid\d+))?\| (?:(?P<level>WARNING|ERROR|FATAL|SECURITY ALERT|NOTICE)(?::\s))?(?P<message>.*)$",
        levels=(("security alert", ERROR),),
        starts="0",
        contains=("|",),
        examples=(
            Example(
                "2024/05/01 09:07:41 kid1| WARNING: Forwarding loop detected",
                "2024-05-01T09:07:41+00:00",
                WARN,
                "Forwarding loop detected",
            ),
        ),
    ),
    EventFormat(
        name="gin",
        title="Gin (Go): [GIN] yyyy/mm/dd - hh:mm:ss | status | duration | client | method path",
        pattern=(
            r"^(?:\[GIN\] (?P<time>\d{4}/\d\d/\d\d - %CLOCK%) \|\s*(?P<message>(?P<status>\d{3})\s*\|\s*(?P<duration>[^|]*?)\s*\|\s*(?P<client>[^\s|]*)\s*\|\s*(?P<method>[A-Z]+)\s+\S.*)"
            r"|\[GIN-debug\] \[(?P<level>WARNING|ERROR)\] (?P<message2>.*)|\[GIN-(?P<level2>debug)\] (?P<message3>.*)"
            r"|(?:\d{4}/\d\d/\d\d(?: %CLOCK%)? )?\[(?P<level3>Recovery)\] (?P<time2>\d{4}/\d\d/\d\d - %CLOCK%) (?P<message4>.*))$"
        ),
        contains=("[GIN", "[Recovery]"),
        levels=(("recovery", ERROR),),
        examples=(
            Example(
                '[GIN] 2024/05/01 - 09:07:41 | 502 |   1.234671ms |      10.0.0.7 | GET     "/v1/users/66"',
                "2024-05-01T09:07:41+00:00",
                ERROR,
                '502 |   1.234671ms |      10.0.0.7 | GET     "/v1/users/66"',
            ),
            Example(
                '[GIN-debug] [WARNING] Running in "debug" mode. Switch to "release" mode in production.',
                "",
                WARN,
                'Running in "debug" mode. Switch to "release" mode in production.',
            ),
            Example(
                "2024/05/01 09:07:41 [Recovery] 2024/05/01 - 09:07:41 panic recovered:",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "panic recovered:",
            ),
        ),
    ),
    EventFormat(
        name="envoy",
        title="Envoy access log",
        pattern=r'^\[(?P<time>\d{4}-\d\d-\d\dT%CLOCK%\.\d+Z)\] (?P<message>"(?:-|[A-Z]+) [^"]*" (?P<status>\d{1,3}) .*)$',
        starts="[",
        contains=('"',),
        examples=(
            Example(
                '[2024-05-01T09:07:41.123Z] "GET /api HTTP/1.1" 503 UF 0 91 3 - "-" "curl/8" "a1" "svc" "10.0.0.1:80"',
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                '"GET /api HTTP/1.1" 503 UF 0 91 3 - "-" "curl/8" "a1" "svc" "10.0.0.1:80"',
            ),
        ),
    ),
    EventFormat(
        name="envoy-application",
        title="Envoy and spdlog: [time][thread][level][component] message",
        mark=r"^\[[^\]]*\]\[\d+\]\[[a-z]+\]",
        pattern=r"^\[(?P<time>%ISO%)\]\[(?P<thread>[^\]]+)\]\[(?P<level>%LEVEL%)\]\s?(?:\[(?P<component>[^\]]+)\]\s?)?(?:\[(?P<frame>[^\]]+:\d+)\]\s?)?(?P<message>.*)$",
        starts="[",
        stream=("thread",),
        sequence=("thread",),
        rank=1,
        examples=(
            Example(
                "[2024-05-01 09:07:41.123][12][warning][config] [source/common/config/grpc.cc:163] stream closed: 14",
                "2024-05-01T09:07:41.123000+00:00",
                WARN,
                "stream closed: 14",
            ),
        ),
    ),
    EventFormat(
        name="spdlog",
        title="spdlog: [time] [name] [level] message",
        pattern=r"^\[(?P<time>%ISO%)\] (?:\[(?P<component>[^\]]+)\] )?\[(?P<level>trace|debug|info|warning|warn|error|err|critical)\] (?P<message>.*)$",
        starts="[",
        rank=1,
        sequence=("component",),
        examples=(
            Example(
                "[2024-05-01 09:07:41.123] [console] [critical] disk is gone",
                "2024-05-01T09:07:41.123000+00:00",
                FATAL,
                "disk is gone",
            ),
        ),
    ),
    EventFormat(
        name="uwsgi",
        title="uWSGI request log",
        pattern=(
            r"^\[pid: (?P<pid>\d+)\|app: (?P<app>[\d\-]+)\|req: (?P<request>\S+)\] (?P<client>\S+) \((?P<user>[^)]*)\) \{[^}]*\} \[(?P<time>%CTIME%)\] (?P<message>(?P<method>[A-Z]+) (?P<path>\S*) => .*?\((?P<protocol>HTTP\S*) (?P<status>\d+)\).*)$"
        ),
        starts="[",
        examples=(
            Example(
                "[pid: 24386|app: 0|req: 482950/4125645] 86.221.170.65 () {44 vars in 1322 bytes} [Tue Jan  3 05:01:31 2012] GET /contest/?_=1 => generated 192 bytes in 21 msecs (HTTP/1.1 500) 4 headers in 188 bytes",
                "2012-01-03T05:01:31+00:00",
                ERROR,
                "GET /contest/?_=1 => generated 192 bytes in 21 msecs (HTTP/1.1 500) 4 headers in 188 bytes",
            ),
        ),
    ),
    EventFormat(
        name="gunicorn",
        title="gunicorn and Python multiprocessing: [time] [pid] [LEVEL] message",
        pattern=r"^\[(?P<time>%ISO%)\] \[(?P<pid>\d+)\] \[(?P<level>%LEVEL%)\] (?P<message>.*)$",
        starts="[",
        stream=("pid",),
        sequence=("pid",),
        examples=(
            Example(
                "[2024-05-01 09:07:41 +0000] [17] [CRITICAL] WORKER TIMEOUT (pid:23)",
                "2024-05-01T09:07:41+00:00",
                FATAL,
                "WORKER TIMEOUT (pid:23)",
            ),
        ),
    ),
    EventFormat(
        name="werkzeug",
        title='Django development server: [time] "request" status bytes',
        pattern=r'^\[(?P<time>\d\d/%MON%/\d{4} %CLOCK%)\] (?P<message>"[^"]*" (?P<status>\d{3}) \d+)$',
        starts="[",
        examples=(
            Example(
                '[01/May/2024 09:07:41] "GET /admin/ HTTP/1.1" 500 1234',
                "2024-05-01T09:07:41+00:00",
                ERROR,
                '"GET /admin/ HTTP/1.1" 500 1234',
            ),
        ),
    ),
    EventFormat(
        name="uvicorn",
        title='uvicorn: LEVEL: client - "request" status',
        pattern=r'^(?P<level>INFO|DEBUG|WARNING|ERROR|CRITICAL|TRACE):\s+(?P<message>(?P<client>[\w.:\[\]]+:\d+) - "[^"]*" (?P<status>\d{3})(?: .*)?)$',
        starts="a",
        examples=(
            Example(
                'INFO:     127.0.0.1:53211 - "GET /items HTTP/1.1" 500 Internal Server Error',
                "",
                ERROR,
                '127.0.0.1:53211 - "GET /items HTTP/1.1" 500 Internal Server Error',
            ),
        ),
    ),
    EventFormat(
        name="tomcat",
        title="Tomcat (JULI one line): dd-Mon-yyyy hh:mm:ss LEVEL [thread] class message",
        pattern=r"^(?P<time>\d\d-%MON%-\d{4} %CLOCK%(?:\.\d+)?) (?P<level>[A-Z]+) \[(?P<thread>[^\]]*)\] (?P<component>\S+) (?P<message>.*)$",
        starts="0",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "01-May-2024 09:07:41.123 SEVERE [main] org.apache.catalina.core.StandardContext.startInternal One or more listeners failed to start",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "One or more listeners failed to start",
            ),
        ),
    ),
    EventFormat(
        below=True,
        name="java-util-logging",
        title="java.util.logging in two lines: Mon dd, yyyy h:mm:ss AM class method",
        pattern=r"^(?P<time>%MON% \d{1,2}, \d{4},? \d{1,2}:\d\d:\d\d\s?[AP]M) (?P<component>[\w.$<>]+)(?: (?P<function>[\w$<>]+))?(?P<message>)$",
        starts="a",
        sequence=("component",),
        examples=(
            Example(
                "May 01, 2024 9:07:41 AM org.apache.catalina.startup.Catalina start\nSEVERE: The required Server component failed to start",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "The required Server component failed to start",
            ),
        ),
    ),
    EventFormat(
        name="weblogic",
        title="WebLogic and JBoss-like: ####<time> <Level> <Subsystem> ...",
        pattern=r"^#*<(?P<time>%MON% \d{1,2}, \d{4},? \d{1,2}:\d\d:\d\d(?:,\d+)? [AP]M [^>]*)> <(?P<level>\w+)> <(?P<component>[^>]*)> (?P<message>.*)$",
        starts="#<",
        levels=(("notice", INFO), ("emergency", FATAL)),
        sequence=("component",),
        examples=(
            Example(
                "<May 1, 2024 9:07:41 AM UTC> <Error> <HTTP> <BEA-101017> <failed to process the request>",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "<BEA-101017> <failed to process the request>",
            ),
        ),
    ),
    EventFormat(
        name="php-fpm",
        title="PHP and PHP-FPM: [dd-Mon-yyyy hh:mm:ss zone] LEVEL: message",
        pattern=r"^\[(?P<time>\d\d-%MON%-\d{4} %CLOCK%(?:\.\d+)?)(?: (?P<zone>[A-Za-z/_+\-]+))?\] (?:(?:PHP )?(?P<level>NOTICE|WARNING|ERROR|ALERT|DEBUG|Notice|Warning|Deprecated|Parse error|Fatal error|Strict Standards|Recoverable fatal error|Stack trace):\s+)?(?P<message>.*)$",
        levels=(
            ("parse error", FATAL),
            ("fatal error", FATAL),
            ("deprecated", WARN),
            ("strict standards", INFO),
            ("recoverable fatal error", ERROR),
            ("stack trace", ERROR),
        ),
        starts="[",
        examples=(
            Example(
                "[01-May-2024 09:07:41] WARNING: [pool www] server reached pm.max_children setting (5)",
                "2024-05-01T09:07:41+00:00",
                WARN,
                "[pool www] server reached pm.max_children setting (5)",
            ),
            Example(
                "[01-May-2024 09:07:41 UTC] PHP Fatal error:  Uncaught Error: Call to undefined function f()",
                "2024-05-01T09:07:41+00:00",
                FATAL,
                "Uncaught Error: Call to undefined function f()",
            ),
        ),
    ),
    EventFormat(
        name="monolog",
        title="Monolog (Laravel, Symfony): [time] channel.LEVEL: message {context}",
        pattern=r"^\[(?P<time>\d{4}-\d\d-\d\d[T ]%CLOCK%(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)\] (?P<component>[\w.\-]+)\.(?P<level>[A-Z]+): (?P<message>.*)$",
        starts="[",
        sequence=("component",),
        examples=(
            Example(
                '[2024-05-01 09:07:41] production.ERROR: SQLSTATE[HY000] [2002] Connection refused {"exception":"x"}',
                "2024-05-01T09:07:41+00:00",
                ERROR,
                'SQLSTATE[HY000] [2002] Connection refused {"exception":"x"}',
            ),
        ),
    ),
    EventFormat(
        name="rails",
        title="Ruby Logger (Rails, Sidekiq, Puppet): L, [time #pid] LEVEL -- program: message",
        pattern=r"^(?P<letter>[DIWEFAU]), \[(?P<time>%ISO%)\s?#(?P<pid>\d+)\]\s+(?P<level>DEBUG|INFO|WARN|ERROR|FATAL|ANY|UNKNOWN) -- (?P<component>[^:]*): ?(?:\[(?P<session>[0-9a-f\-]{20,40})\] )?(?P<message>.*)$",
        levels=(("any", INFO), ("unknown", INFO)),
        starts="a",
        contains=("--",),
        stream=("pid", "session"),
        sequence=("session", "pid"),
        examples=(
            Example(
                "E, [2024-05-01T09:07:41.123456 #17] ERROR -- : [0f3b1a2c-1111-2222-3333-444455556666] NoMethodError (undefined method)",
                "2024-05-01T09:07:41.123456+00:00",
                ERROR,
                "NoMethodError (undefined method)",
            ),
        ),
    ),
    EventFormat(
        name="rails-started",
        title="Rails production log: Started METHOD path for client at time",
        pattern=r'^(?:\[(?P<session>[0-9a-f\-]{20,40})\] )?(?P<message>Started [A-Z]+ "[^"]*" for \S+ at (?P<time>%ISO%))$',
        contains=("Started ",),
        sequence=("session",),
        examples=(
            Example(
                'Started GET "/posts" for 127.0.0.1 at 2024-05-01 09:07:41 +0200',
                "2024-05-01T07:07:41+00:00",
                None,
                'Started GET "/posts" for 127.0.0.1 at 2024-05-01 09:07:41 +0200',
            ),
        ),
    ),
    EventFormat(
        name="katello",
        title="Foreman and Katello production log: time [L|app|request] message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d[T ]%CLOCK%(?:\.\d+)?) \[(?P<level>[DIWEF])\|(?P<component>[^|\]]*)\|(?P<session>[^\]]*)\] ?(?P<message>.*)$",
        starts="0",
        contains=("|",),
        sequence=("session",),
        examples=(
            Example(
                "2024-05-01T09:07:41 [E|app|b1f0c3a2] Backtrace for 'Action failed'",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "Backtrace for 'Action failed'",
            ),
        ),
    ),
    EventFormat(
        name="katello-old",
        title="Katello before 3: [ LEVEL time component#line] message",
        pattern=r"^\[\s*(?P<level>[A-Z]+)\s+(?P<time>\d{4}-\d\d-\d\d %CLOCK%)\s+(?P<component>[^\]]+)\] ?(?P<message>.*)$",
        starts="[",
        sequence=("component",),
        rank=1,
        examples=(
            Example(
                "[ERROR 2013-05-01 09:07:41 candlepin_proxy#80] 404 Resource Not Found",
                "2013-05-01T09:07:41+00:00",
                ERROR,
                "404 Resource Not Found",
            ),
        ),
    ),
    EventFormat(
        name="candlepin",
        title="Candlepin: time [req=id, org=name] LEVEL class - message",
        pattern=r"^(?P<time>%ISO%) \[(?:thread=[^,\]]*, )?(?:req)?=(?P<session>[^,\]]*), org=(?P<org>[^,\]]*)(?:, csid=[^\]]*)?\] (?P<level>[A-Z]+)\s+(?P<component>\S+) - (?P<message>.*)$",
        starts="0",
        sequence=("session",),
        examples=(
            Example(
                "2015-04-17 09:41:56,320 [req=f91d4a84-020d, org=] INFO  org.candlepin.common.filter.LoggingFilter - Request: verb=GET",
                "2015-04-17T09:41:56.320000+00:00",
                INFO,
                "Request: verb=GET",
            ),
        ),
    ),
    EventFormat(
        name="nginx-unit",
        title="NGINX Unit: time [level] pid#thread message",
        pattern=r"^(?P<time>\d{4}/\d\d/\d\d %CLOCK%(?:\.\d+)?) \[(?P<level>[a-z]+)\] (?P<pid>\d+)#(?P<thread>\d+) (?P<message>.*)$",
        starts="0",
        contains=("#",),
        stream=("pid",),
        examples=(
            Example(
                "2024/05/01 09:07:41 [alert] 17#17 app process 23 exited on signal 9",
                "2024-05-01T09:07:41+00:00",
                FATAL,
                "app process 23 exited on signal 9",
            ),
        ),
    ),
    EventFormat(
        name="openam",
        title='OpenAM: "time" data ... LEVEL ...',
        pattern=r'^"(?P<time>\d{4}-\d\d-\d\d %CLOCK%)"\s+(?P<message>(?:"(?:[^"]|"")*"|[^\s"]+)(?:\s+(?:"(?:[^"]|"")*"|[^\s"]+))*?\s+(?P<level>INFO|WARNING|SEVERE|ERROR|FINE|FINER|FINEST|CONFIG)\s.*)$',
        starts='"',
        examples=(
            Example(
                '"2014-06-09 14:49:56" /etc/openam/log/ "cn=dsameuser" 3d956febb91fed31    "Not Available" INFO    dc=openam   "cn=x" LOG-1   amPolicy.access',
                "2014-06-09T14:49:56+00:00",
                INFO,
                '/etc/openam/log/ "cn=dsameuser" 3d956febb91fed31    "Not Available" INFO    dc=openam   "cn=x" LOG-1   amPolicy.access',
            ),
        ),
    ),
    EventFormat(
        name="proxifier",
        title="Proxifier: [mm.dd hh:mm:ss] program - target message",
        pattern=r"^\[(?P<time>\d\d\.\d\d %CLOCK%)\] (?P<component>.+?) - (?P<target>\S+) (?P<message>(?:(?P<level>error) : )?.*)$",
        starts="[",
        sequence=("component",),
        examples=(
            Example(
                "[07.27 06:19:08] chrome.exe *64 - mtalk.google.com:5228 error : Could not connect through proxy",
                "0000-07-27T06:19:08+00:00",
                ERROR,
                "error : Could not connect through proxy",
            ),
        ),
    ),
    EventFormat(
        name="xmlrpc",
        title="Spacewalk XML-RPC: time pid client: module/function",
        pattern=r"^(?P<time>\d{4}/\d\d/\d\d %CLOCK%(?: [+-]\d\d:?\d\d)?) (?P<pid>\d+) (?P<client>\d[\d.]*\S*): (?P<component>\w[\w./]*)(?P<message>.*)$",
        starts="0",
        examples=(
            Example(
                "2015/04/13 18:45:49 -04:00 1000 10.5.11.2: xmlrpc/registration.welcome_message('lang: None',)",
                "2015-04-13T22:45:49+00:00",
                None,
                "('lang: None',)",
            ),
        ),
    ),
)

DATABASES: tuple[EventFormat, ...] = (
    EventFormat(
        name="vpostgres",
        title="VMware PostgreSQL: time session lines database user LEVEL: message",
        pattern=rf"^(?P<time>\d{{4}}-\d\d-\d\d %CLOCK%(?:\.\d+)? [A-Z]{{3,4}}) (?P<session>[0-9a-f]+\.[0-9a-f]+) (?P<transaction>\d+) (?P<database>\S*) (?P<user>\S*) (?P<client>\S*) (?P<pid>\d+) (?P<line>\d+)\s?(?P<level>{_PG_WORDS}):\s+(?P<message>.*)$",
        starts="0",
        levels=_PG_LEVELS,
        stream=("session",),
        sequence=("session",),
        examples=(
            Example(
                "2023-07-25 02:14:09.790 UTC 64bf2ff1.21fc1e 0 VCDB vumuser [local] 2227230 5LOG:  disconnection: session time: 0:00:00.012",
                "2023-07-25T02:14:09.790000+00:00",
                INFO,
                "disconnection: session time: 0:00:00.012",
            ),
        ),
    ),
    EventFormat(
        name="postgresql",
        title="PostgreSQL: time [pid] LEVEL: message",
        pattern=(
            rf"^(?P<time>\d{{4}}-\d\d-\d\d %CLOCK%(?:\.\d+)?(?: [A-Z]{{3,4}}|[+-]\d\d(?::?\d\d)?)?)[ :](?P<prefix>(?:[^:\[\]]|\[[^\]]*\]|:(?! ))*?)(?P<level>{_PG_WORDS}):\s\s+(?P<message>.*)$"
        ),
        starts="0",
        levels=_PG_LEVELS,
        stream=("prefix",),
        sequence=("prefix",),
        examples=(
            Example(
                '2024-05-01 09:07:41.123 UTC [893] PANIC:  could not write to file "pg_wal/xlogtemp.893": No space left on device',
                "2024-05-01T09:07:41.123000+00:00",
                FATAL,
                'could not write to file "pg_wal/xlogtemp.893": No space left on device',
            ),
            Example(
                "2024-05-01 08:00:00.972 UTC [893] LOG:  duration: 270.160 ms",
                "2024-05-01T08:00:00.972000+00:00",
                INFO,
                "duration: 270.160 ms",
            ),
            Example(
                '2024-05-01 08:00:00 CET:10.0.0.1(4711):bob@shop:[893]:ERROR:  relation "x" does not exist',
                "2024-05-01T07:00:00+00:00",
                ERROR,
                'relation "x" does not exist',
            ),
        ),
    ),
    EventFormat(
        name="postgresql-csv",
        title="PostgreSQL csvlog",
        pattern=(
            r'^(?P<time>\d{4}-\d\d-\d\d %CLOCK%\.\d+ [A-Z]{3,4}),(?:"(?P<user>[^"]*)")?,(?:"(?P<database>[^"]*)")?,(?P<pid>\d*),(?:"[^"]*")?,(?P<session>[0-9a-f.]*),'
            rf'\d*,(?:"[^"]*")?,[^,]*,[^,]*,\d*,(?P<level>{_PG_WORDS}),(?P<code>\w{{5}}),(?:"(?P<message>(?:[^"]|"")*)"?)?.*$'
        ),
        starts="0",
        contains=(",",),
        levels=_PG_LEVELS,
        code=("code",),
        stream=("session",),
        sequence=("session",),
        examples=(
            Example(
                '2024-05-01 09:07:41.123 UTC,"bob","shop",893,"10.0.0.1:4711",65a.37d,1,"SELECT",2024-05-01 09:00:00 UTC,3/12,0,ERROR,42P01,"relation ""x"" does not exist",,,,,,"SELECT 1",15,,"psql"',
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                'relation ""x"" does not exist',
            ),
        ),
    ),
    EventFormat(
        name="pgbouncer",
        title="PgBouncer: time [pid] LEVEL message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%\.\d+ [A-Z]{3,4}) \[(?P<pid>\d+)\] (?P<level>LOG|DEBUG|WARNING|ERROR|FATAL|NOISE) (?P<message>.*)$",
        levels=(("log", INFO), ("noise", DEBUG)),
        starts="0",
        examples=(
            Example(
                "2024-05-01 09:07:41.123 UTC [1] ERROR connection to server failed",
                "2024-05-01T09:07:41.123000+00:00",
                ERROR,
                "connection to server failed",
            ),
        ),
    ),
    EventFormat(
        name="mysql-error",
        title="MySQL and MariaDB error log",
        pattern=(
            r"^(?:(?P<time>\d{4}-\d\d-\d\d[T ]\s?%CLOCK%(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?) (?P<thread>\d+) |(?P<time2>\d{6} {1,2}\d{1,2}:\d\d:\d\d) (?:(?P<thread2>\d+) )?)(?:\dx[0-9a-f]+ )?\[(?P<level>System|Note|Warning|Error|ERROR|Warn|Info)\] (?:\[(?P<code>MY-\d+)\] \[(?P<component>\w+)\] |(?P<component2>InnoDB|WSREP|Plugin '[^']*'): )?(?P<message>.*)$"
        ),
        starts="0",
        levels=(("system", INFO), ("note", INFO)),
        stream=("thread",),
        code=("code",),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01T09:07:41.937557Z 0 [ERROR] [MY-012574] [InnoDB] Unable to lock ./ibdata1 error: 11",
                "2024-05-01T09:07:41.937557+00:00",
                ERROR,
                "Unable to lock ./ibdata1 error: 11",
            ),
            Example(
                "170103  9:07:41 [Note] Event Scheduler: Loaded 0 events",
                "2017-01-03T09:07:41+00:00",
                INFO,
                "Event Scheduler: Loaded 0 events",
            ),
        ),
    ),
    EventFormat(
        name="mysql-general",
        title="MySQL general query log: time id command argument",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT%CLOCK%\.\d+(?:Z|[+-]\d\d:\d\d))\t\s*(?P<session>\d+) (?P<command>[A-Z][A-Za-z ]+?)\t(?P<message>.*)$",
        starts="0",
        contains=("\t",),
        sequence=("session",),
        examples=(
            Example(
                "2025-08-15T14:04:36.592691Z\t   10 Query\tselect @@version_comment limit 1",
                "2025-08-15T14:04:36.592691+00:00",
                None,
                "select @@version_comment limit 1",
            ),
        ),
    ),
    EventFormat(
        below=True,
        name="mysql-slow",
        title="MySQL slow query log: # Time: ...",
        pattern=r"^# Time: (?P<time>\d{4}-\d\d-\d\dT%CLOCK%\.\d+(?:Z|[+-]\d\d:\d\d)|\d{6} {1,2}%CLOCK%)(?P<message>)$",
        starts="#",
        severity=WARN,
        examples=(
            Example(
                "# Time: 2024-05-01T09:07:41.937557Z\n# Query_time: 3.2\nSELECT 1;",
                "2024-05-01T09:07:41.937557+00:00",
                WARN,
                "# Query_time: 3.2",
            ),
        ),
    ),
    EventFormat(
        name="redis",
        title="Redis: pid:role time mark message",
        pattern=(
            r"^(?:(?P<pid>\d+):(?P<role>[XCSM]) |\[(?P<pid2>\d+)\] )(?P<time>\d{1,2} %MON%(?: \d{4})? %CLOCK%(?:\.\d+)?) (?P<level>[.\-*#]) (?P<message>.*)$"
        ),
        starts="0[",
        levels=_REDIS_LEVELS,
        sequence=("role",),
        examples=(
            Example(
                "1:M 01 May 2024 09:07:41.231 # Can't save in background: fork: Cannot allocate memory",
                "2024-05-01T09:07:41.231000+00:00",
                WARN,
                "Can't save in background: fork: Cannot allocate memory",
            ),
            Example(
                "[3574] 13 Apr 12:52:30.731 # Sentinel runid is 2e3b1eed",
                "0000-04-13T12:52:30.731000+00:00",
                WARN,
                "Sentinel runid is 2e3b1eed",
            ),
        ),
    ),
    EventFormat(
        name="redis-signal",
        title="Redis signal handler: pid:signal-handler (epoch) message",
        pattern=r"^(?P<pid>\d+):signal-handler \((?P<time>\d{9,10})\) (?P<message>.*)$",
        starts="0",
        contains=("signal-handler",),
        examples=(
            Example(
                "1:signal-handler (1693279182) Received SIGTERM scheduling shutdown...",
                "2023-08-29T03:19:42+00:00",
                None,
                "Received SIGTERM scheduling shutdown...",
            ),
        ),
    ),
    EventFormat(
        name="mongodb-text",
        title="MongoDB before 4.4: time L COMPONENT [context] message",
        pattern=r"^(?P<time>%ISO%)\s+(?P<level>[IWEFD]\d?)\s+(?P<component>[A-Z\-]+)\s+\[(?P<thread>[^\]]+)\] (?P<message>.*)$",
        starts="0",
        levels=(*_MONGO_LEVELS, *((f"d{at}", DEBUG) for at in range(6))),
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "2018-05-01T09:07:41.123+0200 E STORAGE  [initandlisten] WiredTiger error (28) No space left on device",
                "2018-05-01T07:07:41.123000+00:00",
                ERROR,
                "WiredTiger error (28) No space left on device",
            ),
        ),
    ),
    EventFormat(
        name="mssql",
        title="SQL Server error log: time process message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%\.\d\d)\s+(?P<component>spid\d+s?|Server|Logon|Backup)\s+(?P<message>(?:(?P<level>Error|Warning): )?.*)$",
        starts="0",
        stream=("component",),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01 09:07:41.55 spid68      Error: 824, Severity: 24, State: 2.",
                "2024-05-01T09:07:41.550000+00:00",
                ERROR,
                "Error: 824, Severity: 24, State: 2.",
            ),
            Example(
                "2024-05-01 08:00:00.63 spid68      Starting up database 'tmp7'.",
                "2024-05-01T08:00:00.630000+00:00",
                None,
                "Starting up database 'tmp7'.",
            ),
        ),
    ),
    EventFormat(
        name="elasticsearch",
        title="Elasticsearch and OpenSearch server log: [time][LEVEL][class] [node] message",
        pattern=r"^\[(?P<time>%ISO%)\]\[(?P<level>[A-Z]+)\s*\]\[(?P<component>[^\]]+?)\s*\] ?(?:\[(?P<node>[^\]]*)\] ?)?(?P<message>.*)$",
        starts="[",
        contains=("][",),
        sequence=("component",),
        examples=(
            Example(
                "[2024-05-01T09:07:41,214][ERROR][o.e.b.Bootstrap] [node-1] Exception",
                "2024-05-01T09:07:41.214000+00:00",
                ERROR,
                "Exception",
            ),
        ),
    ),
    EventFormat(
        name="cassandra",
        title="Cassandra: LEVEL [thread] time File.java:line - message",
        pattern=r"^(?P<level>[A-Z]+)\s+\[(?P<thread>[^\]]+(?:\][^\]]*)?)\] (?P<time>%ISO%) (?P<frame>\S+:\d+) - (?P<message>.*)$",
        starts="a",
        stream=("thread",),
        sequence=("thread",),
        examples=(
            Example(
                "WARN  [ScheduledTasks:1] 2024-05-01 09:07:41,123 NoSpamLogger.java:94 - Out of 3 commit log syncs",
                "2024-05-01T09:07:41.123000+00:00",
                WARN,
                "Out of 3 commit log syncs",
            ),
        ),
    ),
    EventFormat(
        name="rabbitmq",
        title="RabbitMQ: time [level] <process> message",
        pattern=r"^(?P<time>%ISO%) \[(?P<level>[a-z]+)\] <(?P<process>[\d.]+)> (?P<message>.*)$",
        starts="0",
        stream=("process",),
        sequence=("process",),
        examples=(
            Example(
                "2024-05-01 09:07:41.123456+00:00 [error] <0.682.0> closing AMQP connection <0.682.0>",
                "2024-05-01T09:07:41.123456+00:00",
                ERROR,
                "closing AMQP connection <0.682.0>",
            ),
        ),
    ),
    EventFormat(
        name="kafka",
        title="Kafka: [time] LEVEL message (class)",
        pattern=r"^\[(?P<time>\d{4}-\d\d-\d\d %CLOCK%,\d+)\] (?P<level>[A-Z]+) (?:\[(?P<thread>[^\]]+)\]:? )?(?P<message>.*?)(?: \((?P<component>[\w.$]+)\))?$",
        starts="[",
        rank=0,
        sequence=("thread",),
        examples=(
            Example(
                "[2024-05-01 09:07:41,772] ERROR Error while reading checkpoint file /data/x (kafka.server.LogDirFailureChannel)",
                "2024-05-01T09:07:41.772000+00:00",
                ERROR,
                "Error while reading checkpoint file /data/x",
            ),
            Example(
                "[2024-05-01 08:00:00,254] INFO [ProducerStateManager partition=orders-6] Wrote producer snapshot. (kafka.log.LocalLog)",
                "2024-05-01T08:00:00.254000+00:00",
                INFO,
                "Wrote producer snapshot.",
            ),
        ),
    ),
    EventFormat(
        name="clickhouse",
        title="ClickHouse: time [ thread ] {query} <Level> component: message",
        pattern=r"^(?P<time>\d{4}\.\d\d\.\d\d %CLOCK%(?:\.\d+)?) \[ (?P<thread>\d+) \] \{(?P<session>[^}]*)\} <(?P<level>\w+)> (?P<component>[^:]+(?:: :[^:]*)?): (?P<message>.*)$",
        starts="0",
        stream=("thread",),
        sequence=("session", "thread"),
        examples=(
            Example(
                "2024.05.01 09:07:41.123456 [ 77 ] {a1b2} <Error> executeQuery: Code: 60. DB::Exception: Table x doesn't exist",
                "2024-05-01T09:07:41.123456+00:00",
                ERROR,
                "Code: 60. DB::Exception: Table x doesn't exist",
            ),
        ),
    ),
    EventFormat(
        name="influxdb",
        title="InfluxDB 1 (zap console with lvl) and CouchDB: [level] time node process message",
        pattern=r"^\[(?P<level>\w+)\] (?P<time>%ISO%) (?P<host>\S+@\S+) <(?P<process>[\d.]+)> (?P<session>\S+) (?P<message>.*)$",
        starts="[",
        sequence=("process",),
        examples=(
            Example(
                "[error] 2024-05-01T09:07:41.123456Z couchdb@127.0.0.1 <0.123.0> -------- Replicator failed",
                "2024-05-01T09:07:41.123456+00:00",
                ERROR,
                "Replicator failed",
            ),
        ),
    ),
    EventFormat(
        name="ceph",
        title="Ceph: time thread level message",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d[T ]%CLOCK%\.\d{3,6}(?:[+-]\d{4})?) (?P<thread>[0-9a-f]{8,16})\s+(?P<number>-?\d+) (?:(?P<message>(?:log_channel\(\w+\) log \[(?P<level>DBG|INF|WRN|ERR|SEC)\] : )?.*))$",
        levels=(("dbg", DEBUG), ("inf", INFO), ("wrn", WARN), ("err", ERROR), ("sec", WARN)),
        starts="0",
        stream=("thread",),
        examples=(
            Example(
                "2024-05-01T09:07:41.123+0000 7f1c2b3a4700  0 log_channel(cluster) log [WRN] : slow request osd_op",
                "2024-05-01T09:07:41.123000+00:00",
                WARN,
                "log_channel(cluster) log [WRN] : slow request osd_op",
            ),
        ),
    ),
    EventFormat(
        below=True,
        name="oracle-listener",
        title="Oracle alert and listener log: time line, then text",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\dT%CLOCK%\.\d+[+-]\d\d:\d\d)(?P<message>)$",
        starts="0",
        examples=(
            Example(
                "2024-05-01T09:07:41.123456+02:00\nORA-00600: internal error code",
                "2024-05-01T07:07:41.123456+00:00",
                None,
                "ORA-00600: internal error code",
            ),
        ),
    ),
    EventFormat(
        name="bind",
        title="BIND named log: dd-Mon-yyyy time category: severity: message",
        mark=r" (?:general|database|security|config|resolver|xfer-in|xfer-out|notify|client|network|update|update-security|queries|query-errors|dispatch|dnssec|lame-servers|delegation-only|edns-disabled|rpz|rate-limit|zoneload|unmatched|default|dnstap|cname|spill): |zone [\w.\-]+/|named|/IN\b",
        pattern=r"^(?P<time>\d\d-%MON%-\d{4} %CLOCK%(?:\.\d+)?) (?:(?P<component>[\w\-]+): )?(?:(?P<level>critical|error|warning|notice|info|debug \d+|debug): )?(?P<message>.*)$",
        starts="0",
        levels=tuple((f"debug {at}", DEBUG) for at in range(10)),
        sequence=("component",),
        rank=1,
        examples=(
            Example(
                "01-May-2024 09:07:41.123 lame-servers: info: connection refused resolving 'x.org/A/IN'",
                "2024-05-01T09:07:41.123000+00:00",
                INFO,
                "connection refused resolving 'x.org/A/IN'",
            ),
        ),
    ),
    EventFormat(
        name="openvpn",
        title="OpenVPN: ctime client message",
        mark=r"OpenVPN|TLS|VERIFY|MULTI|PUSH|[Pp]eer|Sequence Completed|MANAGEMENT|AUTH|Control Channel|SIG[A-Z]+\[|link (?:local|remote)|TUN/TAP|Options error",
        pattern=r"^(?P<time>%DAY% %MON% {1,2}\d{1,2} %CLOCK% \d{4})(?: us=\d+)? (?:(?P<client>[\w.\-]*/?\d[\d.]+:\d+) )?(?P<message>(?:(?P<level>WARNING|ERROR|NOTE|FATAL|TLS Error|AUTH_FAILED|VERIFY ERROR|Options error)(?::| ))?.*)$",
        starts="a",
        levels=(("tls error", ERROR), ("auth_failed", ERROR), ("verify error", ERROR), ("options error", ERROR)),
        sequence=("client",),
        rank=1,
        examples=(
            Example(
                "Wed May  1 09:07:41 2024 10.0.0.7:1194 TLS Error: TLS handshake failed",
                "2024-05-01T09:07:41+00:00",
                ERROR,
                "TLS Error: TLS handshake failed",
            ),
        ),
    ),
    EventFormat(
        name="fail2ban",
        title="fail2ban: time component [pid]: LEVEL message",
        pattern=r"^(?P<time>%ISO%) (?P<component>fail\dban[\w.]*)\s*\[(?P<pid>\d+)\]: (?P<level>[A-Z]+)\s+(?P<message>.*)$",
        starts="0",
        contains=("fail2ban",),
        sequence=("component",),
        examples=(
            Example(
                "2024-05-01 09:07:41,123 fail2ban.actions        [411]: NOTICE  [sshd] Ban 10.0.0.7",
                "2024-05-01T09:07:41.123000+00:00",
                INFO,
                "[sshd] Ban 10.0.0.7",
            ),
        ),
    ),
    EventFormat(
        name="vsftpd",
        title="vsftpd: ctime [pid n] [user] message",
        pattern=r"^(?P<time>%CTIME%) \[pid (?P<pid>\d+)\] (?:\[(?P<user>[^\]]*)\] )?(?P<message>.*)$",
        starts="a",
        sequence=("pid",),
        examples=(
            Example(
                'Wed May  1 09:07:41 2024 [pid 311] [bob] FAIL LOGIN: Client "10.0.0.7"',
                "2024-05-01T09:07:41+00:00",
                None,
                'FAIL LOGIN: Client "10.0.0.7"',
            ),
        ),
    ),
    EventFormat(
        below=True,
        name="samba",
        title="Samba: [time, level, pid] source:line(function), then text",
        pattern=r"^\[(?P<time>\d{4}/\d\d/\d\d %CLOCK%(?:\.\d+)?),\s+(?P<level>\d+)(?:, pid=(?P<pid>\d+)[^\]]*)?\] (?P<frame>\S+)(?P<message>)$",
        starts="[",
        levels=tuple(
            (str(at), ERROR if at == 0 else WARN if at == 1 else INFO if at < 4 else DEBUG) for at in range(11)
        ),
        stream=("pid",),
        examples=(
            Example(
                "[2024/05/01 09:07:41.123456,  0] ../source3/smbd/server.c:1234(main)\n  smbd version 4.1 started.",
                "2024-05-01T09:07:41.123456+00:00",
                ERROR,
                "smbd version 4.1 started.",
            ),
        ),
    ),
    EventFormat(
        name="exim",
        title="Exim main log: time message-id flag",
        pattern=r"^(?P<time>\d{4}-\d\d-\d\d %CLOCK%(?:\.\d+)?(?: [+-]\d{4})?) (?:\[(?P<pid>\d+)\] )?(?P<session>[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}) (?P<message>.*)$",
        starts="0",
        sequence=("session",),
        examples=(
            Example(
                "2024-05-01 09:07:41 1s2Abc-0003Xy-Qz ** bob@example.org R=dnslookup: all hosts failed",
                "2024-05-01T09:07:41+00:00",
                None,
                "** bob@example.org R=dnslookup: all hosts failed",
            ),
        ),
    ),
    EventFormat(
        name="asterisk",
        title="Asterisk: [time] LEVEL[thread] file: message",
        pattern=r"^\[(?P<time>%MON% {1,2}\d{1,2} %CLOCK%|%ISO%)\] (?P<level>[A-Z]+)\[(?P<thread>\d+)\](?:\[(?P<session>C-[0-9a-f]+)\])? (?P<component>[\w.\-]+): (?P<message>.*)$",
        starts="[",
        levels=(("dtmf", INFO), ("verbose", INFO)),
        sequence=("session", "thread"),
        examples=(
            Example(
                "[May  1 09:07:41] ERROR[1234][C-0000001a] chan_sip.c: Call from 10.0.0.7 rejected",
                "0000-05-01T09:07:41+00:00",
                ERROR,
                "Call from 10.0.0.7 rejected",
            ),
        ),
    ),
    EventFormat(
        name="zeek",
        title="Zeek (Bro): tab-separated, epoch first",
        pattern=r"^(?P<time>\d{10}\.\d{6})\t(?P<session>[\w(]\w{8,20})\t(?P<message>.*)$",
        starts="0",
        contains=("\t",),
        examples=(
            Example(
                "1258531221.486539\tCHhAvVGS1DHFjwGM9\t192.168.1.102\t68\t192.168.1.1\t67\tudp",
                "2009-11-18T08:00:21.486539+00:00",
                None,
                "192.168.1.102\t68\t192.168.1.1\t67\tudp",
            ),
        ),
    ),
    EventFormat(
        name="snort",
        title="Snort and Suricata fast alert: time [**] [gid:sid:rev] message",
        pattern=r"^(?P<time>\d\d/\d\d(?:/\d{2,4})?-%CLOCK%\.\d+)\s+\[\*\*\] \[(?P<code>\d+:\d+:\d+)\] (?P<message>.*)$",
        starts="0",
        contains=("[**]",),
        order="mdy",
        code=("code",),
        severity=WARN,
        examples=(
            Example(
                "05/01/2024-09:07:41.123456  [**] [1:2008578:6] ET SCAN Sipvicious Scan [**] [Priority: 2] {UDP} 10.0.0.7:5061 -> 10.0.0.1:5060",
                "2024-05-01T09:07:41.123456+00:00",
                WARN,
                "ET SCAN Sipvicious Scan [**] [Priority: 2] {UDP} 10.0.0.7:5061 -> 10.0.0.1:5060",
            ),
        ),
    ),
)
