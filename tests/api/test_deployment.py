"""What docs and files say of a deployment is what the program has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gis.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def shown(name: str) -> str:
    """Return the default of a setting as the table shows it."""
    field = Settings.model_fields[name]
    if field.default_factory is not None:
        return "see right"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return "none" if field.default in (None, "") else f"{field.default}"


def test_the_table_of_settings_is_that_of_the_program() -> None:
    rows = [
        f"| `ONEMAP_{name.upper()}` | {shown(name)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    text = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    found = [line for line in text.splitlines() if line.startswith("| `ONEMAP_")]
    assert found == rows, "docs/deployment.md should say:\n" + "\n".join(rows)


@pytest.mark.parametrize("name", ["Containerfile", "compose.yaml", "docs/deployment.md", "README.md"])
def test_no_file_names_a_setting_that_is_none(name: str) -> None:
    named = set(re.findall(r"ONEMAP_[A-Z_]+[A-Z]", (ROOT / name).read_text(encoding="utf-8")))
    assert named <= {f"ONEMAP_{field.upper()}" for field in Settings.model_fields}


def test_the_image_has_all_that_its_steps_copy_and_no_secret() -> None:
    steps = (ROOT / "Containerfile").read_text(encoding="utf-8")
    sources = re.findall(r"^COPY (?!--from)(.+) \S+$", steps, re.MULTILINE)
    let_in = (ROOT / ".containerignore").read_text(encoding="utf-8").splitlines()
    for source in " ".join(sources).split():
        assert (ROOT / source).exists()
        assert f"!{source}" in let_in
    assert let_in == (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in let_in
    assert re.search(r"^USER 10001$", steps, re.MULTILINE)


def test_the_services_fit_each_other() -> None:
    made = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    web, database = made["services"]["onemap"], made["services"]["database"]
    Settings(**{k.removeprefix("ONEMAP_").lower(): v for k, v in web["environment"].items()})
    assert float(web["environment"]["ONEMAP_STOP_TIMEOUT_S"]) < int(web["stop_grace_period"].rstrip("s"))
    assert web["secrets"][0]["target"].removeprefix("onemap_") in Settings.model_fields
    secrets = {one["source"] for one in web["secrets"]} | set(database["secrets"])
    assert secrets == set(made["secrets"])
    assert web["read_only"]
    assert not [v for one in (web, database) for k, v in one["environment"].items() if k.endswith("PASSWORD")]


def test_a_secret_is_read_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEMAP_DATABASE_URL", raising=False)
    (tmp_path / "onemap_database_url").write_text("postgresql://a:b@c/d\n")
    assert Settings(_secrets_dir=tmp_path).database_url == "postgresql://a:b@c/d"
