"""The only reader of the environment: one settings class per concern, no secret has a default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class SettingsError(Exception):
    """The environment does not say what is needed; the text names the variable and what it is for."""


class Settings(BaseSettings):
    """Values of one concern, read from environment variables."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    @classmethod
    def read(cls) -> Self:
        """Read the environment. Raises SettingsError, one line that names every variable at fault."""
        try:
            return cls()
        except ValidationError as wrong:
            raise _settings_error(cls, wrong) from None


def _settings_error(settings: type[Settings], wrong: ValidationError) -> SettingsError:
    faults = [_fault(settings, str(each["loc"][0]) if each["loc"] else "", each["msg"]) for each in wrong.errors()]
    return SettingsError("; ".join(faults))


def _fault(settings: type[Settings], place: str, message: str) -> str:
    # Pydantic names a fault by its alias where there is one, else by the field.
    variable = place if place.isupper() else f"{settings.model_config.get('env_prefix', '')}{place}".upper()
    fields = settings.model_fields.items()
    described = {field.validation_alias or name: field.description for name, field in fields}.get(place)
    state = "is not set" if message == "Field required" else f"cannot be used ({message.removeprefix('Value error, ')})"
    return f"{variable} {state}: {described}" if described else f"{variable} {state}"


def _web_address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("an address starts with http:// or https://")
    return text.rstrip("/")


WebAddress = Annotated[str, AfterValidator(_web_address)]


def _postgres_address(url: SecretStr) -> SecretStr:
    scheme, _, rest = url.get_secret_value().partition("://")
    if scheme not in {"postgres", "postgresql", "postgresql+psycopg"} or not rest:
        raise ValueError("it must begin with postgresql://")
    return url


def _folders(listed: object) -> object:
    return tuple(each for each in listed.split(os.pathsep) if each) if isinstance(listed, str) else listed


class DatabaseSettings(Settings):
    """Where PostgreSQL is."""

    database_url: Annotated[SecretStr, AfterValidator(_postgres_address)] = Field(
        description="the PostgreSQL to use, such as postgresql://user:password@host:5432/throughline; "
        "`throughline demo` brings its own"
    )
    database_pool: int = Field(default=10, ge=1, le=200, description="connections one process keeps open")

    @classmethod
    def of(cls, url: str) -> Self:
        """Return the settings that a process with this DATABASE_URL would read. Raises SettingsError."""
        try:
            return cls(database_url=SecretStr(url))
        except ValidationError as wrong:
            raise _settings_error(cls, wrong) from None

    @property
    def dsn(self) -> str:
        """The address as SQLAlchemy wants it, with the driver named."""
        return "postgresql+psycopg://" + self.database_url.get_secret_value().split("://", 1)[1]


class FlowSettings(Settings):
    """Where a company keeps its own flows."""

    throughline_flows: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_folders)] = Field(
        default=(), description="folders of flows beside workflows/flows, separated as in PATH"
    )


class CompanySettings(Settings):
    """When the company works: the calendar that business time is counted in."""

    model_config = SettingsConfigDict(env_prefix="COMPANY_")
    zone: str = Field(default="America/Chicago", description="the company's IANA time zone")
    country: str | None = Field(default="US", description="whose public holidays nobody works on, as ISO 3166 alpha-2")


