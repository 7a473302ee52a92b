"""Finding the command, and how it is said that something went wrong."""

import errno
import os
import subprocess
import sys

import pytest

import latentia as package
from latentia.cli import COMMANDS, main
from latentia.cli.letters import Failure
from latentia.training.letters import TrainingStopped


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_names_every_command_with_a_sentence(latentia, words):
    ended = latentia(*words)
    assert ended.code == 0
    for name, command in COMMANDS.items():
        assert name in ended.out
        assert command.sentence in ended.out


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"train"}))
def test_every_command_has_help_with_examples(latentia, name):
    ended = latentia(name, "--help")
    assert ended.code == 0
    assert f"usage: latentia {name}" in ended.out
    assert f"Examples:\n  latentia {name}" in ended.out
    assert ended.out.count("\n  latentia ") >= 2


def test_version(latentia):
    assert latentia("--version") == (0, f"latentia {package.__version__}\n", "")


def test_an_unknown_command_is_answered_with_the_nearest(latentia):
    ended = latentia("trian", "digits")
    assert ended.code == 2
    assert "'trian'; did you mean 'train'" in ended.err
    assert ended.out == ""


def test_an_unknown_flag_is_answered_with_the_nearest(latentia, vae):
    ended = latentia("sample", vae, "--out", "x.png", "--nun", "3")
    assert ended.code == 2
    assert "--num" in ended.err


def test_a_missing_flag_is_named(latentia, vae):
    ended = latentia("sample", vae)
    assert ended.code == 2
    assert "--out" in ended.err


def fail_with(monkeypatch, error: BaseException) -> None:
    def fail(words):
        raise error

    monkeypatch.setattr("latentia.cli.dispatch", fail)


def from_package(error: Exception) -> Exception:
    """The error as if a function of the package had raised it."""
    namespace = {"__name__": "latentia.data.somewhere", "error": error}
    try:
        exec("raise error", namespace)
    except Exception as raised:
        return raised
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Interrupted."),
        (TrainingStopped("elbo/rate became nan"), 1, "elbo/rate became nan"),
        (OSError(errno.ENOSPC, "No space left on device", "w.safetensors"), 1, "disk is full"),
        (OSError(errno.EIO, "Input/output error", "a.png"), 1, "a.png: Input/output error."),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a/b"), 2, "a/b: No such file"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), 2, "a/b: Permission denied."),
        (MemoryError(), 1, "Memory ran out"),
        (ZeroDivisionError("division by zero"), 1, "defect of Latentia"),
    ],
)
def test_exit_codes_and_letters(monkeypatch, latentia, error, code, said):
    fail_with(monkeypatch, error)
    ended = latentia("recipes")
    assert ended.code == code
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_a_letter_of_ours_is_wrong_use_and_a_value_error_of_others_is_not():
    assert Failure.of(from_package(ValueError("size is 33"))) == ("size is 33", 2)
    with pytest.raises(ValueError, match="seven") as caught:
        float("seven")  # raised here, outside of the package, as a library's would be
    assert Failure.of(caught.value).code == 1


def test_debug_shows_where(monkeypatch):
    fail_with(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["recipes", "--debug"])


def test_debug_may_stand_anywhere(latentia):
    assert latentia("--debug", "recipes").code == 0


def test_a_reader_that_has_had_enough_is_no_failure_to_shout_about():
    """`latentia ... | head`: nothing is written to stderr when the pipe closes."""
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from latentia.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 1


def test_python_m_latentia_is_latentia():
    done = subprocess.run(
        [sys.executable, "-m", "latentia", "nothing"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "There is no command 'nothing'" in done.stderr
