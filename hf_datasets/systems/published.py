r"""The published log systems as frozen rows.

Notes: A field is `\S+` where the published preparation has a lazy `.*?`. Both split the same lines the same way
unless a line has too few fields and doubled blanks, but the lazy form backtracks without bound on a long line that
does not fit. The figures of LogLLM's Table I stand in the rows, so that a build can say where it differs from them.
"""

from __future__ import annotations

from .rules import LogSystem, PaperFigures, Source, TimestampRule, WindowRule

_LOGHUB_LICENCE = (
    "Loghub: freely available for research or academic work; refer to https://github.com/logpai/loghub, cite the "
    "Loghub paper where applicable, and include this notice in all copies."
)
_LOGHUB = (
    "Jieming Zhu, Shilin He, Pinjia He, Jinyang Liu, Michael R. Lyu. Loghub: A Large Collection of System Log "
    "Datasets for AI-driven Log Analytics. ISSRE 2023."
)
_CFDR = (
    "Adam J. Oliner, Jon Stearley. What Supercomputers Say: A Study of Five System Logs. DSN 2007. "
    "https://www.usenix.org/cfdr-data"
)
_CFDR_LICENCE = "USENIX Computer Failure Data Repository: free for research, with citation."
_CFDR_DOWNLOAD = "http://0b4af6cdc2f0c5998459-c0245c5c937c5dedcca3f1764ecc9b2f.r43.cf2.rackcdn.com/hpc4/"
_ZENODO = "https://zenodo.org/records/8196385/files/"

# label, epoch, date, admin, month, day, time, address, content: Thunderbird, Liberty and Spirit share it.
_CFDR_PATTERN = (
    r"^(?P<label>\S+)\s+(?P<epoch>\S+)\s+(?P<date>\S+)\s+(?P<admin>\S+)\s+(?P<month>\S+)\s+(?P<day>\S+)\s+"
    r"(?P<time>\S+)\s+(?P<address>\S+)\s+(?P<content>.*)$"
)
_CFDR_START = r"^(?:-|[A-Z][\w-]*) \d{9,10} \d{4}\.\d\d\.\d\d "
_CFDR_SYSLOG = r" (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2} \d\d:\d\d:\d\d \S+ "
_EPOCH = TimestampRule(("epoch",), "epoch")
_BY_100 = WindowRule("fixed", 100)

HDFS = LogSystem(
    name="hdfs",
    title="HDFS v1 (Hadoop distributed file system, Amazon EC2)",
    line_pattern=(
        r"^(?P<date>\S+)\s+(?P<time>\S+)\s+(?P<pid>\S+)\s+(?P<level>\S+)\s+(?P<component>.*?):\s+(?P<content>.*)$"
    ),
    timestamp=TimestampRule(("date", "time"), "%y%m%d %H%M%S"),
    label_rule="session",
    session_pattern=r"blk_-?\d+",
    window=WindowRule("session"),
    paper_split="sessions",
    encoding="latin-1",
    signature=r"^\d{6} \d{6} \d+ [A-Z]+ dfs\.\S+: ",
    source=Source(
        url=_ZENODO + "HDFS_v1.zip?download=1",
        archive="HDFS_v1.zip",
        member="HDFS.log",
        md5="76a24b4d9a6164d543fb275f89773260",
    ),
    licence=_LOGHUB_LICENCE,
    citation=_LOGHUB + " Wei Xu, Ling Huang, Armando Fox, David Patterson, Michael Jordan. Detecting Large-Scale "
    "System Problems by Mining Console Logs. SOSP 2009.",
    paper=PaperFigures(11_175_629, 575_061, 460_048, 13_497, 115_013, 3_341),
)

BGL = LogSystem(
    name="bgl",
    title="BGL (Blue Gene/L supercomputer)",
    line_pattern=(
        r"^(?P<label>\S+)\s+(?P<epoch>\S+)\s+(?P<date>\S+)\s+(?P<node>\S+)\s+(?P<time>\S+)\s+(?P<node2>\S+)\s+"
        r"(?P<type>\S+)\s+(?P<component>\S+)\s+(?P<level>\S+)\s+(?P<content>.*)$"
    ),
    timestamp=_EPOCH,
    label_rule="line",
    window=_BY_100,
    encoding="latin-1",
    signature=_CFDR_START + r"\S+ \d{4}-\d\d-\d\d-\d\d\.\d\d\.\d\d\.\d+ ",
    source=Source(
        url=_ZENODO + "BGL.zip?download=1", archive="BGL.zip", member="BGL.log", md5="4452953c470f2d95fcb32d5f6e733f7a"
    ),
    licence=_LOGHUB_LICENCE,
    citation=_LOGHUB + " " + _CFDR,
    paper=PaperFigures(4_747_963, 47_135, 37_708, 4_009, 9_427, 817),
)

