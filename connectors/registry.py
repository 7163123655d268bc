"""From settings to connectors: the only file that knows which vendors there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from connectors.chat import Chat
from connectors.contract import Connector, Crm, Erp, Messenger, ProjectTool
from connectors.erpnext.connector import ErpNext
from connectors.hubspot.connector import HubSpot
from connectors.redmine.connector import Redmine
from connectors.settings import ErpNextSettings, HubSpotSettings, RedmineSettings, SlackSettings, SmtpSettings
from connectors.slack.connector import Slack
from connectors.smtp.connector import Smtp


@dataclass(frozen=True)
class ConnectorSettings:
    """What every outside system of one installation needs."""

    hubspot: HubSpotSettings
    erpnext: ErpNextSettings
    redmine: RedmineSettings
    slack: SlackSettings
    smtp: SmtpSettings

    @classmethod
    def read(cls) -> ConnectorSettings:
        """Read the environment. Raises SettingsError for the first concern that lacks something."""
        return cls(
            hubspot=HubSpotSettings.read(),
            erpnext=ErpNextSettings.read(),
            redmine=RedmineSettings.read(),
            slack=SlackSettings.read(),
            smtp=SmtpSettings.read(),
        )


@dataclass(frozen=True)
class Connectors:
    """The outside systems of one installation, by what they are for."""

    crm: Crm
    erp: Erp
    projects: ProjectTool
    mail: Messenger
    chat: Chat

    def __iter__(self) -> Iterator[Connector]:
        yield from (self.crm, self.erp, self.projects, self.mail, self.chat)

    async def aclose(self) -> None:
        for connector in self:
            await connector.aclose()


def build(settings: ConnectorSettings) -> Connectors:
    """Return the connectors these settings describe; nothing is called yet."""
    hubspot, erpnext, redmine, slack, smtp = (
        settings.hubspot,
        settings.erpnext,
        settings.redmine,
        settings.slack,
        settings.smtp,
    )
    return Connectors(
        crm=HubSpot(hubspot.base_url, hubspot.token.get_secret_value(), hubspot.client_secret.get_secret_value()),
        erp=ErpNext(erpnext.base_url, erpnext.key.get_secret_value(), erpnext.secret.get_secret_value()),
        projects=Redmine(redmine.base_url, redmine.key.get_secret_value()),
        mail=Smtp(
            smtp.host,
            smtp.port,
            smtp.sender,
            user=smtp.user,
            password=smtp.password.get_secret_value() if smtp.password else None,
            start_tls=smtp.start_tls,
        ),
        chat=Slack(slack.base_url, slack.token.get_secret_value(), slack.signing_secret.get_secret_value()),
    )
