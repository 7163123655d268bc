"""Settings say in one line which variable is missing or wrong, and never show a secret."""

import pytest

from connectors import settings
from connectors.settings import ApiSettings, DatabaseSettings, FlowSettings, HubSpotSettings, SettingsError

CLASSES = [each for each in settings.Settings.__subclasses__() if each.__module__ == "connectors.settings"]


def test_every_missing_variable_is_named_with_what_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HUBSPOT_TOKEN", "HUBSPOT_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SettingsError) as wrong:
        HubSpotSettings.read()
    assert str(wrong.value) == (
        "HUBSPOT_TOKEN is not set: access token of the private app; "
        "HUBSPOT_CLIENT_SECRET is not set: the app's secret that signs webhooks"
    )


def test_an_unusable_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://me:hunter2@there/x")
    with pytest.raises(
        SettingsError, match=r"^DATABASE_URL cannot be used \(it must begin with postgresql://\)"
    ) as wrong:
        DatabaseSettings.read()
    assert "hunter2" not in str(wrong.value)


def test_the_short_form_of_a_database_address_is_understood() -> None:
    assert DatabaseSettings.of("postgres://a:b@h/d").dsn == "postgresql+psycopg://a:b@h/d"


def test_an_address_is_shown_without_its_password() -> None:
    assert "hunter2" not in repr(DatabaseSettings.of("postgresql://me:hunter2@there/x"))


def test_folders_of_flows_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHLINE_FLOWS", "/a folder:/another")
    assert [str(each) for each in FlowSettings.read().throughline_flows] == ["/a folder", "/another"]


@pytest.mark.parametrize("concern", CLASSES, ids=lambda each: each.__name__)
def test_no_secret_has_a_default(concern: type[settings.Settings]) -> None:
    for name, field in concern.model_fields.items():
        if "SecretStr" in str(field.annotation) and not field.is_required():
            assert field.default is None, name


def test_a_short_session_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THROUGHLINE_SESSION_KEY", "short")
    with pytest.raises(SettingsError, match="THROUGHLINE_SESSION_KEY cannot be used"):
        ApiSettings.read()
