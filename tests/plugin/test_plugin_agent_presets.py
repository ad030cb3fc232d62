"""`preset` of a command-line agent: stand-ins print what the real ones print, and tell how they were called.

Outputs are those of the sources that docs/agents.md names, shortened where they repeat themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from pytest_benchmodels.core.agent import PRESETS
from pytest_benchmodels.providers.agents import AGENTS
from tests.plugin.plugin_parts import Project
from tests.plugin.plugin_results import JSON, results

ALLOWED = "--bench-allow-commands"
KEY = "sk-stand-in-0123456789abcdef"
STAND_IN = """#!/bin/sh
printf '%s\\n' "$@" > called.txt
cat > asked.txt
env | grep -v _KEY > seen.txt
cat <<'PRINTED'
{out}
PRINTED
cat >&2 <<'PRINTED'
{err}
PRINTED
{end}
"""

CLAUDE_DONE = (
    '{"type":"result","subtype":"success","is_error":false,"duration_ms":466374,"num_turns":3,"result":"done",'
    '"stop_reason":"end_turn","total_cost_usd":0.834076,"usage":{"input_tokens":101590,"output_tokens":1814,'
    '"cache_creation_input_tokens":42,"cache_read_input_tokens":17},"modelUsage":{"claude-haiku-4-5-20251001":'
    '{"inputTokens":262881,"outputTokens":3579,"costUSD":0.280776},"claude-opus-4-6":{"inputTokens":101590,'
    '"outputTokens":1814,"costUSD":0.5532999999999999}}}'
)
CLAUDE_TURNS = (
    '{"type":"result","subtype":"error_max_turns","duration_ms":283992,"duration_api_ms":251052,"is_error":true,'
    '"num_turns":41,"stop_reason":"tool_use","session_id":"495cc7e5-d22e-4192-92ba-4ce2d14827a6",'
    '"total_cost_usd":1.4020935000000005,"usage":{"input_tokens":2409,"cache_creation_input_tokens":29104,'
    '"cache_read_input_tokens":1617801,"output_tokens":15946}}'
)
CLAUDE_EARLIER_TURNS = (
    '{"type":"result","subtype":"error_max_turns","is_error":false,"num_turns":2,"total_cost_usd":0.01,'
    '"session_id":"abc"}'
)
CLAUDE_LIMITED = (
    '{"type":"result","is_error":true,"api_error_status":429,"result":"API Error: Request rejected (429) · This '
    'request would exceed your account\'s rate limit. Please try again later.","terminal_reason":"api_error"}'
)
CLAUDE_SPENT = (
    '{"type":"result","subtype":"success","is_error":true,"api_error_status":429,"duration_ms":294,"num_turns":1,'
    '"result":"You\'ve hit your org\'s monthly usage limit","stop_reason":"stop_sequence"}'
)
CODEX_DONE = r"""{"type":"thread.started","thread_id":"0199a213-81c0-7800-8aa1-bbab2a035a53"}
{"type":"turn.started"}
{"type":"item.completed","item":{"id":"item_0","type":"reasoning","text":"**Searching for README files**"}}
{"type":"item.started","item":{"id":"item_1","type":"command_execution","command":"bash -lc ls","aggregated_output":"","status":"in_progress"}}
{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"bash -lc ls","aggregated_output":"2025-09-11\nAGENTS.md\n","exit_code":0,"status":"completed"}}
{"type":"item.completed","item":{"id":"item_2","type":"reasoning","text":"**Checking repository root for README**"}}
{"type":"item.completed","item":{"id":"item_3","type":"agent_message","text":"Yep — there’s a `README.md` in the repository root."}}
{"type":"turn.completed","usage":{"input_tokens":24763,"cached_input_tokens":24448,"output_tokens":122}}"""  # noqa: E501, RUF001 - as it is printed
CODEX_FAILED = """{"type":"thread.started","thread_id":"01a08436-5df0-7771-8b1e-3542567d3dc7"}
{"type":"turn.started"}
{"type":"error","message":"Reconnecting... 2/5 (unexpected status 404 Not Found)"}
{"type":"turn.failed","error":{"message":"unexpected status 404 Not Found: The model `gpt-5.5` does not exist"}}"""
CODEX_BUSY = (
    '{"type":"turn.started"}\n{"type":"turn.failed","error":{"message":"Selected model is at capacity. Please try a '
    'different model."}}'
)
GEMINI_DONE = """{
  "session_id": "00000000-0000-4000-8000-000000000001",
  "response": "The capital of France is Paris.",
  "stats": {
    "models": {
      "gemini-2.5-pro": {
        "api": {"totalRequests": 2, "totalErrors": 0, "totalLatencyMs": 5053},
        "tokens": {"prompt": 24939, "candidates": 20, "total": 25113, "cached": 21263, "thoughts": 154, "tool": 0}
      },
      "gemini-2.5-flash": {
        "api": {"totalRequests": 1, "totalErrors": 0, "totalLatencyMs": 1879},
        "tokens": {"prompt": 8965, "candidates": 10, "total": 9033, "cached": 0, "thoughts": 30, "tool": 28}
      }
    }
  }
}"""
GEMINI_TURNS = (
    '{"session_id": "00000000-0000-4000-8000-000000000001", "error": {"type": "FatalTurnLimitedError", '
    '"message": "Reached max session turns for this session.", "code": 53}}'
)
OPENCODE_DONE = """{"type":"step_start","timestamp":1,"sessionID":"ses_1","part":{"type":"step-start"}}
{"type":"tool_use","timestamp":2,"sessionID":"ses_1","part":{"type":"tool","tool":"bash","callID":"call_1","state":{"status":"completed","input":{"command":"ls"},"output":"README.md","title":"ls"}}}
{"type":"step_finish","timestamp":3,"sessionID":"ses_1","part":{"type":"step-finish","reason":"tool-calls","tokens":{"total":8086,"input":3,"output":7,"reasoning":0,"cache":{"write":8076,"read":0}},"cost":0.030399}}
{"type":"text","timestamp":4,"sessionID":"ses_1","part":{"id":"prt_1","messageID":"msg_1","type":"text","text":"hello-2044"}}
{"type":"step_finish","timestamp":5,"sessionID":"ses_1","part":{"type":"step-finish","reason":"stop","tokens":{"total":7065,"input":1662,"output":8,"reasoning":15,"cache":{"write":0,"read":5380}},"cost":0.00258306}}"""
OPENCODE_FAILED = (
    '{"type":"error","timestamp":1784968844308,"sessionID":"ses_06790ee62ffeYzRvucVpTBoDMU","error":{"name":'
    '"UnknownError","data":{"message":"Unexpected server error. Check server logs for details.","ref":"err_c497c54b"}}}'
)
AIDER_DONE = """Aider v0.86.1
Model: gpt-4o with diff edit format
Git repo: none
Repo-map: disabled

