"""A second lot of lines of programs, written down before they were tried: time, severity and message are read.

Of 66 lines the first try read every time, 58 severities and 65 messages; what was mended since stands here too.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from logllm.hf_datasets.events import EventLog

# (program, line, time in UTC ("some" where the year is left out, "clock" where the date is), severity, end of the message)
MORE = [
    ("lnav_debug","2023-04-24T01:01:45.123456-07:00 I t0 lnav.cc:2890 lnav 0.11.1 starting","2023-04-24T08:01:45.123456",9,"starting"),
    ("vmk","2012-01-12T08:31:23.123Z cpu1:34567)ALERT: Heap: 2129: Out of memory","2012-01-12T08:31:23.123000",21,"Out of memory"),
    ("engine","2013-05-16 14:29:50,123 WARN  [org.ovirt.engine.core.bll.AddVmCommand] (ajp-127.0.0.1) CanDoAction of action AddVm failed","2013-05-16T14:29:50.123000",13,"failed"),
    ("cups page","laserjet bob 12 [14/May/2013:16:22:12 -0700] 1 1 - localhost report - -","2013-05-14T23:22:12",None,"- -"),
    ("cups error","W [14/May/2013:16:22:12 -0700] CreateProfile failed: org.freedesktop.ColorManager.AlreadyExists","2013-05-14T23:22:12",13,"AlreadyExists"),
    ("xmlrpc","2013/05/14 16:22:12 -07:00 1234 10.1.1.1: wsgi/app.check_user","2013-05-14T23:22:12",None,""),
    ("block","Jul 20 2013 10:22:33 [12] ERROR - failed block","2013-07-20T10:22:33",17,"failed block"),
    ("rails","I, [2013-05-14T16:22:12.123456 #1234]  INFO -- : Completed 200 OK in 12ms","2013-05-14T16:22:12.123456",9,"in 12ms"),
    ("sudo","Jan 10 10:22:12 host1 sudo:    bob : TTY=pts/1 ; PWD=/home ; USER=root ; COMMAND=/bin/ls","some",None,"COMMAND=/bin/ls"),
    ("caddy",'{"level":"error","ts":1646861401.5241024,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"127.0.0.1","method":"GET","uri":"/"},"status":404}',"2022-03-09T21:30:01.524102",17,"handled request"),
    ("w3c","2013-05-14 16:22:12 10.0.0.1 GET /x - 80 - 10.0.0.2 Mozilla - 404 0 2 15","2013-05-14T16:22:12",13,"15"),
    ("squid","1368573732.123     45 10.0.0.7 TCP_DENIED/407 3897 CONNECT x.org:443 - HIER_NONE/- text/html","2013-05-14T23:22:12.123000",13,"text/html"),
    ("env_logger","[2021-05-24T20:31:05Z WARN  my_crate::mod] low on memory","2021-05-24T20:31:05",13,"low on memory"),
    ("env_logger old"," INFO 2021-05-24T20:31:05Z: my_crate: starting","2021-05-24T20:31:05",9,"starting"),
    ("tracing pretty","  2024-05-01T09:07:41.123456Z  WARN shop: low","2024-05-01T09:07:41.123456",13,"low"),
    ("nextflow","Feb-14 11:22:33.123 [main] DEBUG nextflow.cli.Launcher - $> nextflow run x","some",5,"run x"),
    ("katello","2016-04-08 11:22:33 [app] [I] Started GET \"/\" for 10.0.0.1","2016-04-08T11:22:33",9,"10.0.0.1"),
    ("openamdb",'"2014-06-15 01:04:52" "SUCCESS|http://x" "Not Available" INFO dc=openam id=x',"2014-06-15T01:04:52",9,"id=x"),
    ("vpxd old","2013-03-29T16:22:12.123-07:00 [7F2A warning 'VpxProfiler'] took 12 ms","2013-03-29T23:22:12.123000",13,"took 12 ms"),
    ("postfix","Jan 10 10:22:12 mail postfix/smtpd[123]: warning: hostname x does not resolve","some",13,"does not resolve"),
    ("iptables","Jan 10 10:22:12 fw kernel: [12345.678] IPTABLES-DROP: IN=eth0 OUT= SRC=1.2.3.4","some",None,"SRC=1.2.3.4"),
    ("ufw","Jan 10 10:22:12 fw kernel: [UFW BLOCK] IN=eth0 OUT= SRC=1.2.3.4","some",None,"SRC=1.2.3.4"),
    ("ASL","Jul 10 10:22:12 mac com.apple.launchd[1] (com.apple.x[12]) <Warning>: Service exited","some",13,"Service exited"),
    ("ASL2","Mon Jul 10 10:22:12.123 <kernel> Setting BTCoex Config","some",None,"BTCoex Config"),
    ("pm2","0|api  | 2024-05-01T09:07:41: Error: connect ECONNREFUSED","2024-05-01T09:07:41",17,"ECONNREFUSED"),
    ("pm2b","2024-05-01T09:07:41: PM2 log: App [api:0] exited with code [1]","2024-05-01T09:07:41",None,"code [1]"),
    ("pino-pretty","[09:07:41.123] ERROR (17): posting stopped","clock 09:07:41.123000",17,"posting stopped"),
    ("consola","[9:07:41 AM]  ERROR  posting stopped","clock 09:07:41",17,"posting stopped"),
    ("electron","[17:0501/090741.123:WARNING:gpu.cc(12)] lost",None,13,"lost"),
    ("rsyslog high","2024-05-01T09:07:41.123456+02:00 host app[12]: [ERROR] stopped","2024-05-01T07:07:41.123456",17,"stopped"),
    ("logback json",'{"@timestamp":"2024-05-01T09:07:41.123Z","severity":"ERROR","message":"x","thread":"main"}',"2024-05-01T09:07:41.123000",17,"x"),
    ("aws lambda","2024-05-01T09:07:41.123Z\t0f3b1a2c-1111-2222-3333-444455556666\tERROR\tInvoke Error","2024-05-01T09:07:41.123000",17,"Invoke Error"),
    ("aws lambda start","START RequestId: 0f3b1a2c-1111-2222-3333-444455556666 Version: $LATEST",None,None,"$LATEST"),
    ("heroku","2024-05-01T09:07:41.123456+00:00 heroku[web.1]: State changed from up to crashed","2024-05-01T09:07:41.123456",None,"crashed"),
    ("azure app","2024-05-01T09:07:41  PID[1234] Error       Unhandled exception","2024-05-01T09:07:41",17,"Unhandled exception"),
    ("gcp gke",'{"severity":"CRITICAL","time":"2024-05-01T09:07:41.123Z","message":"x"}',"2024-05-01T09:07:41.123000",21,"x"),
    ("bro http","1258531221.486539\tCHhAvVGS1DHFjwGM9\t10.0.0.1\t1\t10.0.0.2\t80\t1\tGET\tx.org\t/","2009-11-18T08:00:21.486539",None,"/"),
    ("dnsmasq","May  1 09:07:41 dnsmasq[311]: query[A] x.org from 10.0.0.7","some",None,"from 10.0.0.7"),
    ("ntpd"," 1 May 09:07:41 ntpd[311]: synchronized to 10.0.0.1, stratum 2","some",None,"stratum 2"),
    ("mongod 3","2018-05-01T09:07:41.123+0200 I NETWORK  [conn17] end connection 10.0.0.1:5000","2018-05-01T07:07:41.123000",9,"10.0.0.1:5000"),
    ("vertica","2024-05-01 09:07:41.123 Main:0x7f00 [Init] <INFO> Starting up","2024-05-01T09:07:41.123000",9,"Starting up"),
    ("tomcat access",'10.0.0.7 - - [01/May/2024:09:07:41 +0000] "GET /x HTTP/1.1" 500 12',"2024-05-01T09:07:41",17,"12"),
    ("java gc","[2024-05-01T09:07:41.123+0000][warning][gc] GC(12) Pause Young","2024-05-01T09:07:41.123000",13,"Pause Young"),
    ("java gc2","[1.234s][info][gc,heap] GC(0) Eden regions: 1->0(2)",None,9,"1->0(2)"),
    ("nest json",'{"level":"warn","context":"App","message":"x","timestamp":1714554461123}',"2024-05-01T09:07:41.123000",13,"x"),
    ("grafana","logger=context t=2024-05-01T09:07:41.123+00:00 lvl=eror msg=\"Request error\"","2024-05-01T09:07:41.123000",17,"Request error"),
    ("prometheus","level=warn ts=2024-05-01T09:07:41.123Z caller=main.go:12 component=tsdb msg=\"slow\"","2024-05-01T09:07:41.123000",13,"slow"),
    ("coredns","[ERROR] plugin/errors: 2 x.org. A: read udp: i/o timeout",None,17,"i/o timeout"),
    ("linkerd","[     0.001234s]  WARN ThreadId(01) linkerd2_proxy: slow",None,13,"slow"),
    ("cilium","time=2024-05-01T09:07:41Z level=error msg=\"lost\" subsys=daemon","2024-05-01T09:07:41",17,"lost"),
    ("terraform","2024-05-01T09:07:41.123+0200 [WARN]  provider: slow","2024-05-01T07:07:41.123000",13,"slow"),
    ("flink","2024-05-01 09:07:41,123 WARN  org.apache.flink.runtime.taskmanager.Task                   [] - Source (1/1) switched to FAILED","2024-05-01T09:07:41.123000",13,"switched to FAILED"),
    ("storm","2024-05-01 09:07:41.123 o.a.s.d.s.Supervisor main [ERROR] died","2024-05-01T09:07:41.123000",17,"died"),
    ("hive","2024-05-01T09:07:41,123  INFO [main] conf.HiveConf: Found configuration file","2024-05-01T09:07:41.123000",9,"Found configuration file"),
    ("yarn","24/05/01 09:07:41 WARN util.NativeCodeLoader: Unable to load","2024-05-01T09:07:41",13,"Unable to load"),
    ("oozie","2024-05-01 09:07:41,123  WARN ActionStartXCommand:523 - SERVER[x] USER[bob] failed","2024-05-01T09:07:41.123000",13,"failed"),
    ("ibm was","[5/1/24 9:07:41:123 CEST] 0000004a ServletWrappe E   SRVE0068E: Uncaught exception","2024-05-01T07:07:41.123000",17,"Uncaught exception"),
    ("win ca","5/1/2024 9:07:41 AM,Warning,foo","2024-05-01T09:07:41",13,"foo"),
    ("tinyproxy","CONNECT   May 01 09:07:41 [311]: Connect (file descriptor 6)",None,None,"descriptor 6)"),
    ("turkish","01.05.2024 09:07:41 UYARI disk dolu","2024-05-01T09:07:41",13,"disk dolu"),
    ("japanese","2024/05/01 09:07:41 [エラー] 接続失敗","2024-05-01T09:07:41",17,"接続失敗"),
    ("korean","2024-05-01 09:07:41 오류: 실패","2024-05-01T09:07:41",17,"실패"),
    ("portuguese","01/05/2024 09:07:41 ERRO falha de conexão","2024-05-01T09:07:41",17,"falha de conexão"),
    ("middleware","2024-06-12|06:00:03,584|MW1|ERROR|HOST|e9f0011d|Certificado revocado","2024-06-12T06:00:03.584000",17,"Certificado revocado"),
    ("semicolons","2024-06-12;06:00:03;HYD1;STATUS;Druck=180 bar","2024-06-12T06:00:03",None,"Druck=180 bar"),
    ("plc","12.06.24 06:06:43 ALARM NOT-HALT Station 4 betätigt","2024-06-12T06:06:43",17,"NOT-HALT Station 4 betätigt"),
    ("day and month","10.06. 11:16:40 WARNUNG Papierstau in Fach 2","some",13,"Papierstau in Fach 2"),
    ("queue id of digits","Jun 12 06:00:12 mail postfix/smtpd[2001]: 3329104217: client=mx.example","some",None,"3329104217: client=mx.example"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "line", "time", "severity", "end"), MORE, ids=[one[0] for one in MORE])
def test_more_programs(tmp_path, program, line, time, severity, end):
    path = tmp_path / "x.log"
    path.write_text(line + "\n")
    event = next(iter(EventLog([path]).read(0)))
    assert (event.severity, end in event.message) == (severity, True)
    found = None if event.timestamp is None else datetime.fromtimestamp(event.timestamp, UTC).isoformat()[:-6]
    if time == "some":
        assert found is not None and 0 <= datetime.now(UTC).year - int(found[:4]) <= 1
    elif time is not None and time.startswith("clock "):
        assert found is not None and found[11:] == time[6:]
    elif time is not None:
        assert found == time


def test_events_copied_from_the_event_viewer(tmp_path):
    told = "Log Name:      System\nSource:        Disk\nDate:          06/{day}/2024 9:07:41 PM\nLevel:         {level}\nDescription:\n{text}\n\nMore.\n\n"
    path = tmp_path / "system.log"
    path.write_text(
        told.format(day=10, level="Error", text="bad block") + told.format(day=12, level="Information", text="ok")
    )
    first, second = EventLog([path]).read(0)
    assert (first.severity, first.message, second.severity) == (17, "bad block\n\nMore.", 9)
    moments = [datetime.fromtimestamp(event.timestamp, UTC).isoformat()[:-6] for event in (first, second)]
    assert moments == ["2024-06-10T21:07:41", "2024-06-12T21:07:41"]  # AM and PM: the month comes first
