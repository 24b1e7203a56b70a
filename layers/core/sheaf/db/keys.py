"""Every key of the table, one function a pattern. No other module builds a key.

    pk                          sk                   item
    --------------------------  -------------------  ---------------------------------------------
    COUNTERS                    <name>               Counter: the last number given out
    A#<actor>                   A                    Actor: user, app user, public link; its grants
    EMAILS                      <email>              Email: claims an address, points to its actor
    T#<sha256 of token>         T                    Session
    B#<acteeId>                 <actor>              Bearer: an app user of a project, or a link
    U#<actor>#<sha256 of device>  U                  LinkUse: who has used a single-use link
    G#<acteeId>                 <role>#<actor>       Assignment
    O#<acteeId>                 O                    Place: where what bears an acteeId lies
    PROJECTS                    <project>            Project
    P#<project>                 F#<xmlFormId>        Form, live
    P#<project>                 X#<form>             Form, deleted
    P#<project>                 N#<xmlFormId>        FormName: how often the name was used
    D#<form>                    V#<version>          Definition: a published version
    D#<form>                    W#<draft>            Definition: of a draft
    D#<form>                    XML#<sha256>         DefinitionSource: what was uploaded
    D#<form>                    A#<draft>            AbandonedDraft: what is left of a draft
    K#<key>                     K                    Key: what forms are encrypted for
    KP#<sha256 of public key>   K                    PublicKey: claims a key, points to it
    C#<project>#<xmlFormId>#<n>#<world>#<instanceId>  C  Claim of an instanceId
    S#<form><partition>#<shard>  <id>                Submission, its current version
    KU#<form><partition>#<shard>  <key>#<id>         KeyUse: a current version is encrypted
    SU#<form>                   <actor>              Submitter: who has submitted to the form
    V#<submission>              V#<nr>               SubmissionVersion: an older one, kept aside
    V#<submission>              U#<upload>           Upload: a file that is awaited in the bucket
    V#<submission>              K#<event>            Comment
    V#<submission>              B#<event>#<hook>     HookBody: what a hook was or will be sent
    V#<submission>              B#<event>#<hook>#<n>  HookAnswer: what its receiver answered
    E#<kind><digit>             <id><kind>           Audit: what was done, and the outbox of events
    H#<project>                 <form>#<hook>        Hook (form 0: all forms of the project)
    K#<hook>                    GATE                 Gate: what a hook's deliveries wait for
    K#<hook>                    NOTICE               Notice: what people were told of a hook
    L#<hook>                    <event>              Delivery
    J#<hook>                    <job>                HookJob: a replay, or a retry of many
    X#<export>                  X                    Job: export or feed that outgrew its request
    PURGE                       RUN                  PurgeRun: a purge that is under way
    TALLY                       ALL                  Tally: how many submissions forms have

A *partition* is `` (live), `x` (in the trash) or `d<draft>` (of a draft, by its number); a *world*
is `` or `d` (of drafts); a *shard* is two hexadecimal digits; an *id* is made by `identifier`: 16
digits of microseconds, the shard, two random letters. Ids of one form sort by time and are unique
over all its shards, and name the shard that holds them. A *kind* is a letter (`kind`), a *digit* 0
to 7, by the id's last letter.
"""

import hashlib
import re
from base64 import urlsafe_b64encode

from sheaf import clock

_HOME = re.compile("([0-9]+)(.*)")


def part(text: str) -> str:
    """Escape what a client chose, so that it cannot reach over a separator."""
    return text.replace("%", "%25").replace("#", "%23")


def identifier(shard: int) -> str:
    """Make a new id in a shard (0 to 255)."""
    return f"{clock.micros():016d}{shard:02x}{clock.letters(2)}"


def event_of(submission_id: str, micros: int) -> str:
    """Give the id of a submission's event: its time, then what ends the submission's id."""
    return f"{micros:016d}{submission_id[16:]}"


def micros(identifier: str) -> int:
    """Give an id's time, in microseconds since 1970; it serves as the number of the thing."""
    return int(identifier[:16])


def shard_of(identifier: str) -> str:
    """Give an id's shard, two hexadecimal digits."""
    return identifier[16:18]


