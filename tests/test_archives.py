"""Archives that mean harm: members that point elsewhere, bombs, lines without end. Nothing is written, all is refused or read."""

import gzip
import io
import stat
import tarfile
import zipfile

import pytest

from logllm.hf_datasets import LogInputError, read_lines
from logllm.hf_datasets.reading import archives

LINES = [f"line {number}" for number in range(50)]
TEXT = "".join(line + "\n" for line in LINES).encode()


def add(archive, name, data=b"", kind=tarfile.REGTYPE, link=""):
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = len(data), kind, link
    archive.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize(
    "name", ["../../outside.log", "/tmp/outside.log", "a/../../../outside.log", "C:\\outside.log"]
)
def test_a_member_with_a_path_is_read_and_nothing_is_written(tmp_path, name):
    inner = tmp_path / "in"
    inner.mkdir()
    with zipfile.ZipFile(inner / "log.zip", "w") as archive:
        archive.writestr(name, TEXT)
    with tarfile.open(inner / "log.tar.gz", "w:gz") as archive:
        add(archive, name, TEXT)
    for packed in ("log.zip", "log.tar.gz"):
        assert list(read_lines(inner / packed)) == LINES
    assert [one.name for one in tmp_path.iterdir()] == ["in"] and len(list(inner.iterdir())) == 2


def test_links_and_devices_in_an_archive_are_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("password\n")
    with tarfile.open(tmp_path / "log.tar", "w") as archive:
        add(archive, "first.log", kind=tarfile.SYMTYPE, link=str(secret))
        add(archive, "second.log", kind=tarfile.LNKTYPE, link=str(secret))
        add(archive, "third.log", kind=tarfile.CHRTYPE)
        add(archive, "real.log", TEXT)
    assert list(read_lines(tmp_path / "log.tar")) == LINES
    entry = zipfile.ZipInfo("link.log")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "log.zip", "w") as packed:
        packed.writestr(entry, str(secret))
    assert list(read_lines(tmp_path / "log.zip")) == [str(secret)]  # the link as text


def test_a_bomb_is_refused_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 20)
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"the same line\n" * 1_000_000))
    with pytest.raises(LogInputError, match=r"at most 500 times its size.*bomb.*unpack it by hand"):
        sum(1 for _ in read_lines(bomb))
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.log", b"the same line\n" * 1_000_000)
    with pytest.raises(LogInputError, match="at most 500 times its size"):
        sum(1 for _ in read_lines(tmp_path / "bomb.zip"))
    fair = tmp_path / "fair.gz"
    fair.write_bytes(gzip.compress("".join(f"{n} {n * 7919 % 104729}\n" for n in range(200_000)).encode()))
    assert sum(1 for _ in read_lines(fair)) == 200_000


def test_a_bomb_in_the_headers_of_a_tar_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 1 << 20)
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo("app.log")
        member.pax_headers = {"comment": "x" * 20_000_000}
        archive.addfile(member)
    with pytest.raises(LogInputError, match="at most 500 times its size"):
        list(read_lines(tmp_path / "bomb.tar.gz"))


def test_a_line_without_end_is_refused_in_bounded_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_LINE_BYTES", 1 << 20)
    for name, data in (("plain.log", b"y" * 5_000_000), ("packed.gz", gzip.compress(b"y" * 5_000_000))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(LogInputError, match="does not end there"):
            list(read_lines(tmp_path / name))


def test_a_zip_with_a_password_is_refused(tmp_path):
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("app.log", TEXT)
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1  # the flag of an encrypted member
    path.write_bytes(data)
    with pytest.raises(LogInputError, match="without a password"):
        list(read_lines(path))
