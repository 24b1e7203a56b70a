"""Who and what the demo plays with: a stack, a receiver, a project and two people."""

import secrets
import sys
from collections.abc import Callable
from dataclasses import dataclass

from local.client import Client
from local.emulator import StartError
from local.receiver import Receiver
from local.stack import FunctionError, Stack
from local.story import Story, Wrong

AGENT = "sheaf-demo/1"
DONE = {"success": True}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a session: id, display name and client."""

    id: int
    name: str
    client: Client


@dataclass(frozen=True, slots=True)
class Scene:
    """What all forms of a demo share; `project` is the project's id."""

    story: Story
    stack: Stack
    receiver: Receiver
    project: int
    manager: Person
    collector: Person


def prepare(story: Story, stack: Stack, receiver: Receiver) -> Scene:
    """Make a project with a manager and a Data Collector, as its administrator would."""
    story.step("The administrator makes a project, a manager and a Data Collector")
    nobody = Client(stack.url, on_answer=story.exchange, user_agent=AGENT)
    admin = nobody.log_in(stack.admin_email, stack.admin_password)
    made = admin.post("/v1/projects", {"name": "Wells of the northern hills"})
    story.same("the project is made", made.status, 200)
    project = made.json()["id"]
    people = []
    for role, email in (("manager", "manager@example.org"), ("formfill", "collector@example.org")):
        password = secrets.token_urlsafe(16)
        user = admin.post("/v1/users", {"email": email, "password": password}).json()
        grant = admin.post(f"/v1/projects/{project}/assignments/{role}/{user['id']}")
        story.same(f"{email} has the role {role}", grant.json(), DONE)
        people.append(Person(user["id"], user["displayName"], nobody.log_in(email, password)))
    return Scene(story, stack, receiver, project, *people)


def played(play: Callable[[], None]) -> int:
    """Play, and give the exit status; what goes wrong is told."""
    try:
        play()
    except (Wrong, TimeoutError, ConnectionError, FunctionError, StartError) as wrong:
        print(f"\n{wrong}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