def shard_for(instance_id: str, shards: int) -> int:
    """Choose the shard of a new submission: a hash spreads them evenly."""
    return hashlib.sha256(instance_id.encode()).digest()[0] % shards


def counter(name: str) -> tuple[str, str]:
    """Key of a Counter."""
    return "COUNTERS", name


def actor(actor_id: int) -> tuple[str, str]:
    """Key of an Actor."""
    return f"A#{actor_id}", "A"


EMAILS = "EMAILS"


def email(address: str) -> tuple[str, str]:
    """Key of an Email; addresses are compared without regard to case."""
    return EMAILS, address.lower()


SESSION = "T"


def session(token: str) -> tuple[str, str]:
    """Key of a Session: tokens are stored as their hash alone."""
    return f"T#{_digest(token)}", SESSION


def bearers(actee_id: str) -> str:
    """Partition of the Bearers of a project or a form."""
    return f"B#{actee_id}"


def bearer(actee_id: str, actor_id: int) -> tuple[str, str]:
    """Key of a Bearer."""
    return bearers(actee_id), f"{actor_id:08d}"


def link_use(actor_id: int, device_id: str) -> tuple[str, str]:
    """Key of a LinkUse: partitions of their own, since many may use one link at once."""
    return f"U#{actor_id}#{_digest(device_id)}", "U"


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def assignments(actee_id: str) -> str:
    """Partition of an actee's Assignments."""
    return f"G#{actee_id}"


def holders(role_id: int) -> str:
    """Beginning of the sort keys of an actee's Assignments of one role."""
    return f"{role_id}#"


def assignment(actee_id: str, role_id: int, actor_id: int) -> tuple[str, str]:
    """Key of an Assignment."""
    return assignments(actee_id), f"{holders(role_id)}{actor_id:08d}"


PROJECTS = "PROJECTS"


def project(project_id: int) -> tuple[str, str]:
    """Key of a Project."""
    return PROJECTS, f"{project_id:010d}"


def forms(project_id: int) -> str:
    """Partition of a project's Forms and FormNames."""
    return f"P#{project_id}"


FORM = "F#"


def form(project_id: int, xml_form_id: str) -> tuple[str, str]:
    """Key of a live Form."""
    return forms(project_id), f"{FORM}{xml_form_id}"


DELETED_FORM = "X#"


def deleted_form(project_id: int, form_id: int) -> tuple[str, str]:
    """Key of a deleted Form."""
    return forms(project_id), f"{DELETED_FORM}{form_id}"


def form_name(project_id: int, xml_form_id: str) -> tuple[str, str]:
    """Key of a FormName."""
    return forms(project_id), f"N#{xml_form_id}"


def definitions(form_id: int) -> str:
    """Partition of a form's Definitions."""
    return f"D#{form_id}"


DEFINITION = "V#"
WORKING = "W#"
SOURCE = "XML#"


def definition(form_id: int, version: str) -> tuple[str, str]:
    """Key of a published Definition."""
    return definitions(form_id), f"{DEFINITION}{version}"


def working_definition(form_id: int, draft_id: int) -> tuple[str, str]:
    """Key of the Definition of a draft, which may change until it is published."""
    return definitions(form_id), f"{WORKING}{draft_id}"


def abandoned_draft(form_id: int, draft_id: int) -> tuple[str, str]:
    """Key of an AbandonedDraft."""
    return definitions(form_id), f"A#{draft_id}"


def definition_source(form_id: int, sha256: str) -> tuple[str, str]:
    """Key of a DefinitionSource."""
    return definitions(form_id), f"{SOURCE}{sha256}"


def key(key_id: int) -> tuple[str, str]:
    """Key of a Key."""
    return f"K#{key_id}", "K"


def public_key(public: str) -> tuple[str, str]:
    """Key of a PublicKey."""
    return f"KP#{hashlib.sha256(public.encode()).hexdigest()}", "K"


