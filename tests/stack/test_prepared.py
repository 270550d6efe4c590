"""When the web process may start beside the preparation: only where the same release has done it before."""

import shutil
from pathlib import Path

from django.apps import apps
from django.conf import settings

from portal.stack.config import StackConfig
from portal.stack.prepared import is_prepared, note_prepared


def _config(tmp_path: Path) -> StackConfig:
    base = tmp_path / "code"
    for app in apps.get_app_configs():
        migrations = Path(app.path) / "migrations"
        if app.name.split(".")[0] in {"portal", "ingestion", "retrieval"} and migrations.is_dir():
            shutil.copytree(migrations, base / migrations.relative_to(settings.BASE_DIR))
    (tmp_path / "var").mkdir()
    return StackConfig(
        python="python",
        base_dir=str(base),
        var_dir=str(tmp_path / "var"),
        host="127.0.0.1",
        port=1,
        base_url="http://127.0.0.1:1",
        admin_email="admin@example.com",
        socket_dir="",
        worker_concurrency=1,
        log_level="INFO",
    )


def test_data_is_prepared_once_and_for_one_release(tmp_path: Path) -> None:
    config = _config(tmp_path)
    assert not is_prepared(config)
    note_prepared(config)
    assert is_prepared(config)


def test_any_new_migration_is_another_release(tmp_path: Path) -> None:
    config = _config(tmp_path)
    for migrations in Path(config.base_dir).rglob("migrations"):
        note_prepared(config)
        (migrations / "9999_more.py").write_text("")
        assert not is_prepared(config), migrations