I made the change.

Tokens: 58k sent, 1.2k received. Cost: $0.02 message, $0.02 session.
Applied edit to routes.py

Now the tests pass.

Tokens: 1,234 sent, 150 received. Cost: $0.01 message, $0.03 session."""
AIDER_REFUSED = """Aider v0.86.1
Model: gpt-4o with diff edit format
litellm.AuthenticationError: AuthenticationError: OpenAIException - Incorrect API key provided.
The API provider is not able to authenticate you. Check your API key."""
AIDER_LATER = f"{AIDER_DONE}\nlitellm.BadRequestError: OpenAIException - the request was refused"


class Case(NamedTuple):
    preset: str
    out: str
    status: str
    told: Mapping[str, object]
    err: str = ""
    end: str = "exit 0"


def _usage(*tokens: int | None, cost: float | None = None) -> dict[str, object]:
    names = ("input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "reasoning_tokens")
    return {**dict(zip(names, tokens, strict=True)), "cost_usd": cost}


CASES = {
    "claude": Case(
        "claude-code",
        CLAUDE_DONE,
        "passed",
        {
            "text": "done",
            "steps": 3,
            "served_model": "claude-haiku-4-5-20251001, claude-opus-4-6",
            **_usage(101649, 1814, 17, 42, None, cost=0.834076),
        },
    ),
    "claude at its turns": Case(
        "claude-code",
        CLAUDE_TURNS,
        "agent",
        {"message": "claude ended with exit status 1: error_max_turns", "cost_usd": 1.4020935000000005},
        end="exit 1",
    ),
    "claude at its turns, an earlier one": Case(
        "claude-code", CLAUDE_EARLIER_TURNS, "agent", {"message": "exit status 0: error_max_turns", "cost_usd": 0.01}
    ),
    "claude, limited": Case("claude-code", CLAUDE_LIMITED, "rate-limit", {"message": "Request rejected (429)"}),
    "claude, spent": Case("claude-code", CLAUDE_SPENT, "quota", {"message": "monthly usage limit"}, end="exit 1"),
    "claude, killed": Case(
        "claude-code", '{"type":"res', "agent", {"message": "was ended by SIGKILL"}, end="kill -9 $$"
    ),
    "codex": Case(
        "codex",
        CODEX_DONE,
        "passed",
        {
            "text": "Yep — there’s a `README.md` in the repository root.",  # noqa: RUF001 - as it is printed
            "thinking": "**Searching for README files**\n\n**Checking repository root for README**",
            "calls": [("command_execution", {"command": "bash -lc ls"}, "2025-09-11\nAGENTS.md\n")],
            **_usage(24763, 122, 24448, None, None),
        },
    ),
    "codex, no model": Case(
        "codex", CODEX_FAILED, "not-found", {"message": "The model `gpt-5.5` does not exist"}, end="exit 1"
    ),
    "codex, busy": Case("codex", CODEX_BUSY, "overloaded", {"message": "at capacity"}, end="exit 1"),
    "codex, killed": Case(
        "codex", CODEX_DONE.partition('{"type":"turn.completed"')[0], "agent", {"message": "SIGTERM"}, end="kill $$"
    ),
    "gemini": Case(
        "gemini-cli",
        GEMINI_DONE,
        "passed",
        {
            "text": "The capital of France is Paris.",
            "steps": None,
            "served_model": "gemini-2.5-pro, gemini-2.5-flash",
            **_usage(33904, 214, 21263, None, 184),
        },
    ),
    "gemini at its turns": Case(
        "gemini-cli", GEMINI_TURNS, "agent", {"message": "Reached max session turns"}, end="exit 53"
    ),
    "gemini, no key": Case(
        "gemini-cli", "", "auth", {"message": "exit status 41"}, err="API key not valid: API_KEY_INVALID", end="exit 41"
    ),
    "opencode": Case(
        "opencode",
        OPENCODE_DONE,
        "passed",
        {
            "text": "hello-2044",
            "steps": 2,
            "finish_reason": "stop",
            "calls": [("bash", {"command": "ls"}, "README.md")],
            **_usage(15121, 30, 5380, 8076, 15, cost=0.03298206),
        },
    ),
    "opencode, failed": Case(
        "opencode", OPENCODE_FAILED, "agent", {"message": "exit status 1: Unexpected server error."}, end="exit 1"
    ),
    "aider": Case(
        "aider",
        AIDER_DONE,
        "passed",
        {
            "text": AIDER_DONE.rpartition("\n\nTokens:")[0],
            **_usage(59234, 1350, None, None, None, cost=0.03),
        },
    ),
    "aider, no key": Case("aider", AIDER_REFUSED, "auth", {"message": "Incorrect API key provided"}),
    "aider, refused later": Case("aider", AIDER_LATER, "agent", {"message": "the request was refused"}),
}


def stand_in(project: Project, monkeypatch: pytest.MonkeyPatch, case: Case, **keys: str) -> None:
    """The preset's program as a script that is first on the PATH, and a model that it is."""
    known = AGENTS[case.preset]
    script = STAND_IN.format(out=case.out, err=case.err, end=case.end)
    path = project.write(f"programs/{known.program[0]}", script)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")
    monkeypatch.setenv(known.keys[0], KEY)
    lines = "\n".join(f"{key} = {value}" for key, value in keys.items())
    project.write("bench.toml", f'[model.agent]\nprovider = "command"\npreset = "{case.preset}"\n{lines}\n')