class ApiSettings(Settings):
    """How the doors are opened."""

    model_config = SettingsConfigDict(env_prefix="THROUGHLINE_")
    host: str = Field(default="127.0.0.1", description="the address the API listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="the port the API listens on")
    public_url: WebAddress = Field(
        default="http://127.0.0.1:8080", description="how people reach the pages; links in messages begin with it"
    )
    session_key: SecretStr = Field(min_length=32, description="at least 32 random characters that sign sessions")
    demo_sign_in: bool = Field(default=False, description="pick a person to sign in; only obeyed on loopback")
    max_body: int = Field(default=1_000_000, ge=1_000, description="largest request body in bytes")
    tokens: str = Field(
        default="",
        pattern=r"^\s*([0-9a-f]{64}=[\w-]+\s*(,\s*|$))*$",
        description="API tokens as SHA-256=person, separated by commas; the tokens themselves are kept nowhere",
    )

    @property
    def hashed_tokens(self) -> dict[str, str]:
        """The SHA-256 of each API token with the person it speaks for."""
        pairs = (pair.strip().partition("=") for pair in self.tokens.split(",") if pair.strip())
        return {digest: person for digest, _, person in pairs}


class LocalSettings(Settings):
    """What the embedded start looks at before it brings its own PostgreSQL and Temporal."""

    database_url: SecretStr | None = None
    temporal_address: str | None = None
    temporal_cli: Path | None = Field(default=None, description="the Temporal command line program to use")
    throughline_state: Path | None = Field(default=None, description="folder for data, logs and pid files")


class SandboxSettings(Settings):
    """Where the pages of the sandbox vendors are, when they run."""

    hubspot_page: WebAddress | None = None
    erpnext_page: WebAddress | None = None
    redmine_page: WebAddress | None = None
    slack_page: WebAddress | None = None
    mail_page: WebAddress | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Return the settings that a process with these variables would read."""
        return cls.model_validate({name: values[name.upper()] for name in cls.model_fields if name.upper() in values})

    @property
    def pages(self) -> dict[str, str]:
        """The address of each page by its vendor's name."""
        named = {"HubSpot": self.hubspot_page, "ERPNext": self.erpnext_page, "Redmine": self.redmine_page}
        named |= {"Slack": self.slack_page, "Mail": self.mail_page}
        return {name: address for name, address in named.items() if address}


class HubSpotSettings(Settings):
    """The CRM."""

    model_config = SettingsConfigDict(env_prefix="HUBSPOT_")
    base_url: WebAddress = Field(default="https://api.hubapi.com", description="HubSpot's API")
    token: SecretStr = Field(min_length=1, description="access token of the private app")
    client_secret: SecretStr = Field(min_length=1, description="the app's secret that signs webhooks")


class ErpNextSettings(Settings):
    """The ERP."""

    model_config = SettingsConfigDict(env_prefix="ERPNEXT_")
    base_url: WebAddress = Field(description="address of the ERPNext site")
    key: SecretStr = Field(min_length=1, description="API key of the integration user")
    secret: SecretStr = Field(min_length=1, description="API secret of the integration user")


class RedmineSettings(Settings):
    """The project tool."""

    model_config = SettingsConfigDict(env_prefix="REDMINE_")
    base_url: WebAddress = Field(description="address of the Redmine site")
    key: SecretStr = Field(min_length=1, description="API access key of the integration user")


class SlackSettings(Settings):
    """The messenger."""

    model_config = SettingsConfigDict(env_prefix="SLACK_")
    base_url: WebAddress = Field(default="https://slack.com/api", description="Slack's Web API")
    token: SecretStr = Field(min_length=1, description="bot token, begins with xoxb-")
    signing_secret: SecretStr = Field(min_length=1, description="the app's secret that signs interactions")


class SmtpSettings(Settings):
    """Mail on its way out."""

    model_config = SettingsConfigDict(env_prefix="SMTP_")
    host: str = Field(description="the mail server")
    port: int = Field(default=25, ge=1, le=65535)
    sender: str = Field(validation_alias="SMTP_FROM", description="the address messages come from")
    user: str | None = None
    password: SecretStr | None = None
    start_tls: bool | None = Field(default=None, description="true: required, false: never, unset: when offered")


def adopt(values: Mapping[str, str]) -> None:
    """Take these variables as ours, all or none: none when the environment already says something else."""
    if all(os.environ.get(name, value) == value for name, value in values.items()):
        os.environ.update(values)


def environment(**changes: str) -> dict[str, str]:
    """Return this process's environment with changes, for a child process."""
    return {**os.environ, **changes}
