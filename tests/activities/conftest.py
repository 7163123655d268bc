"""The sandbox vendors, for actions that reach outside."""

from tests.connectors.conftest import erpnext, hubspot, mail, outside, sandbox, slack  # noqa: F401
