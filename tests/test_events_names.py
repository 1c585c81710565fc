"""A row carries the name of a program only where a line has something that this program alone writes."""

from __future__ import annotations

import pytest

from logllm.hf_datasets.events import EventLog

# (format without a mark of the program, a line; format with it, a line of the program)
PAIRS = [
    ("bracketed-seconds", "[  4384.195] world: saved in {} ms", "xorg", "[  4384.195] (II) modeset(0): mode {}"),
    ("generic", "01-Jul-2024 23:00:34  NIGHTLY  LOCK ACQUIRED  RC={}", "bind", "01-Jul-2024 23:00:34.123 general: info: managed-keys-zone: loaded serial {}"),
    ("level-process", "2024-09-17T06:00:35+02:00 INFO recorder[812] disk {} % used", "vmware", "2024-09-17T06:00:35.123Z info hostd[812] [Originator@6876 sub=Vimsvc] task {} done"),
    ("bracketed", "[2024-09-17 06:00:00,000][train.py][INFO] - epoch {}", "envoy-application", "[2024-09-17 06:00:00.123][12][info][main] [source/server/server.cc:390] listener {}"),
    ("bracketed-level", "[INFO] job {} is done", "maven", "[INFO] Building shop {}"),
    ("generic", "Tue Sep 17 06:00:00 2024 job {} is done", "openvpn", "Tue Sep 17 06:00:00 2024 10.0.0.7:1194 TLS: Initial packet from {}"),
    ("generic", "2024-09-17 06:00:00,123 INFO started {}", "supervisord", "2024-09-17 06:00:00,123 INFO spawned: 'web' with pid {}"),
    ("generic", "2024-09-17 06:00:00 12 INFO shop.orders started {}", "openstack", "2024-09-17 06:00:00.123 12 INFO nova.compute.manager [-] instance {} spawned"),
    ("level-component", "2024-09-17T06:00:00.123Z [INFO] shop: started {}", "hashicorp", "2024-09-17T06:00:00.123Z [INFO]  agent.server: started {}"),
    ("bracketed-header", "[2024-09-17 06:00:00,123 main INFO shop.Orders] started {}", "vmware-vc", "[2024-09-17 06:00:00,123 pool-3  INFO  com.vmware.Service] started {}"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "line", "program", "other"), PAIRS, ids=[one[2] for one in PAIRS])
def test_names_need_a_mark(tmp_path, shape, line, program, other):
    for name, text in ((shape, line), (program, other)):
        path = tmp_path / f"{name}.log"
        path.write_text("".join(text.format(at) + "\n" for at in range(30)))
        log = EventLog([path])
        events = list(log.read(0))
        assert log.files[0].format == name
        assert len(events) == 30
        assert all(event.parsed for event in events)


def test_one_mark_names_a_whole_log(tmp_path):
    path = tmp_path / "x.log"
    path.write_text(
        "".join(f"[  4384.195] mode {at} is set\n" for at in range(300)) + "[  4385.001] (EE) no screens found\n"
    )
    log = EventLog([path])
    log.reader(0)
    assert log.files[0].format == "xorg"


@pytest.mark.parametrize("line", ["2024-09-17T06:00:00.123Z INFO shop: started", "Sep 17 06:00:00 INFO shop: started"])
def test_a_level_is_no_host(tmp_path, line):
    path = tmp_path / "x.log"
    path.write_text(line + "\n")
    event = next(iter(EventLog([path]).read(0)))
    assert (event.severity, event.attributes.get("host")) == (9, None)
