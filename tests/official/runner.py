"""Judge: the official agent runner (`avala-agents`) registers, polls, and decides a seeded execution."""

from __future__ import annotations

import logging
import uuid

import avala
import avala_agents

from judge import check, check_equal, fail, given, ok


class Answers(logging.Handler):
    """The HTTP answers, as httpx logs them: the runner itself hides a failed poll as `no work`."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []
        logging.getLogger("httpx").addHandler(self)
        logging.getLogger("httpx").setLevel(logging.INFO)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())

    def take(self, part: str) -> list[str]:
        """The answers to requests whose log line has `part`, since the last call."""
        found = [line for line in self.lines if part in line]
        self.lines.clear()
        return found


def polls_quietly(answers: Answers) -> None:
    """A new agent, limited to a project and two task types, has nothing to do."""
    name = f"judge-runner-{uuid.uuid4()}"
    agent = avala_agents.TaskAgent(name=name, task_types=["box", "cuboid"], project=str(uuid.uuid4()))

    @agent.on("result.submitted")
    def _decide(context: avala_agents.ResultContext) -> None:
        context.approve()

    check_equal(agent.run_once(), 0, "a new agent finds no work")
    polls = answers.take("/executions/")
    check(len(polls) == 1 and polls[0].endswith('200 OK"'), "its poll is answered 200", polls)
    check_equal(agent.run_once(), 0, "it may poll again without registering twice")
    answers.take("")
    agent.close()
    with avala.Client() as client:
        ours = [row for row in client.agents.list(limit=100).items if row.name == name]
        check_equal(len(ours), 1, "the runner registered one agent")
        check_equal(ours[0].task_types, ["box", "cuboid"], "its registration was kept whole")
        client.agents.delete(ours[0].uid)


def decides_the_seeded_execution(answers: Answers) -> None:
    name, event, execution = given("AVALA_TEST_AGENT"), given("AVALA_TEST_EVENT"), given("AVALA_TEST_EXECUTION")
    with avala.Client() as client:
        before = [row for row in client.agents.list(limit=100).items if row.name == name]
        check_equal(len(before), 1, "the seeded agent is there")
    agent, seen = avala_agents.TaskAgent(name=name), []

    @agent.on(event)
    def _decide(context: object) -> None:
        seen.append(context)
        context.approve("the judge approves")

    check_equal(agent.run_once(), 1, "run_once handles one execution")
    check_equal([context.execution_uid for context in seen], [execution], "the handler got the seeded execution")
    check_equal(seen[0].event_type, event, "with its event")
    actions = answers.take("/agent-actions/")
    check(len(actions) == 1 and ' 20' in actions[0], "the approval is accepted", actions)
    check_equal(agent.run_once(), 0, "an approved execution is not handed out again")
    agent.close()

    with avala.Client() as client:
        check_equal(
            [row.uid for row in client.agents.list(limit=100).items if row.name == name],
            [before[0].uid], "registering a known agent makes no second one",
        )
        rows = [row for row in client.agents.list_executions(before[0].uid).items if row.uid == execution]
        check_equal([row.action for row in rows], ["approve"], "the execution came back approved")
        check(rows[0].status not in ("pending", "running"), "and is over", rows[0].status)


def is_refused_with_a_bad_key() -> None:
    agent = avala_agents.TaskAgent(api_key=given("AVALA_TEST_UNKNOWN_KEY"), name="judge-refused")
    agent.on("task.completed")(lambda context: context.approve())
    try:
        agent.run_once()
    except avala_agents.AgentRegistrationError as error:
        check_equal(error.status_code, 401, "an unknown key cannot register")
    else:
        fail("an unknown key registered an agent")
    finally:
        agent.close()


if __name__ == "__main__":
    heard = Answers()
    polls_quietly(heard)
    decides_the_seeded_execution(heard)
    is_refused_with_a_bad_key()
    ok("the official runner is content")
