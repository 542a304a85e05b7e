"""`simpul connector new`: a folder for an agency, from nothing, a WSDL or an OpenAPI document.

What it writes passes the kit's structural half; the rest of the kit then says what is still to be decided with the agency.
"""

from connectors.scaffold.plan import Field, OperationPlan, Plan, PlanError, plain
from connectors.scaffold.write import write

__all__ = ["Field", "OperationPlan", "Plan", "PlanError", "plain", "write"]