def _run(project: Project, *arguments: str) -> Mapping[str, Any]:
    project.bench(JSON, ALLOWED, *arguments)
    (run,) = results(project).values()
    return run


def _lines(run: Mapping[str, Any], path: str) -> list[str]:
    """What the stand-in wrote into a file."""
    diff = next(each.get("diff", "") for each in run["response"]["changes"] if each["path"] == path)
    return [line[1:] for line in diff.splitlines() if line.startswith("+") and not line.startswith("+++")]


@pytest.mark.parametrize("name", CASES)
def test_what_it_prints_is_read(project: Project, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    case = CASES[name]
    stand_in(project, monkeypatch, case)
    project.suite({"id": "a", "prompt": "Do it.", "checks": [{"regex": "(?s).*"}]}, models=["agent"])

    run = _run(project, "--bench-retries=0")

    assert (run["status"] if run["error"] is None else run["error"]["kind"]) == case.status
    told = {**(run["response"] or {}), **((run["response"] or {}).get("usage") or {}), "cost_usd": run["cost_usd"]}
    told["message"] = (run["error"] or {}).get("message")
    told["calls"] = [
        (call["name"], call["arguments"], result["content"])
        for call, result in zip(told.get("tool_calls", ()), told.get("tool_results", ()), strict=True)
    ]
    for key, value in case.told.items():
        if key == "message":
            assert str(value) in told[key]
        else:
            assert told[key] == (pytest.approx(value) if isinstance(value, float) else value), key


CALLED: dict[str, tuple[dict[str, str], list[str]]] = {
    "claude-code": (
        {"name": '"opus"', "max_turns": "9", "args": '["--verbose"]'},
        [
            *[
                "-p",
                "--output-format",
                "json",
                "--permission-mode",
                "bypassPermissions",
                "--model",
                "opus",
                "--max-turns",
                "9",
                "--verbose",
            ],
            "--append-system-prompt",
            "Be brief.",
        ],
    ),
    "codex": (
        {"name": '"gpt-5-codex"'},
        ["exec", "--json", "--skip-git-repo-check", "--sandbox", "workspace-write", "--model", "gpt-5-codex", "-"],
    ),
    "gemini-cli": (
        {"name": '"gemini-2.5-pro"'},
        ["--output-format", "json", "--approval-mode", "yolo", "--model", "gemini-2.5-pro"],
    ),
    "opencode": ({"name": '"openai/gpt-5"'}, ["run", "--format", "json", "--model", "openai/gpt-5"]),
    "aider": (
        {"name": '"gpt-4o"'},
        [
            *["--yes-always", "--no-git", "--no-pretty", "--no-stream", "--no-check-update", "--no-show-release-notes"],
            *["--message-file", "*", "--model", "gpt-4o"],
        ],
    ),
}


@pytest.mark.parametrize("preset", PRESETS)
def test_it_is_called_as_its_documentation_says(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...], preset: str
) -> None:
    keys, words = CALLED[preset]
    done = next(case for case in CASES.values() if case.preset == preset)
    stand_in(project, monkeypatch, done, **keys)
    project.suite(
        {"id": "a", "system": "Be brief.", "prompt": "Do it.", "checks": [{"regex": "(?s).*"}]}, models=["agent"]
    )

    run = _run(project, *workers)

    called = _lines(run, "called.txt")
    assert len(called) == len(words)
    assert all(word in ("*", said) for word, said in zip(words, called, strict=True)), called
    asked = {"claude-code": ["Do it."], "aider": []}.get(preset, ["Be brief.", "", "Do it."])
    assert [line for line in _lines(run, "asked.txt") if not line.startswith("\\ ")] == asked