def claim(
    project_id: int, xml_form_id: str, use: int, world: str, instance_id: str
) -> tuple[str, str]:
    """Key of a Claim: computable from a URL alone, so it is read along with the form.

    `use` counts the forms of the project that have borne the name before, which is 0 but for a
    form that took a deleted form's id. Drafts, one after the other, share the world `d`.
    """
    return f"C#{project_id}#{part(xml_form_id)}#{use}#{world}#{part(instance_id)}", "C"


def draft_partition(draft_id: int) -> str:
    """Name the partition of a draft's submissions: a new draft begins with none."""
    return f"d{draft_id}"


def submissions(form_id: int, partition: str, shard: str) -> str:
    """Partition of one shard of a form's Submissions."""
    return f"S#{form_id}{partition}#{shard}"


def home(submissions_pk: str) -> tuple[int, str]:
    """Give the form and the partition that a key of `submissions` is about."""
    form, partition = _HOME.fullmatch(submissions_pk.split("#")[1]).groups()  # type: ignore[union-attr]
    return int(form), partition


def submission(form_id: int, partition: str, submission_id: str) -> tuple[str, str]:
    """Key of a Submission."""
    return submissions(form_id, partition, shard_of(submission_id)), submission_id


def key_uses(form_id: int, partition: str, shard: str) -> str:
    """Partition of the KeyUses of one shard of a form's submissions."""
    return f"KU#{form_id}{partition}#{shard}"


def key_uses_from(key_id: int) -> str:
    """Where the sort keys of a key's KeyUses begin; they stand in the order of the keys."""
    return f"{key_id:010d}"


def key_use(form_id: int, partition: str, key_id: int, submission_id: str) -> tuple[str, str]:
    """Key of a KeyUse."""
    sk = f"{key_uses_from(key_id)}#{submission_id}"
    return key_uses(form_id, partition, shard_of(submission_id)), sk


def key_of_use(sk: str) -> int:
    """Give the key that a KeyUse's sort key is about."""
    return int(sk.partition("#")[0])


def submitters(form_id: int) -> str:
    """Partition of a form's Submitters."""
    return f"SU#{form_id}"


def submitter(form_id: int, actor_id: int) -> tuple[str, str]:
    """Key of a Submitter."""
    return submitters(form_id), f"{actor_id:08d}"


def actor_of_submitter(sk: str) -> int:
    """Give the actor that a Submitter's sort key is about."""
    return int(sk)


def collection(submission_id: str) -> str:
    """Partition of what hangs on one submission: older versions, hook bodies."""
    return f"V#{submission_id}"


def no_submission(form_id: int) -> str:
    """Stand for a submission where something is about the form itself."""
    return f"form-{form_id}"


VERSION = "V#"


def version(submission_id: str, number: int) -> tuple[str, str]:
    """Key of a SubmissionVersion; numbers count from 0, the first version."""
    return collection(submission_id), f"{VERSION}{number:06d}"


def upload(submission_id: str, upload_id: str) -> tuple[str, str]:
    """Key of an Upload."""
    return collection(submission_id), f"U#{upload_id}"


COMMENT = "K#"


def comment(submission_id: str, comment_id: str) -> tuple[str, str]:
    """Key of a Comment."""
    return collection(submission_id), f"{COMMENT}{comment_id}"


BODY = "B#"


def hook_body(submission_id: str, event_id: str, hook_id: str) -> tuple[str, str]:
    """Key of a HookBody."""
    return collection(submission_id), f"{BODY}{event_id}#{hook_id}"


def hook_answer(submission_id: str, event_id: str, hook_id: str, attempt: int) -> tuple[str, str]:
    """Key of a HookAnswer; attempts count from 1."""
    pk, body = hook_body(submission_id, event_id, hook_id)
    return pk, f"{body}#{attempt:04d}"


def delivery_of(body: str) -> tuple[str, str]:
    """Give the key of the Delivery that the sort key of a HookBody or HookAnswer belongs to."""
    event_id, hook_id = body.removeprefix(BODY).split("#")[:2]
    return delivery(hook_id, event_id)


