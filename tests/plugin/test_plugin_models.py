"""Which models run, what a name stands for, and whose key goes where."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.formats.configfile import ConfigFile
from pytest_benchmodels.plugin.session.models import Models

SIM_URL = "http://127.0.0.1:1/v1"


def models(file: Mapping[str, object] | None = None, typed: tuple[str, ...] = ()) -> Models:
    return Models(typed, msgspec.convert(file or {}, ConfigFile), SIM_URL)


def fault(name: str, file: Mapping[str, object] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        models(file).resolve_all({name: "suite.yaml::a[m]"})
    text, _, wanting = str(caught.value).rpartition(" (wanted by ")
    assert wanting == "suite.yaml::a[m])"
    return text


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "LOCAL_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_the_command_line_wins_over_the_scenario_over_the_config() -> None:
    file = {"models": ["sim/slow"]}
    assert models(file, typed=("a/b",)).named_for(("c/d",)) == ("a/b",)
    assert models(file).named_for(("c/d", "c/d")) == ("c/d",)
    assert models(file).named_for(()) == ("sim/slow",)
    assert models().named_for(()) == ()


def test_a_providers_model_has_its_address_and_its_key() -> None:
    model = models().resolve("openai/gpt-4o-mini")
    assert (model.provider, model.name) == ("openai", "gpt-4o-mini")
    assert (model.base_url, model.api_key_env) == ("https://api.openai.com/v1", "OPENAI_API_KEY")


def test_a_name_may_hold_slashes_and_colons() -> None:
    assert models().resolve("openrouter/meta-llama/llama-3.3-70b").name == "meta-llama/llama-3.3-70b"
    assert models().resolve("ollama/qwen3:8b").api_key_env is None


def test_the_environment_may_move_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")
    assert models().resolve("openai/x").base_url == "http://127.0.0.1:9/v1"


def test_an_entry_of_the_config_adds_to_a_providers_model() -> None:
    entry = {"params": {"temperature": 0}, "timeout": 9, "max_in_flight": 3, "price": {"input": 1, "output": 2}}
    model = models({"model": {"openai/x": entry}}).resolve("openai/x")
    assert (model.name, model.params, model.timeout_s, model.max_in_flight) == ("x", {"temperature": 0}, 9.0, 3)
    assert model.price is not None
    assert (model.price.input, model.price.output) == (1.0, 2.0)


def test_an_address_of_the_users_own_never_gets_the_providers_key() -> None:
    local = {"provider": "openai", "name": "qwen3-8b", "base_url": "http://127.0.0.1:8000/v1"}
    assert models({"model": {"local": local}}).resolve("local").api_key_env is None
    assert (
        models({"model": {"local": {**local, "api_key_env": "LOCAL_KEY"}}}).resolve("local").api_key_env == "LOCAL_KEY"
    )


def test_simulated_models_cost_nothing_and_answer_where_the_session_says() -> None:
    model = models().resolve("sim/steady")
    assert (model.base_url, model.api_key_env) == (SIM_URL, None)
    assert model.price is not None
    assert (model.price.input, model.price.output) == (0.0, 0.0)


def test_missing_keys_are_one_error_that_names_the_variables() -> None:
    with pytest.raises(ConfigError) as caught:
        models().resolve_all(dict.fromkeys(["openai/a", "openai/b", "anthropic/c", "sim/steady"], "suite.yaml::a"))
    assert str(caught.value).splitlines() == [
        "no API key for openai/a, openai/b: set the environment variable OPENAI_API_KEY",
        "no API key for anthropic/c: set the environment variable ANTHROPIC_API_KEY",
    ]


@pytest.mark.parametrize("key", ["sk-two\nlines", "sk-é", "sk-\x07"])
def test_a_key_that_cannot_be_sent_is_said_with_its_variable_alone(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ConfigError) as caught:
        models().resolve_all(dict.fromkeys(["openai/a", "openai/b"], "suite.yaml::a"))
    assert str(caught.value) == (
        "no API key for openai/a, openai/b: the environment variable OPENAI_API_KEY holds characters that no key has "
        "(a line break, an accent?); set it anew"
    )


def test_a_key_of_blanks_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " \n")
    with pytest.raises(ConfigError, match="set the environment variable OPENAI_API_KEY"):
        models().resolve_all(dict.fromkeys(["openai/a"], "suite.yaml::a"))


def test_a_key_may_end_with_the_line_break_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-right\n")
    assert list(models().resolve_all(dict.fromkeys(["openai/a"], "suite.yaml::a"))) == ["openai/a"]


def test_an_unknown_simulated_model_is_said_with_those_that_there_are() -> None:
    known = "simulated are sim/steady, sim/slow, sim/flaky, sim/hang, sim/judge, sim/embed, sim/agent"
    assert fault("sim/stedy") == f"unknown model 'sim/stedy'; did you mean 'steady'?; {known}"
    alias = {"quick": {"provider": "sim", "name": "fast"}}
    assert fault("quick", {"model": alias}) == f"model 'quick': unknown model 'sim/fast'; {known}"


def test_a_simulated_server_of_the_users_own_may_know_others() -> None:
    own = {"provider": "sim", "name": "fast", "base_url": "http://127.0.0.1:8000/v1"}
    assert models({"model": {"mine": own}}).resolve("mine").name == "fast"


def test_an_unknown_model_is_said_with_what_there_is() -> None:
    assert "unknown model 'opnai/gpt'; did you mean 'openai'?" in fault("opnai/gpt")
    assert "unknown model 'locl'; did you mean 'local'?" in fault("locl", {"model": {"local": {"provider": "openai"}}})
    assert "a provider of openai, anthropic, google" in fault("gpt-4")


@pytest.mark.parametrize("name", ["openai", "openai/"])
def test_a_provider_alone_is_no_model(name: str) -> None:
    assert fault(name) == f"model {name!r} lacks a name after the provider's: write `openai/name`"


def test_an_alias_without_a_name_says_what_it_lacks() -> None:
    said = fault("local", {"model": {"local": {"provider": "openai"}}})
    assert said == "model 'local' lacks `name`, what the API calls it: set it in [model.local] of bench.toml"


@pytest.mark.parametrize("url", ["ftp://x/v1", "127.0.0.1:8000", "http://", "", "http://a b/v1"])
def test_an_address_has_to_be_http(url: str) -> None:
    text = fault("local", {"model": {"local": {"provider": "openai", "name": "x", "base_url": url}}})
    assert text == f"local: base_url {url!r} has to begin with http:// or https:// and name a host, without spaces"


@pytest.mark.parametrize("url", ["http://[::1/v1", "http://127.0.0.1:99999/v1", "http://127.0.0.1:port/v1"])
def test_an_address_that_is_none_is_said(url: str) -> None:
    text = fault("local", {"model": {"local": {"provider": "openai", "name": "x", "base_url": url}}})
    assert text.startswith(f"local: base_url {url!r} is no address: ")


def test_an_address_must_hold_no_password() -> None:
    text = fault("local", {"model": {"local": {"provider": "openai", "name": "x", "base_url": "http://u:secret@h/v1"}}})
    assert text == "local: base_url must hold no user and no password; name the key with api_key_env"


@pytest.mark.parametrize("name", ["sim/a]b", "sim/a[b", "sim/a#2", "sim/a\nb"])
def test_a_name_that_a_node_id_cannot_hold_is_refused(name: str) -> None:
    assert "has to be printable, without `[`, `]` and an ending like `#2`" in fault(name)


def shared(name: str, limit: str, **tables: Mapping[str, object]) -> list[str]:
    """The buckets of one kind that hold for a model."""
    limited = {"rpm": 5, "tpm": 7, "max_in_flight": 3}
    file = {"limits": "redis://h", "model": tables, "provider": {"openai": limited, "sim": limited}}
    model = models(file).resolve(name)
    found = [cap.bucket for cap in model.caps] + [limit.bucket for limit in model.limits]
    return [bucket for bucket in found if bucket.startswith(limit)]


@pytest.mark.parametrize("limit", ["rpm", "tpm", "max_in_flight"])
def test_models_of_one_provider_share_its_limits_if_they_share_its_key_and_its_address(limit: str) -> None:
    other_key = {"provider": "openai", "name": "x", "api_key_env": "TEAM_KEY"}
    local = {"provider": "openai", "name": "x", "base_url": "http://h:8000/v1", "rpm": 1, "tpm": 1, "max_in_flight": 1}
    local_key = {**other_key, "base_url": "http://h:8000/v1"}

    assert shared("openai/a", limit) == shared("openai/b", limit) == [f"{limit} of provider openai"]
    assert shared("plain", limit, plain={"provider": "openai", "name": "x"}) == [f"{limit} of provider openai"]
    assert shared("named", limit, named={**other_key, "api_key_env": "OPENAI_API_KEY"}) == [
        f"{limit} of provider openai"
    ]
    assert shared("team", limit, team=other_key) == [f"{limit} of provider openai with TEAM_KEY"]
    assert shared("local", limit, local=local) == [
        f"{limit} of local",
        f"{limit} of provider openai at http://h:8000/v1",
    ]
    assert shared("keyed", limit, keyed=local_key) == [f"{limit} of provider openai at http://h:8000/v1 with TEAM_KEY"]
    assert shared("sim/steady", limit) == [f"{limit} of provider sim"]


def test_runs_at_once_are_pooled_by_key_and_address_as_well() -> None:
    tables = {"team": {"provider": "openai", "name": "x", "api_key_env": "TEAM_KEY"}}
    registry = models({"model": tables, "provider": {"openai": {"max_in_flight": 3}}})
    pools = registry.pools([registry.resolve(name) for name in ("openai/a", "openai/b", "team", "sim/steady")])
    assert [(sorted(pool.models), pool.most) for pool in pools] == [(["openai/a", "openai/b"], 3), (["team"], 3)]


def test_a_session_that_shares_no_limits_counts_runs_at_once_by_itself() -> None:
    file = {"model": {"sim/slow": {"max_in_flight": 2}}, "provider": {"sim": {"max_in_flight": 3}}}
    assert models(file).resolve("sim/slow").caps == ()


def test_an_address_of_the_environment_that_is_none_does_not_concern_those_who_have_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "nonsense")
    local = {"provider": "openai", "name": "x", "base_url": "http://h:8000/v1"}
    assert models({"model": {"local": local}}).resolve("local").base_url == "http://h:8000/v1"
    assert "base_url 'nonsense'" in fault("openai/x")
