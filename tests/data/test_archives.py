import io
import os
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from latentia.data import Preparation, archives, prepare

OUTSIDE = ("../escaped.png", "/escaped.png", "a/../../escaped.png", "C:\\escaped.png", "..\\escaped.png")


def pack_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def pack_tar(path, files, mode):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def files(png):
    return {f"photos/{('cats', 'dogs')[i % 2]}/{i:03d}.PNG": png(i) for i in range(50)}


PACKERS = {
    "zip": lambda path, files: pack_zip(path, files),
    "tar": lambda path, files: pack_tar(path, files, "w"),
    "tar.gz": lambda path, files: pack_tar(path, files, "w:gz"),
    "tar.bz2": lambda path, files: pack_tar(path, files, "w:bz2"),
    "tar.xz": lambda path, files: pack_tar(path, files, "w:xz"),
}


@pytest.mark.parametrize("kind", PACKERS)
def test_archives_hold_what_folders_hold(tmp_path, files, kind):
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    extra = {"photos/README.txt": b"words", "__MACOSX/photos/._1.png": b"x", "photos/.hidden.png": b"x"}
    packed = prepare(PACKERS[kind](tmp_path / f"photos.{kind}", files | extra), progress=False)
    plain = prepare(tmp_path / "photos", progress=False)
    assert packed.facts == plain.facts
    assert packed.facts.classes == ("cats", "dogs")
    assert packed.report.ignored == 1
    assert packed.report.bad == {}


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_names_that_lead_out_are_left_out_and_nothing_is_written(tmp_path, files, png, kind):
    inside = tmp_path / "deep" / "inside"
    inside.mkdir(parents=True)
    hostile = files | {name: png(99) for name in OUTSIDE}
    before = {inside / f"hostile.{kind}"}
    with pytest.warns(UserWarning, match="bad files were left out"):
        store = prepare(PACKERS[kind](inside / f"hostile.{kind}", hostile), progress=False)
    assert store.report.images == len(files)
    assert len(store.report.bad) == len(OUTSIDE)
    assert set(store.report.bad.values()) == {"its name leads out of the archive"}
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_links_are_passed_over(tmp_path, files):
    path = pack_tar(tmp_path / "links.tar", files, "w")
    with tarfile.open(path, "a") as archive:
        for name, kind in (("soft.png", tarfile.SYMTYPE), ("hard.png", tarfile.LNKTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    with zipfile.ZipFile(pack_zip(tmp_path / "links.zip", files), "a") as archive:
        info = zipfile.ZipInfo("soft.png")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    for name in ("links.tar", "links.zip"):
        found, bad = archives.members(tmp_path / name)
        assert sorted(found) == sorted(files)
        assert bad == {}


def test_damage_within_a_zip_is_one_bad_file(tmp_path, files):
    path = pack_zip(tmp_path / "broken.zip", files)
    data = bytearray(path.read_bytes())
    place = data.find(b"PNG\r\n") + 60
    data[place] ^= 0xFF
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="1 bad files"):
        store = prepare(path, progress=False)
    assert store.report.images == len(files) - 1
    assert "damaged" in next(iter(store.report.bad.values()))


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_truncated_archives_get_a_letter(tmp_path, files, kind):
    path = PACKERS[kind](tmp_path / f"short.{kind}", files)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(ValueError, match="short"):
        prepare(path, progress=False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["zip", "tar", "tar.gz"]), st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_overwritten_bytes_give_members_or_a_letter(tmp_path, kind, place, noise):
    files = {f"{i}.png": bytes([i]) * 100 for i in range(4)}
    path = PACKERS[kind](tmp_path / f"any.{kind}", files)
    data = bytearray(path.read_bytes())
    place %= len(data)
    data[place : place + len(noise)] = noise
    path.write_bytes(data)
    try:
        found, _ = archives.members(path) if archives.is_archive(path) else ({}, {})
    except ValueError:
        found = {}
    for read in found.values():
        try:
            assert isinstance(read(), bytes)
        except (ValueError, OSError) as error:
            reason = str(error)
            assert np.char.str_len(reason) > 0


def test_a_bomb_in_a_compressed_tar_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "_HARMLESS", 2**20)
    path = pack_tar(tmp_path / "bomb.tar.gz", {"zeros.png": bytes(20 * 2**20)}, "w:gz")
    with pytest.raises(ValueError, match="a bomb"):
        prepare(path, progress=False)


def test_password_is_named_as_the_reason(tmp_path, files):
    path = pack_zip(tmp_path / "locked.zip", files)
    data = bytearray(path.read_bytes())
    place = -1
    while (place := data.find(b"PK\x01\x02", place + 1)) >= 0:
        data[place + 8] |= 1  # the flag in the directory that says "encrypted"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="locked"):
        prepare(path, Preparation(), progress=False)
