"""Exports and consoles of widely used programs: time, level and message of the first event are read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from logllm.hf_datasets.events import DEBUG, ERROR, FATAL, INFO, WARN, EventLog

# (program, format, text, time, severity, message)
LOGS = [
    ("Azure activity", "csv", "Correlation id,Operation name,Status,Level,Time,Resource\na1,Delete VM,Failed,Error,2024-05-01T09:07:41.123Z,vm1\na2,Start VM,Succeeded,Informational,2024-05-01T09:08:41.123Z,vm1", "2024-05-01T09:07:41.123000", ERROR, 'Correlation_id=a1 Operation_name="Delete VM" Status=Failed Resource=vm1'),
    ("Graylog", "csv", '"timestamp","source","message"\n"2024-05-01T09:07:41.123Z","web1","upstream timed out"\n"2024-05-01T09:07:42.123Z","web1","ok"', "2024-05-01T09:07:41.123000", None, "upstream timed out"),
    ("Splunk", "csv", '"_time",host,source,"_raw"\n"2024-05-01T09:07:41.123+0000",web1,x,"2024-05-01 09:07:41,123 ERROR shop posting stopped"\n"2024-05-01T09:07:42.123+0000",web1,x,"2024-05-01 09:07:42,123 INFO shop ok"', "2024-05-01T09:07:41.123000", ERROR, "shop posting stopped"),
    ("CloudWatch", "csv", '@timestamp,@message,@logStream\n2024-05-01 09:07:41.123,"[ERROR] posting stopped",a\n2024-05-01 09:07:42.123,"[INFO] ok",a', "2024-05-01T09:07:41.123000", ERROR, "[ERROR] posting stopped"),
    ("Google Cloud", "csv", "insertId,jsonPayload.message,severity,timestamp\na1,posting stopped,ERROR,2024-05-01T09:07:41.123456Z\na2,ok,INFO,2024-05-01T09:07:42.123456Z", "2024-05-01T09:07:41.123456", ERROR, "posting stopped"),
    ("Home Assistant", "csv", "entity_id,state,last_changed\nsensor.kitchen,21.5,2024-05-01T09:07:41Z\nsensor.kitchen,21.6,2024-05-01T09:17:41Z", "2024-05-01T09:07:41", None, "entity_id=sensor.kitchen state=21.5"),
    ("Synology", "csv", "Level,Log,Time,User,Event\nError,System,2024/05/01 09:07:41,SYSTEM,Volume [1] crashed\nInfo,System,2024/05/01 09:08:41,SYSTEM,Volume [1] is well", "2024-05-01T09:07:41", ERROR, "Volume [1] crashed"),
    ("JMeter", "csv", "timeStamp,elapsed,label,responseCode,success\n1714554461123,120,Home,500,false\n1714554462123,121,Home,200,true", "2024-05-01T09:07:41.123000", ERROR, "elapsed=120 label=Home responseCode=500 success=false"),
    ("Locust", "csv", "Timestamp,User Count,Requests/s,50%,95%\n1714554461,10,1.2,12,13\n1714554462,10,1.2,12,13", "2024-05-01T09:07:41", None, "User_Count=10 Requests_s=1.2 p50=12 p95=13"),
    ("nvidia-smi", "csv", "timestamp, name, utilization.gpu [%], memory.used [MiB]\n2024/05/01 09:07:41.123, A100, 98 %, 40000 MiB\n2024/05/01 09:07:42.123, A100, 97 %, 40001 MiB", "2024-05-01T09:07:41.123000", None, 'name=A100 utilization.gpu="98 %" memory.used_MiB="40000 MiB"'),
    ("sysstat", "csv", "# hostname;interval;timestamp;CPU;%user;%idle\nweb1;600;2024-05-01 09:10:01 UTC;-1;1.2;98.2\nweb1;600;2024-05-01 09:20:01 UTC;-1;1.3;98.1", "2024-05-01T09:10:01", None, "hostname=web1 interval=600 CPU=-1 user=1.2 idle=98.2"),
    ("Windows counters", "csv", '"(PDH-CSV 4.0) (W. Europe Standard Time)(-60)","\\\\WEB1\\Processor(_Total)\\% Processor Time","\\\\WEB1\\Memory\\Available MBytes"\n"05/01/2024 09:07:41.123","12.5","1234"\n"05/01/2024 09:07:56.123","13.5","1230"', "2024-05-01T09:07:41.123000", None, "WEB1_Processor_Total_Processor_Time=12.5 WEB1_Memory_Available_MBytes=1234"),
    ("Get-EventLog", "csv", '#TYPE System.Object\n"TimeGenerated","EntryType","Source","Message"\n"01.05.2024 09:07:41","Error","SCM","The service\n\nstopped."\n"31.05.2024 09:08:41","Information","SCM","ok"', "2024-05-01T09:07:41", ERROR, "The service\n\nstopped."),
    ("German", "csv", "Zeitstempel;Anlage;Temperatur;Meldung\n01.05.2024 09:07:41;Presse 1;71,5;Druck zu hoch\n31.05.2024 09:08:41;Presse 1;71,6;ok", "2024-05-01T09:07:41", None, "Druck zu hoch"),
    ("French", "csv", "Horodatage;Machine;Niveau;Message\n01/05/2024 09:07:41;P1;Erreur;arrêt\n31/05/2024 09:08:41;P1;Info;ok", "2024-05-01T09:07:41", ERROR, "arrêt"),
    ("MikroTik", "mikrotik", "2024-05-01 09:07:41 system,info,account user admin logged in", "2024-05-01T09:07:41", INFO, "user admin logged in"),
    ("MikroTik 6", "mikrotik", "may/01/2024 09:07:41 system,error,critical login failure for user root", "2024-05-01T09:07:41", FATAL, "login failure for user root"),
    ("Android Studio", "android-studio", "2024-05-01 09:07:41.123  1795-1825  AndroidRuntime          com.example.app                      E  FATAL EXCEPTION: main", "2024-05-01T09:07:41.123000", ERROR, "FATAL EXCEPTION: main"),
    ("Android Studio, older", "android-studio", "2024-05-01 09:07:41.123 1795-1825/com.example.app D/Foo: bar", "2024-05-01T09:07:41.123000", DEBUG, "bar"),
    ("Terraform", "hclog-json", '{"@level":"error","@message":"Error: no","@module":"terraform.ui","@timestamp":"2024-05-01T09:07:41.123Z"}', "2024-05-01T09:07:41.123000", ERROR, "Error: no"),
    ("GitLab", "access-json", '{"method":"GET","path":"/a","controller":"C","status":500,"time":"2024-05-01T09:07:41.123Z"}', "2024-05-01T09:07:41.123000", ERROR, "/a"),
    ("Traefik", "json", '{"level":"error","msg":"no certificate","time":"2024-05-01T09:07:41Z","providerName":"le.acme"}', "2024-05-01T09:07:41", ERROR, "no certificate"),
    ("Kubernetes events", "kubectl-events", "12m   Warning   BackOff   pod/web-1   Back-off restarting failed container", None, WARN, "pod/web-1   Back-off restarting failed container"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "time", "severity", "message"), [one[1:] for one in LOGS], ids=[one[0] for one in LOGS])  # fmt: skip
def test_consoles(tmp_path, name, text, time, severity, message):
    path = tmp_path / "x.log"
    path.write_text(text + "\n")
    log = EventLog([path])
    event = next(iter(log.read(0)))
    found = None if event.timestamp is None else datetime.fromtimestamp(event.timestamp, UTC).isoformat()[:-6]
    assert (log.files[0].format, found, event.severity, event.message) == (name, time, severity, message)
