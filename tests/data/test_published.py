import functools
import hashlib
import http.server
import io
import threading
import zipfile

import pytest

from latentia.data import Preparation, cifar, download, prepare, published
from latentia.data.download import Remote, fetch


@pytest.fixture
def server(tmp_path):
    """A server on this machine, and the folder that it serves."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    ) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()


def test_download_is_checked_and_renamed_when_whole(server, tmp_path, capsys):
    folder, url = server
    data = bytes(range(256)) * 4000
    (folder / "set.bin").write_bytes(data)
    remote = Remote(url + "set.bin", hashlib.sha256(data).hexdigest(), file="mine.bin")
    path = fetch(remote, tmp_path / "to")
    assert path == tmp_path / "to" / "mine.bin"
    assert path.read_bytes() == data
    assert "mine.bin" in capsys.readouterr().err
    (folder / "set.bin").unlink()
    assert fetch(remote, tmp_path / "to") == path, "what is there is not fetched again"


def test_wrong_bytes_are_not_kept(server, tmp_path, capsys):
    folder, url = server
    (folder / "set.bin").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"SHA-256.*expected 0{64}"):
        fetch(Remote(url + "set.bin", "0" * 64), tmp_path / "to", progress=False)
    with pytest.raises(ValueError, match=r"cannot download .*missing\.bin: .*LATENTIA_DATA"):
        fetch(Remote(url + "missing.bin", "0" * 64), tmp_path / "to", progress=False)
    assert list((tmp_path / "to").iterdir()) == []
    assert capsys.readouterr().err == ""


def test_a_server_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="cannot download"):
        fetch(Remote("http://127.0.0.1:9/set.bin", "0" * 64), tmp_path, progress=False)


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_a_name_downloads_where_nothing_is_found(server, tmp_path, png, monkeypatch):
    folder, url = server
    data = zipped({f"lfw/P_{i // 2}/P_{i // 2}_{i % 2 + 1:04d}.jpg": png(i) for i in range(40)})
    (folder / "lfw.zip").write_bytes(data)
    remote = Remote(url + "lfw.zip", hashlib.sha256(data).hexdigest(), file="lfw-funneled.tgz")
    monkeypatch.setitem(published.REMOTES, "lfw", (remote,))
    store = prepare("lfw", progress=False)
    assert store.report.images == 40
    assert store.source == "lfw"
    (folder / "lfw.zip").unlink()
    assert prepare("lfw", progress=False).path == store.path


def test_every_download_has_a_checksum():
    for remotes in published.REMOTES.values():
        for remote in remotes:
            assert len(bytes.fromhex(remote.sha256)) == 32
            assert remote.name.endswith(("gz", "tgz"))
    assert set(published.REMOTES) | {"celeba"} == set(published.NAMES)
    assert download.Remote("http://x/y/z.gz", "").name == "z.gz"


def test_celeba_with_attributes_and_its_split(tmp_path, png, monkeypatch):
    with pytest.raises(ValueError, match=r"img_align_celeba\.zip.*--data-root"):
        prepare("celeba", progress=False)
    folder = tmp_path / "celeba"
    folder.mkdir()
    names = [f"{i:06d}.jpg" for i in range(1, 41)]
    files = {f"img_align_celeba/{n}": png(i, size=(178, 218)) for i, n in enumerate(names)}
    (folder / "img_align_celeba.zip").write_bytes(zipped(files))
    rows = "\n".join(f"{n} {(-1) ** i} 1" for i, n in enumerate(names))
    (folder / "list_attr_celeba.txt").write_text(f"40\nSmiling Young\n{rows}\n")
    parts = "\n".join(f"{n} {min(i // 16, 2)}" for i, n in enumerate(names))
    (folder / "list_eval_partition.txt").write_text(parts)
    monkeypatch.setenv("LATENTIA_DATA", str(tmp_path))
    for source in ("celeba", folder, folder / "img_align_celeba.zip"):
        store = prepare(source, progress=False)
        assert store.report.split == {"train": 16, "validation": 16, "test": 8}
        assert store.facts.attributes == ("Smiling", "Young")
        assert store.facts.image_shape == (3, 64, 64)
        assert store.split("train").given(slice(0, 2)).tolist() == [[1, 1], [-1, 1]]
    (folder / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    with pytest.raises(ValueError, match=r"does not know '000002\.jpg'"):
        prepare("celeba", progress=False)


def test_lfw_by_path_takes_the_attributes_beside_it(tmp_path, png):
    files = {f"P_{i // 2}/P_{i // 2}_{i % 2 + 1:04d}.jpg": png(i) for i in range(40)}
    (tmp_path / "lfw-64.zip").write_bytes(zipped(files))
    rows = "".join(f"{name},{i / 10}\n" for i, name in enumerate(files))
    (tmp_path / "attributes.csv").write_text("file,Male\n" + rows)
    store = prepare(tmp_path / "lfw-64.zip", progress=False)
    assert store.facts.attributes == ("Male",)
    assert store.facts.classes == ()
    assert store.source == str(tmp_path / "lfw-64.zip")


def test_cifar_as_two_archives_of_class_folders(tmp_path, png):
    folder = tmp_path / "cifar-10"
    folder.mkdir()
    for part, count, first in (("train", 20, 0), ("test", 5, 500)):
        files = {
            f"{kind}/{i:05d}.webp": png(first + 40 * k + i, size=(32, 32))
            for k, kind in enumerate(cifar.CLASSES)
            for i in range(count)
        }
        (folder / f"{part}.zip").write_bytes(zipped(files))
    store = prepare("cifar10", Preparation(data_root=str(tmp_path)), progress=False)
    assert store.facts.classes == cifar.CLASSES
    assert store.facts.num_test == 50
    assert store.report.split_by == "published"
    assert prepare(folder, progress=False).facts.fingerprint == store.facts.fingerprint


def test_a_data_root_that_is_no_folder(tmp_path):
    with pytest.raises(ValueError, match="is no folder"):
        prepare("mnist", Preparation(data_root=str(tmp_path / "nowhere")), progress=False)