@pytest.mark.parametrize(
    ("case", "variables", "keys"),
    [
        ("gemini", {"GEMINI_CLI_TRUST_WORKSPACE=true"}, {}),
        ("aider", {"AIDER_CHAT_HISTORY_FILE=/dev/null", "AIDER_INPUT_HISTORY_FILE=/dev/null"}, {}),
        ("aider", {"AIDER_ANALYTICS=true"}, {"env": '{AIDER_ANALYTICS = "true"}'}),
    ],
)
def test_it_is_told_by_variables_what_no_flag_says(
    project: Project, monkeypatch: pytest.MonkeyPatch, case: str, variables: set[str], keys: dict[str, str]
) -> None:
    stand_in(project, monkeypatch, CASES[case], **keys)
    project.suite({"id": "a", "prompt": "Do it.", "checks": [{"regex": "(?s).*"}]}, models=["agent"])

    assert variables <= set(_lines(_run(project), "seen.txt"))


def test_names_of_presets_are_those_of_agents() -> None:
    assert tuple(AGENTS) == PRESETS


def test_an_agent_without_a_key_ends_the_session(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(project, monkeypatch, CASES["claude"])
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    project.suite({"id": "a", "prompt": "Do it."}, models=["agent"])

    result = project.bench(ALLOWED)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = "model agent: no key for claude-code: set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN or *; or, where it is*"
    result.stderr.fnmatch_lines(f"*bench.toml:3: {said}")


def test_one_that_is_signed_in_needs_no_key(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(project, monkeypatch, CASES["claude"], readable='["programs"]')
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    project.suite({"id": "a", "prompt": "Do it.", "checks": [{"equals": "done"}]}, models=["agent"])

    assert project.bench(ALLOWED).ret == 0


def test_turns_of_an_agent_without_a_flag_for_them_end_the_session(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(project, monkeypatch, CASES["codex"], max_turns="3")
    project.suite({"id": "a", "prompt": "Do it."}, models=["agent"])

    result = project.bench(ALLOWED)

    result.stderr.fnmatch_lines(
        "*bench.toml:4: codex has no flag for max_turns, and does not tell how many steps it took: leave it out*"
    )


def test_a_preset_is_not_there(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(project, monkeypatch, CASES["codex"])
    (project.path / "programs" / "codex").unlink()
    project.suite({"id": "a", "prompt": "Do it."}, models=["agent"])

    result = project.bench(ALLOWED)

    result.stderr.fnmatch_lines("*bench.toml:3: model agent: the program 'codex' is not on the PATH: install it*")


def test_what_an_agent_did_by_itself_is_a_call_that_checks_see_and_nobody_answers(
    project: Project, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    # A workspace gives models of APIs tools, and asks them again with what came of them.
    stand_in(project, monkeypatch, CASES["codex"])
    turn = {"prompt": "Do it.", "checks": [{"contains": "README"}]}
    done = {"tool_called": "command_execution", "arguments": {"command": "bash -lc ls"}, "times": 1}
    project.suite({"id": "a", "turns": [turn], "files": {}, "checks": [done]}, models=["agent"])

    run = _run(project, *workers)

    assert (run["status"], len(run["checks"]), run["attempts"]) == ("passed", 2, 1)
    assert run["out_of_steps"] is False
    assert [call["purpose"] for call in run["calls"]] == ["answer"]