THUNDERBIRD = LogSystem(
    name="thunderbird",
    title="Thunderbird (supercomputer at Sandia)",
    line_pattern=_CFDR_PATTERN,
    timestamp=_EPOCH,
    label_rule="line",
    window=_BY_100,
    slice=(160_000_000, 170_000_000),
    encoding="latin-1",
    signature=_CFDR_START + r"(?:#\d*#|\S*tbird\S*|[abcden](?:admin)?n?\d+|unknown)" + _CFDR_SYSLOG,
    source=Source(
        url=_ZENODO + "Thunderbird.tar.gz?download=1",
        archive="Thunderbird.tar.gz",
        member="Thunderbird.log",
        md5="0891b048df2919dc78c99c4428686b44",
    ),
    licence=_LOGHUB_LICENCE,
    citation=_LOGHUB + " " + _CFDR,
    paper=PaperFigures(10_000_000, 99_997, 79_997, 837, 20_000, 29),
)

LIBERTY = LogSystem(
    name="liberty",
    title="Liberty (supercomputer at Sandia)",
    line_pattern=_CFDR_PATTERN,
    timestamp=_EPOCH,
    label_rule="line",
    window=_BY_100,
    slice=(40_000_000, 45_000_000),
    encoding="latin-1",
    signature=_CFDR_START + r"l(?:iberty|admin|ogin|w)?\S*?\d*" + _CFDR_SYSLOG,
    source=Source(
        url=_CFDR_DOWNLOAD + "liberty2.gz",
        archive="liberty2.gz",
        member="liberty2",
    ),
    licence=_CFDR_LICENCE,
    citation=_CFDR,
    paper=PaperFigures(5_000_000, 50_000, 40_000, 34_144, 10_000, 651),
)

SPIRIT = LogSystem(
    name="spirit",
    title="Spirit (supercomputer at Sandia)",
    line_pattern=_CFDR_PATTERN,
    timestamp=_EPOCH,
    label_rule="line",
    window=_BY_100,
    slice=(0, 5_000_000),
    encoding="latin-1",
    signature=_CFDR_START + r"s(?:pirit|admin|n|ln)\S*" + _CFDR_SYSLOG,
    source=Source(url=_CFDR_DOWNLOAD + "spirit2.gz", archive="spirit2.gz", member="spirit2"),
    licence=_CFDR_LICENCE,
    citation=_CFDR,
)

OPENSTACK = LogSystem(
    name="openstack",
    title="OpenStack (CloudLab)",
    line_pattern=(
        r"^(?P<record>\S+)\s+(?P<date>\S+)\s+(?P<time>\S+)\s+(?P<pid>\S+)\s+(?P<level>\S+)\s+(?P<component>\S+)\s+"
        r"\[(?P<address>.*?)\]\s+(?P<content>.*)$"
    ),
    timestamp=TimestampRule(("date", "time"), "iso"),
    label_rule="session",
    session_pattern=r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
    window=WindowRule("session"),
    signature=r"^nova-\S+\.log\S* \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \d+ [A-Z]+ nova\.",
    source=Source(
        url=_ZENODO + "OpenStack.tar.gz?download=1", archive="OpenStack.tar.gz", member="openstack_normal1.log"
    ),
    licence=_LOGHUB_LICENCE,
    citation=_LOGHUB + " Min Du, Feifei Li, Guineng Zheng, Vivek Srikumar. DeepLog: Anomaly Detection and Diagnosis "
    "from System Logs through Deep Learning. CCS 2017.",
)

HADOOP = LogSystem(
    name="hadoop",
    title="Hadoop (MapReduce jobs with injected failures)",
    line_pattern=(
        r"^(?P<date>\S+)\s+(?P<time>\S+)\s+(?P<level>\S+)\s+\[(?P<process>.*?)\]\s+(?P<component>[^\s:]+):\s+"
        r"(?P<content>.*)$"
    ),
    timestamp=TimestampRule(("date", "time"), "iso"),
    window=_BY_100,
    signature=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ \[[^\]]*\] org\.apache\.hadoop\.",
    source=Source(url=_ZENODO + "Hadoop.zip?download=1", archive="Hadoop.zip", member=""),
    licence=_LOGHUB_LICENCE,
    citation=_LOGHUB
    + " Qingwei Lin, Hongyu Zhang, Jian-Guang Lou, Yu Zhang, Xuewei Chen. Log Clustering Based Problem "
    "Identification for Online Service Systems. ICSE-C 2016.",
)

SYSTEMS: dict[str, LogSystem] = {row.name: row for row in (HDFS, BGL, THUNDERBIRD, LIBERTY, SPIRIT, OPENSTACK, HADOOP)}
