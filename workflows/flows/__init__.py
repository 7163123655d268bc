"""The flows on offer, in the order in which they are tried. Managed services takes what no other flow takes."""

from workflows.flows.construction import construction
from workflows.flows.financial_services import financial_services
from workflows.flows.managed_services import managed_services
from workflows.flows.manufacturing import manufacturing
from workflows.flows.saas import saas

FLOWS = (manufacturing, saas, construction, financial_services, managed_services)
