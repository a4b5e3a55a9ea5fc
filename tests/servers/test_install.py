"""What the installation promises, without installing anything."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from . import _java, install
from ._elasticsearch_build import chosen
from ._install import Install, InstallError, run_logged
from .fixtures import require


def test_a_second_run_is_quick(capsys: pytest.CaptureFixture[str]) -> None:
    if not all(server.is_installed() or server.lacking() for server in install.SERVERS.values()):
        pytest.skip("not everything is installed; run: python -m tests.servers.install")
    started = time.monotonic()
    assert install.main([]) == 0
    assert time.monotonic() - started < 1
    assert "elasticsearch" in capsys.readouterr().out


def test_who_is_not_root_is_told_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    packages: dict[str, str | Path] = {
        "coreutils": "/bin/sh",
        "b-daemon": tmp_path / "b",
        "a-daemon": tmp_path / "a",
    }
    monkeypatch.setitem(install.SERVERS, "daemon", Install("daemon", lambda: packages))
    monkeypatch.setattr(install, "BUILT", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert install.main(["daemon"]) == 1
    expected = "sudo apt-get update && sudo apt-get install --no-install-recommends a-daemon b-daemon"
    assert expected in capsys.readouterr().err


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        install.main(["activemq", "hadoop"])
    assert ended.value.code == 2
    assert "no such server: hadoop; there are: activemq, " in capsys.readouterr().err


def test_a_failed_step_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"failed \(3\); the end of .*log:\nmirror is away"):
        run_logged(["/bin/sh", "-c", "echo mirror is away; exit 3"], tmp_path / "log")


def test_policy_is_removed_again_and_a_foreign_one_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(install, "_POLICY", policy)
    with install._no_daemons_started():
        assert policy.read_text().endswith("exit 101\n")
        assert policy.stat().st_mode & 0o111
    assert not policy.exists()
    policy.write_text("#!/bin/sh\nexit 104\n")
    with install._no_daemons_started():
        assert policy.read_text() == "#!/bin/sh\nexit 104\n"
    assert policy.exists()


@pytest.mark.parametrize(("ci", "outcome"), [(None, pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_server_skips_its_tests_but_fails_them_in_ci(
    ci: str | None, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    absent = Install("daemon", lambda: {"daemon": tmp_path / "absent"})
    monkeypatch.setitem(install.SERVERS, "daemon", absent)
    with pytest.raises(outcome, match=r"run: python -m tests\.servers\.install daemon"):
        require("daemon")


@pytest.mark.parametrize("ci", [None, "true"])
def test_what_cannot_be_had_here_is_skipped_even_in_ci(
    ci: str | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    if ci is not None:
        monkeypatch.setenv("CI", ci)
    absent = Install("daemon", lambda: {"daemon": tmp_path / "absent"}, lacking=lambda: "no JDK >= 99")
    monkeypatch.setitem(install.SERVERS, "daemon", absent)
    with pytest.raises(pytest.skip.Exception, match="no JDK >= 99"):
        require("daemon")
    assert install.main(["daemon"]) == 0
    assert "left out: daemon: no JDK >= 99" in capsys.readouterr().out


def fake_java(home: Path, version: str, *, jdk: bool) -> Path:
    """An installation as far as the look for it goes."""
    (home / "bin").mkdir(parents=True)
    for program in ("java", "javac") if jdk else ("java",):
        (home / "bin" / program).touch()
    (home / "release").write_text(f'IMPLEMENTOR="Test"\nJAVA_VERSION="{version}"\n')
    return home


def test_the_release_follows_the_jdks_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_java, "_JVM_FOLDER", tmp_path)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.delenv("ES_VERSION", raising=False)
    assert chosen()[1] is None
    fake_java(tmp_path / "a8", "1.8.0_412", jdk=True)
    fake_java(tmp_path / "b21", "21.0.4", jdk=False)
    assert chosen()[1] is None
    fake_java(tmp_path / "c17", "17.0.15", jdk=True)
    release, jdk = chosen()
    assert (release.version, jdk and jdk.version) == ("8.19.21", 17)
    fake_java(tmp_path / "d25", "25", jdk=True)
    release, jdk = chosen()
    assert (release.version, jdk and jdk.version) == ("9.5.3", 25)
    monkeypatch.setenv("ES_VERSION", "8.19.21")
    assert chosen()[0].version == "8.19.21"
    elsewhere = fake_java(tmp_path / "elsewhere" / "jdk", "21.0.2", jdk=True)
    monkeypatch.setenv("JAVA_HOME", str(elsewhere))
    found = _java.find_java(17, jdk=True)
    assert found is not None
    assert found.home == elsewhere
