"""The flows on offer, in the order in which they are tried."""

from workflows.flows.managed_services import managed_services

FLOWS = (managed_services,)
