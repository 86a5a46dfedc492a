from __future__ import annotations

from pathlib import Path

from skytf.runner.environment import build


def test_what_would_change_the_plan_or_leak_values_is_not_inherited(tmp_path: Path) -> None:
    inherited = {
        "AWS_PROFILE": "work",
        "TF_VAR_region": "elsewhere",
        "TF_CLI_ARGS": "-no-color",
        "TF_CLI_ARGS_plan": "-target=x",
        "TF_WORKSPACE": "other",
        "TF_LOG": "TRACE",
        "TF_LOG_PATH": "/tmp/log",
        "TF_TOKEN_app_terraform_io": "mine",
    }

    built = build(inherited, data_dir=tmp_path, extra={"SKYTF_PYTHON": "python3"})

    assert built == {
        "AWS_PROFILE": "work",
        "TF_TOKEN_app_terraform_io": "mine",
        "SKYTF_PYTHON": "python3",
        "CHECKPOINT_DISABLE": "1",
        "TF_DATA_DIR": str(tmp_path),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }


def test_the_users_configuration_is_kept_only_where_it_exists(tmp_path: Path) -> None:
    there = tmp_path / "terraformrc"
    there.touch()

    kept = build({"TF_CLI_CONFIG_FILE": str(there)}, data_dir=tmp_path, extra={})
    dropped = build({"TF_CLI_CONFIG_FILE": str(tmp_path / "gone")}, data_dir=tmp_path, extra={})

    assert kept["TF_CLI_CONFIG_FILE"] == str(there)
    assert "TF_CLI_CONFIG_FILE" not in dropped
