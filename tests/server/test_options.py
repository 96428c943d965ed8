"""Settings of the app: what wins, and what is said of a wrong one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mnistlab import settings
from mnistlab.cli import main
from mnistlab.errors import ConfigError
from mnistlab.server.app import set_kernel_environment
from mnistlab.server.options import AppOptions, read_options


def test_flags_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "app.toml"
    file.write_text("warm = 1\nmax_visitors = 1\nworkers = 1\nidle_minutes = 5\nshared = true\n")
    monkeypatch.setenv("MNISTLAB_APP_MAX_VISITORS", "2")
    monkeypatch.setenv("MNISTLAB_APP_WORKERS", "2")
    monkeypatch.setenv("MNISTLAB_APP_BROWSER", "no")
    read = read_options({"workers": 3, "warm": None}, str(file))
    assert (read.warm, read.max_visitors, read.workers) == (1, 2, 3)
    assert (read.idle_minutes, read.shared, read.browser) == (5, True, False)


def test_the_file_may_be_named_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "app.toml"
    file.write_text("\ufeffport = 9000", encoding="utf-8")  # as some editors begin a file
    monkeypatch.setenv("MNISTLAB_APP_CONFIG", str(file))
    assert read_options({}).port == 9000


@pytest.mark.parametrize(
    "text", ["wram = 1", "warm = true", "warm = '1'", "shared = 1", "warm = ", "warm = 1000"]
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "app.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        read_options({}, str(file))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WARM", "-1"),
        ("WARM", "many"),
        ("SHARED", "perhaps"),
        ("PORT", "70000"),
        ("BASE_URL", "x"),
        ("TOKN", "open-sesame"),
    ],
)
def test_a_wrong_variable_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MNISTLAB_APP_{name}", value)
    with pytest.raises(ConfigError, match=r"give|choose"):
        read_options({})


def test_a_base_url_ends_with_a_slash() -> None:
    assert AppOptions(base_url="/lab").base_url == "/lab/"
    assert AppOptions().base_url == "/"


def test_help_names_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["app", "--help"])
    said = capsys.readouterr().out
    for name in AppOptions.__dataclass_fields__:
        assert f"-{name.replace('_', '-')}" in said
    assert "MNISTLAB_APP_" in said
    assert "TOML" in said


def test_a_mistake_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["app", "--warm", "999"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


VARIABLES = ("MNISTLAB_WORKERS", "MNISTLAB_TRAINING_MEMORY", "MNISTLAB_TRAINING_MINUTES")


def of_trainings(options: AppOptions) -> tuple[float, ...]:
    return options.workers, options.training_memory, options.training_minutes


def test_variables_of_trainings_hold_unless_a_flag_says_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, " 3 ")
    assert of_trainings(read_options({})) == (3, 3, 3)
    file = tmp_path / "app.toml"
    file.write_text("workers = 2\ntraining_memory = 2\ntraining_minutes = 2\n")
    assert of_trainings(read_options({}, str(file))) == (3, 3, 3)
    monkeypatch.setenv("MNISTLAB_APP_WORKERS", "4")
    flags = {"training_memory": 5.0, "training_minutes": 0.0}
    assert of_trainings(read_options(flags, str(file))) == (4, 5, 0)
    monkeypatch.setenv("MNISTLAB_TRAINING_MEMORY", "0.5")
    assert read_options({}).training_memory == 0.5, "and not 0, which is no limit"


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_wrong_variable_of_trainings_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, "many")
    assert main(["app"]) == 2
    assert variable in capsys.readouterr().err


def test_kernels_inherit_what_the_user_has_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "3")
    for variable in ("JUPYTER_PATH", "PYTHONPATH", "MNISTLAB_QUEUE"):
        monkeypatch.setenv(variable, "mine")
    for variable in ("MNISTLAB_HOME", "MNISTLAB_MNIST"):
        monkeypatch.setenv(variable, str(tmp_path))
    set_kernel_environment(read_options({}), tmp_path)
    assert settings.workers() == 3
    assert settings.training_memory() == 3 * 2**20
    assert settings.training_seconds() == 180
    for variable in ("JUPYTER_PATH", "PYTHONPATH"):
        assert os.environ[variable].split(os.pathsep)[-1] == "mine"


OTHERS = ["0.0.0.0", "::", "", "192.168.1.5", "lab.example.org", "0", "127.0.0.1.example.org"]


@pytest.mark.parametrize("ip", OTHERS)
def test_other_machines_are_let_in_only_where_that_is_said(
    capsys: pytest.CaptureFixture[str], ip: str
) -> None:
    assert main(["app", "--ip", ip]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--shared" in said
    assert "--trust-visitors" in said
    for flag in ("shared", "trust_visitors"):
        assert not read_options({"ip": ip, flag: True}).is_private


def test_visitors_through_a_proxy_are_other_people_too() -> None:
    with pytest.raises(ConfigError, match=r"--host lab\.example\.org .*--trust-visitors"):
        read_options({"host": "lab.example.org"})
    assert read_options({"host": "lab.example.org", "shared": True}).listens_here


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "localhost", "127.0.0.2"])
def test_this_machine_needs_no_flag(ip: str) -> None:
    assert read_options({"ip": ip}).is_private
    assert read_options({"ip": ip, "host": "localhost"}).is_private
