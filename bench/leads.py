"""Makes leads as the marketplace posts them, each different."""

import itertools
import json
import time

# Leads of other runs in the same organisation must not be duplicates of these.
_RUN = f"{time.time_ns():x}"
_numbers = itertools.count(1)


def next_lead() -> bytes:
    """Gives the body of the next post."""
    number = next(_numbers)
    lead = {
        "UserDetails": {
            "FirstName": "Jane",
            "LastName": f"Doe {_RUN} {number}",
            "Email": f"jane.doe.{number}@fabrikam.com",
            "Phone": "+33 1 23 45 67 89",
            "Country": "FR",
            "Company": f"Fabrikam {number}",
            "Title": "CTO",
        },
        "LeadSource": "AzureMarketplace-INS|contoso.widget",
        "ActionCode": "INS",
        "OfferTitle": "Contoso Widget",
        "Description": "Please call.",
    }
    return json.dumps(lead).encode()
