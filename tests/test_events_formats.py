"""Formats: every row reads its examples, and lines of programs that have no row of their own are read all the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from logllm.hf_datasets.events import ERROR, FATAL, INFO, WARN, EventLog
from logllm.hf_datasets.events.formats import ALL_ROWS, TEXT_ROWS, text_row
from logllm.hf_datasets.events.levels import status_level
from logllm.hf_datasets.events.row import expanded
from logllm.hf_datasets.systems.regex_properties import digit_blind

EXAMPLES = [(row.name, example) for row in ALL_ROWS for example in row.examples]


def read_one(tmp_path, text):
    """(format, first event) of a log of some lines."""
    path = tmp_path / "one.log"
    path.write_text(text + "\n")
    log = EventLog([path])
    event = next(iter(log.read(0)))
    return log.files[0].format, event


def same_time(found, wanted):
    """Whether a time is as written in `Example.time`: a year or date of zeros does not count."""
    if not wanted:
        return found is None
    text = "" if found is None else datetime.fromtimestamp(found, UTC).isoformat()
    if wanted.startswith("0000-00-00"):
        return text[10:] == wanted[10:]
    return text[4:] == wanted[4:] if wanted.startswith("0000") else text == wanted


def test_rows_are_well_formed():
    names = [row.name for row in ALL_ROWS]
    assert len(names) == len(set(names)) > 200
    assert [row.name for row in ALL_ROWS if not row.examples] == []
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9\-]*", name) for name in names)


@pytest.mark.parametrize("row", TEXT_ROWS, ids=lambda row: row.name)
def test_patterns_are_blind_to_digits(row):
    assert digit_blind(expanded(row.pattern)), row.name
    assert "message" in text_row(row).fields


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}-{at}" for at, (name, _) in enumerate(EXAMPLES)])
def test_every_row_reads_its_examples(tmp_path, name, example):
    format_name, event = read_one(tmp_path, example.line)
    assert (format_name, event.severity, event.message) == (name, example.severity, example.message)
    if name != "tcf":  # its times have no hour
        assert same_time(event.timestamp, example.time), event.timestamp


# Lines of programs as they log, from knowledge of the programs: (program, line, time, severity, end of the message).
STRANGERS = [
    ("ansible", "2024-05-01 09:07:41,123 p=311 u=bob n=ansible | fatal: [web1]: UNREACHABLE!", "2024-05-01T09:07:41.123000+00:00", FATAL, "UNREACHABLE!"),
    ("fluentd", "2024-05-01 09:07:41 +0000 [warn]: #0 failed to flush the buffer", "2024-05-01T09:07:41+00:00", WARN, "failed to flush the buffer"),
    ("fluent-bit", "[2024/05/01 09:07:41] [error] [output:es:es.0] HTTP status=503", "2024-05-01T09:07:41+00:00", ERROR, "HTTP status=503"),
    ("filebeat", "2024-05-01T09:07:41.123Z\tERROR\t[publisher]\tpipeline/output.go:154\tFailed to connect", "2024-05-01T09:07:41.123000+00:00", ERROR, "Failed to connect"),
    ("logstash", "[2024-05-01T09:07:41,123][WARN ][logstash.outputs.elasticsearch] Restored connection", "2024-05-01T09:07:41.123000+00:00", WARN, "Restored connection"),
    ("zabbix", "  1234:20240501:090741.123 cannot send list of active checks to server", "2024-05-01T09:07:41.123000+00:00", None, "active checks to server"),
    ("icinga2", "[2024-05-01 09:07:41 +0200] critical/ApiListener: Cannot connect to host", "2024-05-01T07:07:41+00:00", FATAL, "Cannot connect to host"),
    ("dovecot", "May  1 09:07:41 mail dovecot: imap-login: Error: master(imap): Auth request timed out", "0000-05-01T09:07:41+00:00", None, "Auth request timed out"),
    ("proftpd", "2024-05-01 09:07:41,123 host proftpd[311] 10.0.0.1: FTP session opened.", "2024-05-01T09:07:41.123000+00:00", None, "FTP session opened."),
    ("lighttpd", "2024-05-01 09:07:41: (server.c.1909) server stopped by UID = 0", "2024-05-01T09:07:41+00:00", None, "server stopped by UID = 0"),
    ("jetty", "2024-05-01 09:07:41.123:WARN:oejs.HttpChannel:qtp1-23: /api", "2024-05-01T09:07:41.123000+00:00", WARN, "/api"),
    ("glassfish", "[2024-05-01T09:07:41.123+0200] [glassfish 5.1] [SEVERE] [NCLS-CORE-00026] [javax.x] [tid: _ThreadID=30] Exception during start", "2024-05-01T07:07:41.123000+00:00", ERROR, "Exception during start"),
    ("activemq", "2024-05-01 09:07:41,123 | ERROR | Failed to start broker | org.apache.activemq.broker | main", "2024-05-01T09:07:41.123000+00:00", ERROR, "main"),
    ("nats", "[1] 2024/05/01 09:07:41.123456 [ERR] 10.0.0.1:4711 - cid:12 - authentication error", "2024-05-01T09:07:41.123456+00:00", ERROR, "authentication error"),
    ("mosquitto", "1714554461: Socket error on client web1, disconnecting.", "2024-05-01T09:07:41+00:00", None, "disconnecting."),
    ("pulsar", "09:07:41.123 [main] ERROR org.apache.pulsar.PulsarBrokerStarter - Failed to start", "0000-00-00T09:07:41.123000+00:00", ERROR, "Failed to start"),
    ("solr", "2024-05-01 09:07:41.123 ERROR (qtp1-23) [c:a s:shard1 r:core_node1] o.a.s.s.HttpSolrCall null", "2024-05-01T09:07:41.123000+00:00", ERROR, "null"),
    ("neo4j", "2024-05-01 09:07:41.123+0000 ERROR Failed to start Neo4j on 0.0.0.0:7474.", "2024-05-01T09:07:41.123000+00:00", ERROR, "0.0.0.0:7474."),
    ("cockroachdb", "E240501 09:07:41.123456 311 server/node.go:612  [n1,s1] lost quorum", "2024-05-01T09:07:41.123456+00:00", ERROR, "lost quorum"),
    ("tidb", '[2024/05/01 09:07:41.123 +00:00] [ERROR] [server.go:12] ["connection failed"] [conn=7]', "2024-05-01T09:07:41.123000+00:00", ERROR, "[conn=7]"),
    ("etcd-old", "2024-05-01 09:07:41.123456 W | etcdserver: read-only range request took too long", "2024-05-01T09:07:41.123456+00:00", WARN, "took too long"),
    ("trino", "2024-05-01T09:07:41.123Z\tERROR\tmain\tio.trino.server.Server\tStartup failed", "2024-05-01T09:07:41.123000+00:00", ERROR, "Startup failed"),
    ("dbt", "09:07:41.123456 [error] [MainThread]: Compilation Error", "0000-00-00T09:07:41.123456+00:00", ERROR, "Compilation Error"),
    ("tensorflow", "2024-05-01 09:07:41.123456: W tensorflow/core/framework/op.cc:1] out of memory", "2024-05-01T09:07:41.123456+00:00", WARN, "out of memory"),
    ("ros", "[ERROR] [1714554461.123456]: lost the base", "2024-05-01T09:07:41.123456+00:00", ERROR, "lost the base"),
    ("ros2", "[WARN] [1714554461.123456789] [planner]: no path", "2024-05-01T09:07:41.123457+00:00", WARN, "no path"),
    ("unreal", "[2024.05.01-09.07.41:123][ 17]LogNet: Warning: connection timed out", "2024-05-01T09:07:41.123000+00:00", WARN, "connection timed out"),
    ("home-assistant", "2024-05-01 09:07:41.123 ERROR (MainThread) [homeassistant.core] Timer got out of sync", "2024-05-01T09:07:41.123000+00:00", ERROR, "Timer got out of sync"),
    ("bitcoin", "2024-05-01T09:07:41Z UpdateTip: new best=00000 height=841000", "2024-05-01T09:07:41+00:00", None, "height=841000"),
    ("lnd", "2024-05-01 09:07:41.123 [ERR] LTND: Shutting down because error in main method", "2024-05-01T09:07:41.123000+00:00", ERROR, "in main method"),
    ("tor", "May 01 09:07:41.123 [warn] Your Guard is failing more circuits", "0000-05-01T09:07:41.123000+00:00", WARN, "failing more circuits"),
    ("windows-firewall", "2024-05-01 09:07:41 DROP TCP 10.0.0.1 10.0.0.2 4711 445 48 S", "2024-05-01T09:07:41+00:00", None, "445 48 S"),
    ("dism", "2024-05-01 09:07:41, Warning               DISM   DISM Provider Store: PID=311 failed to load", "2024-05-01T09:07:41+00:00", WARN, "failed to load"),
    ("solaris", "May  1 09:07:41 host genunix: [ID 540533 kern.notice] SunOS Release 5.11", "0000-05-01T09:07:41+00:00", None, "SunOS Release 5.11"),
    ("juniper", "May  1 09:07:41.123  r1 mib2d[2345]: %DAEMON-4-SNMP_TRAP_LINK_DOWN: ifIndex 512", "0000-05-01T09:07:41.123000+00:00", None, "ifIndex 512"),
    ("fortigate", 'date=2024-05-01 time=09:07:41 devname="fw1" level="warning" msg="link down"', None, WARN, "link down"),
    ("mikrotik", "may/01/2024 09:07:41 system,error,critical login failure for user admin", "2024-05-01T09:07:41+00:00", FATAL, "login failure for user admin"),
    ("openwrt", "Wed May  1 09:07:41 2024 daemon.err dnsmasq[1]: failed to load names", "2024-05-01T09:07:41+00:00", ERROR, "failed to load names"),
    ("cloud-init", "2024-05-01 09:07:41,123 - util.py[WARNING]: Failed running module", "2024-05-01T09:07:41.123000+00:00", WARN, "Failed running module"),
    ("dockerd", 'time="2024-05-01T09:07:41.123456789Z" level=error msg="Handler returned error" id=7', "2024-05-01T09:07:41.123457+00:00", ERROR, "Handler returned error"),
    ("istio", "2024-05-01T09:07:41.123456Z\terror\tads\tpush failed", "2024-05-01T09:07:41.123456+00:00", ERROR, "push failed"),
    ("gitea", "2024/05/01 09:07:41 ...ters/web/repo.go:12:View() [E] render failed", "2024-05-01T09:07:41+00:00", ERROR, "render failed"),
    ("mattermost", 'error [2024-05-01 09:07:41.123 Z] Failed to ping database caller="x.go:1"', "2024-05-01T09:07:41.123000+00:00", ERROR, 'caller="x.go:1"'),
    ("jira", "2024-05-01 09:07:41,123+0200 http-nio-8080-exec-3 ERROR bob 547x1x1 1a 10.0.0.7 /x [c.a.jira.web] broken", "2024-05-01T07:07:41.123000+00:00", ERROR, "broken"),
    ("artifactory", "2024-05-01T09:07:41.123Z [jfrt ] [ERROR] [ab12] [o.a.c.Foo:123] [http-nio-1] - Could not upload", "2024-05-01T09:07:41.123000+00:00", ERROR, "Could not upload"),
    ("sonarqube", "2024.05.01 09:07:41 ERROR web[][o.s.s.p.Platform] Background init failed", "2024-05-01T09:07:41+00:00", ERROR, "Background init failed"),
    ("teamcity", "[2024-05-01 09:07:41,123]   WARN -  jetbrains.buildServer.VCS - slow check", "2024-05-01T09:07:41.123000+00:00", WARN, "slow check"),
    ("bamboo", "error\t01-May-2024 09:07:41\tBuild failed", "2024-05-01T09:07:41+00:00", ERROR, "Build failed"),
    ("vscode", "2024-05-01 09:07:41.123 [error] Extension host terminated", "2024-05-01T09:07:41.123000+00:00", ERROR, "Extension host terminated"),
    ("chromedriver", "[1714554461.123][SEVERE]: Timed out receiving message", "2024-05-01T09:07:41.123000+00:00", ERROR, "Timed out receiving message"),
    ("selenium", "09:07:41.123 WARN [Node.run] - no session", "0000-00-00T09:07:41.123000+00:00", WARN, "no session"),
    ("freeradius", "Wed May  1 09:07:41 2024 : Error: Ignoring request to auth address", "2024-05-01T09:07:41+00:00", ERROR, "Ignoring request to auth address"),
    ("clamav", "Wed May  1 09:07:41 2024 -> WARNING: Your ClamAV installation is OUTDATED!", "2024-05-01T09:07:41+00:00", WARN, "is OUTDATED!"),
    ("slurm", "[2024-05-01T09:07:41.123] error: Node n1 has low real_memory size", "2024-05-01T09:07:41.123000+00:00", ERROR, "low real_memory size"),
    ("condor", "05/01/24 09:07:41 (pid:311) ERROR: failed to spawn job", "2024-05-01T09:07:41+00:00", ERROR, "failed to spawn job"),
    ("varnish", "2024-05-01 09:07:41 ERROR child (311) died signal=6", "2024-05-01T09:07:41+00:00", ERROR, "died signal=6"),
    ("syncthing", "[ABC12] 2024/05/01 09:07:41 WARNING: Failed to connect to relay", "2024-05-01T09:07:41+00:00", WARN, "Failed to connect to relay"),
    ("jitsi", "JVB 2024-05-01 09:07:41.123 SEVERE: [23] Videobridge.start#12: port in use", "2024-05-01T09:07:41.123000+00:00", ERROR, "port in use"),
    ("sap", "[Thr 140] Wed May  1 09:07:41 2024", "2024-05-01T09:07:41+00:00", None, ""),
    ("russian", "2024-05-01 09:07:41 ОШИБКА: нет связи с сервером", "2024-05-01T09:07:41+00:00", ERROR, "нет связи с сервером"),
    ("chinese", "2024年5月1日 09:07:41 [错误] 连接失败", "2024-05-01T09:07:41+00:00", ERROR, "连接失败"),
    ("french", "01/05/2024 09:07:41 - ERREUR - connexion perdue", "2024-05-01T09:07:41+00:00", ERROR, "connexion perdue"),
    ("spanish", "2024-05-01 09:07:41 ADVERTENCIA poco espacio", "2024-05-01T09:07:41+00:00", WARN, "poco espacio"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "line", "time", "severity", "end"), STRANGERS, ids=[one[0] for one in STRANGERS])
def test_programs_without_a_row(tmp_path, program, line, time, severity, end):
    _, event = read_one(tmp_path, line)
    assert event.severity == severity
    assert event.message.endswith(end) or end in event.message
    if time is not None:
        assert same_time(event.timestamp, time), event.timestamp


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("2024-05-01 09:07:41 [INFO] finished with 0 errors, 0 failed", INFO),
        ("2024-05-01 09:07:41 exception support... done", None),
        ("Link ok, no error, fail counters reset", None),
        ("I0501 09:07:41.126794       1 a.go:1] error count is 3", INFO),
        ('{"level":"info","msg":"FATAL is only a word here"}', INFO),
    ],
)
def test_words_do_not_outrank_levels(tmp_path, line, severity):
    assert read_one(tmp_path, line)[1].severity == severity


def test_status_level():
    assert [status_level(one) for one in (200, 302, 404, 500, 99)] == [9, 9, 13, 17, None]


def test_w3c_fields(tmp_path):
    text = (
        "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2024-05-01 09:07:40\n"
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\n"
        "2024-05-01 09:07:41 10.0.0.1 GET /a x=1 443 - 10.0.0.7 Mozilla/5.0 502 0 64 15\n"
        "2024-05-01 09:07:42 10.0.0.1 GET /b - 443 - 10.0.0.7 Mozilla/5.0 200 0 0 15\n"
    )
    path = tmp_path / "iis.log"
    path.write_text(text)
    log = EventLog([path])
    events = list(log.read(0))[-2:]
    assert log.files[0].format == "w3c-fields"
    assert [event.severity for event in events] == [ERROR, INFO]
    assert events[0].attributes["status"] == "502"
    assert events[0].attributes["cs_uri_stem"] == "/a"
    assert same_time(events[0].timestamp, "2024-05-01T09:07:41+00:00")


@pytest.mark.parametrize(
    "line", ["#Fields:", "#Fields: time", "#Fields: a a a sc-status message", "#Fields: x(y)z 1 2 3"]
)
def test_odd_w3c_fields(tmp_path, line):
    read_one(tmp_path, line + "\n12:00:00 b c 404 e\n")


@pytest.mark.parametrize(
    "line",
    [
        '{"level":"error","msg":"posting stopped","time":"2024-05-01T09:07:41Z"},',
        '2024-05-01T09:07:41Z {"level":"error","msg":"posting stopped","n":7}',
        'May  1 09:07:41 node1 shop[411]: @cee: {"level":"error","msg":"posting stopped"}',
        'May  1 09:07:41 node1 shop[411]: {"level":"error","msg":"posting stopped"}',
        '2024-05-01T09:07:41.123456789Z stdout F {"level":"error","msg":"posting stopped"}',
        'api-1  | {"level":"error","msg":"posting stopped","time":"2024-05-01T09:07:41Z"}',
        '{"log":"{\\"level\\":\\"error\\",\\"msg\\":\\"posting stopped\\"}\\n","stream":"stderr","time":"2024-05-01T09:07:41Z"}',
    ],
)
def test_json_behind_a_prefix_or_inside(tmp_path, line):
    _, event = read_one(tmp_path, line)
    assert (event.severity, event.message) == (ERROR, "posting stopped")
    assert same_time(event.timestamp, "0000-05-01T09:07:41+00:00") or event.timestamp == pytest.approx(
        1714554461.123457
    )
