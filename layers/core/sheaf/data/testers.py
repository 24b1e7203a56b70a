"""Who has sent something to a draft, for those who have nothing but its test link."""

from __future__ import annotations

from sheaf.access import actors
from sheaf.access.actors import Actor
from sheaf.data import stored
from sheaf.data.record import ABOUT
from sheaf.data.stored import Range
from sheaf.forms.forms import Form
from sheaf.submissions import location
from sheaf.submissions.records import people


def of(form: Form) -> list[Actor]:
    """Give the actors that the submissions of a form's draft show, by name.

    The form's own list (`submissions.submitters`) names those who work with real data, too. A
    draft is sent few submissions, so they are simply read.
    """
    wanted = Range(form, [location.partition_of(form, draft=True)])
    batches = stored.newest(wanted, ABOUT)
    found = actors.by_id({number for batch in batches for each in batch for number in people(each)})
    return sorted(found.values(), key=lambda actor: actor.display_name)