# The stream's filter in template.yaml names this prefix: what begins with it is an event.
FEED = "E#"
# Kinds of audit rows. What is done to submissions comes by the thousand, so each such action has
# feeds of its own, that no list reads which does not want them; and a login hides nothing else.
_KINDS = {
    "submission.create": "c",
    "submission.update.version": "v",
    "submission.update": "u",
    "submission.attachment.update": "a",
    "submission.delete": "d",
    "submission.restore": "r",
    "user.session.create": "l",
}
# All else that is done; and what is told to hooks but stands in no audit log.
REST, _HIDDEN = "s", "n"
# What the audit log shows.
LOGGED = (*_KINDS.values(), REST)
# 500 rows a second are the most that a partition takes. Of what comes by the thousand each kind has
# so many partitions.
_DIGITS = 8
_SINGLE = "ls"


def kind(action: str, *, hidden: bool = False) -> str:
    """Give the kind of an action's audit rows."""
    return _HIDDEN if hidden else _KINDS.get(action, REST)


def kinds(action: str) -> set[str]:
    """Give the kinds among which the rows of an action are."""
    return {_KINDS[action]} if action in _KINDS else {REST, _HIDDEN}


def audit(kind: str, event_id: str) -> tuple[str, str]:
    """Key of an Audit. Its sort key names the event, and leads back to its feed."""
    digit = 0 if kind in _SINGLE else clock.LETTERS.index(event_id[-1]) % _DIGITS
    return f"{FEED}{kind}{digit}", f"{event_id}{kind}"


def feeds(kind: str) -> list[str]:
    """Partitions of the Audits of a kind."""
    return [f"{FEED}{kind}{digit}" for digit in range(1 if kind in _SINGLE else _DIGITS)]


def actee(actee_id: str) -> tuple[str, str]:
    """Key of a Place."""
    return f"O#{actee_id}", "O"


def hooks(project_id: int) -> str:
    """Partition of a project's Hooks."""
    return f"H#{project_id}"


def hook_scope(form_id: int) -> str:
    """Beginning of the sort keys of a form's Hooks; form 0 stands for the whole project."""
    return f"{form_id}#"


def hook(project_id: int, form_id: int, hook_id: str) -> tuple[str, str]:
    """Key of a Hook."""
    return hooks(project_id), f"{hook_scope(form_id)}{hook_id}"


def hook_id(sk: str) -> str:
    """Give the id of the hook that a sort key is about."""
    return sk.partition("#")[2]


def gate(hook_id: str) -> tuple[str, str]:
    """Key of a Gate."""
    return f"K#{hook_id}", "GATE"


def notice(hook_id: str) -> tuple[str, str]:
    """Key of a Notice."""
    return gate(hook_id)[0], "NOTICE"


def deliveries(hook_id: str) -> str:
    """Partition of a hook's Deliveries."""
    return f"L#{hook_id}"


def delivery(hook_id: str, event_id: str) -> tuple[str, str]:
    """Key of a Delivery: one for each hook and event, whatever happens twice."""
    return deliveries(hook_id), event_id


def jobs(hook_id: str) -> str:
    """Partition of a hook's HookJobs."""
    return f"J#{hook_id}"


def job(hook_id: str, job_id: str) -> tuple[str, str]:
    """Key of a HookJob."""
    return jobs(hook_id), job_id


def export(export_id: str) -> tuple[str, str]:
    """Key of a Job."""
    return f"X#{part(export_id)}", "X"


def export_id(pk: str) -> str:
    """Give the id that a key of `export` is made of."""
    return pk.partition("#")[2]


PURGE_RUN = ("PURGE", "RUN")
TALLY = ("TALLY", "ALL")
# Hash keys of the sparse index `due`: submissions, what is left of drafts, and forms, which a purge
# may be due for; hooks that people must be told of; and what the sweep of hooks must look at. That
# is spread, so that a receiver that is down makes no hot partition.
DUE_PURGE, DUE_DRAFT, DUE_FORM = "purge", "purge-draft", "purge-form"
DUE_NOTICES = "notices"
DUE_HOOKS = ("hooks0", "hooks1", "hooks2", "hooks3")


def due_hooks(name: str) -> str:
    """Choose the hash key in the index `due` for what concerns hooks."""
    return DUE_HOOKS[hashlib.sha256(name.encode()).digest()[0] % len(DUE_HOOKS)]
