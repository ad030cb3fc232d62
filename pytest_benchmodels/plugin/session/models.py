"""Which models run, and what the session knows of each."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from pytest_benchmodels.core.errors import ConfigError
from pytest_benchmodels.core.fingerprint import digest_of_code
from pytest_benchmodels.core.model import Cap, Limit, Model, Price
from pytest_benchmodels.core.run import COMMAND, Pool
from pytest_benchmodels.core.text import address, nearest, plain, quote
from pytest_benchmodels.formats.configfile import ConfigFile, ModelEntry, ProviderEntry, place_of
from pytest_benchmodels.plugin.session.agents import agent_of, start_problems
from pytest_benchmodels.plugin.session.price_list import listed_price
from pytest_benchmodels.providers.api_protocol import reads_streams
from pytest_benchmodels.providers.catalog import CATALOG, FUNCTION, ProviderInfo, Registry
from pytest_benchmodels.providers.key import is_unhidden, key_fault

__all__ = ["HOW_TO_NAME_A_MODEL", "NODE_ID_RULE", "Models", "fits_a_node_id"]

_OF_HTTP = ("base_url", "api_key_env", "headers", "stream", "stall_timeout")

HOW_TO_NAME_A_MODEL = (
    "no model is named: give --bench-models sim/steady, or `models: [...]` in the scenario or in the file's "
    "`defaults`, or `models = [...]` in bench.toml"
)

NODE_ID_RULE = "has to be printable, without `[`, `]` and an ending like `#2`"
_NO_HTTP = "makes no sense for a model that is a function of conftest.py"
_KEY_HEADERS = ("api-key", "authorization", "x-api-key", "x-goog-api-key")


class Models:
    """Resolves the names that users type. `typed` are those of `--bench-models`."""

    def __init__(self, typed: tuple[str, ...], file: ConfigFile, sim_url: str, config_path: Path | None = None) -> None:
        """`config_path` is where `file` was read from."""
        self._typed = typed
        self._file = file
        self._config_path = config_path or Path("bench.toml")
        self._sim_url = sim_url
        self.registry = Registry()
        """What the user's hooks gave: known once the session has started, before anything is resolved."""
        self.late_note = ""
        """Where a hook gives models too late, for whoever misses one."""
        self._resolved: dict[str, Model] = {}
        self._listed: dict[str, Price] = {}

    def named_for(self, scenario_models: tuple[str, ...]) -> tuple[str, ...]:
        """The first that is set: `--bench-models`, the scenario's, the config's; empty if none is."""
        names = self._typed or scenario_models or tuple(self._file.models)
        return tuple(dict.fromkeys(names))

    def is_command(self, name: str) -> bool:
        """Whether a name stands for a command-line agent; also where it cannot be resolved."""
        entry = self._file.model.get(name)
        return entry is not None and entry.provider == COMMAND

    def resolve(self, name: str) -> Model:
        """What a name stands for; raise `ConfigError` for one that stands for nothing."""
        if name not in self._resolved:
            self._resolved[name] = self._build(name, self._file.model.get(name, ModelEntry()))
        return self._resolved[name]

    def resolve_all(self, wanted: Mapping[str, str], keyed: Collection[str] | None = None) -> dict[str, Model]:
        """Resolve names, each with the node id of a run that wants it, and see that the `keyed`, or all, have keys.

        Raise one `ConfigError` for all that is wrong.
        """
        models: dict[str, Model] = {}
        problems: list[str] = []
        for name, nodeid in wanted.items():
            try:
                models[name] = self.resolve(name)
            except ConfigError as error:
                by_file = not self._typed and name not in self._file.models
                problems.append(f"{error} (wanted by {plain(nodeid)})" if by_file else str(error))
        called = [model for name, model in models.items() if keyed is None or name in keyed]
        problems += (*_key_problems(called), *start_problems(called, self._place_of))
        if problems:
            raise ConfigError("\n".join(problems))
        return models

    def _build(self, name: str, entry: ModelEntry) -> Model:
        provider, _, api_name = name.partition("/")
        provider = entry.provider or provider
        if not fits_a_node_id(name):
            raise ConfigError(f"model {quote(name)} {NODE_ID_RULE}")
        if name in self.registry.functions or entry.provider == FUNCTION:
            return self._build_function(name, entry)
        if entry.provider == COMMAND:
            return self._build_command(name, entry)
        if provider not in self.registry.providers:
            raise ConfigError(self._unknown(name, provider))
        if not (entry.name or api_name):
            raise ConfigError(_nameless(name, provider, entry))
        info = self.registry.providers[provider]
        if info.protocol == "sim" and entry.base_url is None:
            _check_simulated(name, entry.name or api_name)
        # An address of the user's own never gets the key of the provider's: an alias names its key or has none.
        key_env = None if self._has_own_address(name) else info.find_key_env(os.environ)
        model = Model(
            id=name,
            provider=provider,
            name=entry.name or api_name,
            base_url=_checked_url(name, entry.base_url) if entry.base_url is not None else self._base_url(info),
            api_key_env=entry.api_key_env or key_env,
            params=entry.params,
            timeout_s=entry.timeout,
            max_in_flight=entry.max_in_flight,
            price=_price(info, entry),
            headers=self._headers(provider, entry),
            code=self._code_of(provider),
            query=self._query(provider, entry),
            stream=entry.stream,
            stall_timeout_s=entry.stall_timeout,
        )
        _refuse_second_key(model)
        if entry.stream and (own := self.registry.protocols.get(provider)) and not reads_streams(own):
            told = (
                f"stream = true, and {type(own).__name__}, which conftest.py gives for {provider}, has no read_event()"
            )
            raise ConfigError(f"[model.{quote(name)[1:-1]}] of bench.toml: {told}: write it, or leave stream out")
        return self._limited(model)

    def _build_function(self, name: str, entry: ModelEntry) -> Model:
        """A function by its own name, or by an alias whose table has `provider = "function"` and its `name`."""
        functions = self.registry.functions
        function = name if name in functions else entry.name or ""
        of_http = (*_OF_HTTP, *(("provider", "name") if name in functions else ()))
        if senseless := [key for key in of_http if getattr(entry, key)]:
            raise ConfigError(
                f"[model.{quote(name)[1:-1]}] of bench.toml: {', '.join(senseless)} {_NO_HTTP}; leave out what is "
                "about a provider: max_in_flight, rpm, tpm, timeout, price and params hold"
            )
        if function not in functions:
            known = f"known are {', '.join(functions)}" if functions else "no conftest.py gives any"
            named = f"function {quote(function)}" if function else "function without a `name`"
            raise ConfigError(
                f"model {quote(name)}: unknown {named}{nearest(function, functions)}; a function is named as "
                f"pytest_bench_models names it ({known})"
            )
        return self._limited(
            Model(
                id=name,
                provider=FUNCTION,
                name=function,
                base_url="",
                params=entry.params,
                timeout_s=entry.timeout,
                max_in_flight=entry.max_in_flight,
                price=_stated_price(entry),
                code=digest_of_code(functions[function]),
            )
        )

    def _build_command(self, name: str, entry: ModelEntry) -> Model:
        return self._limited(
            Model(
                id=name,
                provider=COMMAND,
                name=entry.name or entry.preset or name,
                base_url="",
                timeout_s=entry.timeout,
                max_in_flight=entry.max_in_flight,
                price=_stated_price(entry),
                agent=agent_of(name, entry, self._config_path.parent.absolute(), self._place_of),
            )
        )

    def _place_of(self, name: str, key: str) -> str:
        return place_of(self._config_path, "model", name, key)

    def _code_of(self, provider: str) -> str:
        """The digest of a protocol's code, where it is the user's."""
        protocol = self.registry.protocols.get(provider)
        if protocol is None:
            return ""
        from pytest_benchmodels.providers.api_protocol import user_methods  # noqa: PLC0415 - where there are any

        return digest_of_code(*user_methods(protocol))

    def _limited(self, model: Model) -> Model:
        return replace(model, limits=tuple(self._limits(model)), caps=tuple(self._caps(model)))

    def _headers(self, provider: str, entry: ModelEntry) -> tuple[tuple[str, str], ...]:
        """Each header with the variable of its value: the model's own, and those of its provider."""
        shared = ProviderEntry() if entry.base_url is not None else self._file.provider.get(provider, ProviderEntry())
        named = {name.casefold(): (name, value) for name, value in (*shared.headers.items(), *entry.headers.items())}
        return tuple((name, value.removeprefix("env:")) for name, value in named.values())

    def _query(self, provider: str, entry: ModelEntry) -> tuple[tuple[str, str], ...]:
        """What stands behind the `?` of each request's address: the same way."""
        shared = ProviderEntry() if entry.base_url is not None else self._file.provider.get(provider, ProviderEntry())
        return tuple({**shared.query, **entry.query}.items())

    def pools(self, models: Collection[Model]) -> list[Pool]:
        """The maxima in flight that models with one account have in common."""
        accounts: dict[tuple[str, int], set[str]] = {}
        for model in models:
            shared = self.shared_maximum(model)
            if shared is not None:
                accounts.setdefault(shared, set()).add(model.id)
        return [Pool(tuple(sorted(ids)), most) for (_, most), ids in accounts.items()]

    def shared_maximum(self, model: Model) -> tuple[str, int] | None:
        """The model's account, and how many runs of all its models may be in flight; None if that is not limited."""
        entry = self._file.provider.get(model.provider)
        return None if entry is None or entry.max_in_flight is None else (self._account(model), entry.max_in_flight)

    @property
    def unhidden_keys(self) -> list[str]:
        """The variables of keys that are too short to be hidden, of all models resolved so far."""
        variables = {variable for model in self._resolved.values() for variable in _variables(model)}
        return sorted(filter(is_unhidden, variables))

    @property
    def listed_prices(self) -> Mapping[str, Price]:
        """Prices that the price list gave, by model."""
        return self._listed

    def list_prices(self, models: Mapping[str, Model]) -> None:
        """Look up the prices that bench.toml does not tell."""
        wanting = [model for model in models.values() if model.price is None and self._may_be_listed(model)]
        if wanting:
            for model in wanting:
                price = listed_price(CATALOG[model.provider].price_list_id, model.name)
                if price is not None:
                    self.list_price(model.id, price)

    def _may_be_listed(self, model: Model) -> bool:
        return model.provider in CATALOG and not self._has_own_address(model.id)

    def _has_own_address(self, name: str) -> bool:
        entry = self._file.model.get(name)
        return entry is not None and entry.base_url is not None

    def list_price(self, name: str, price: Price) -> None:
        """Take a price from whoever looked it up."""
        self._listed[name] = price
        self._resolved[name] = replace(self.resolve(name), price=price)

    def _limits(self, model: Model) -> Iterator[Limit]:
        """The model's own limits, and those that it shares with others of its account."""
        for owner, source in self._owners(model):
            if source.rpm is not None:
                yield Limit(f"rpm of {owner}", "rpm", source.rpm)
            if source.tpm is not None:
                yield Limit(f"tpm of {owner}", "tpm", source.tpm)

    def _caps(self, model: Model) -> Iterator[Cap]:
        """What a session cannot keep by itself, because others count as well."""
        if self._file.limits is not None:
            for owner, source in self._owners(model):
                if source.max_in_flight is not None:
                    yield Cap(f"max_in_flight of {owner}", source.max_in_flight)

    def _owners(self, model: Model) -> Iterator[tuple[str, ModelEntry | ProviderEntry]]:
        """Those whose limits hold for the model, by their names for a reader, by which buckets are shared too."""
        yield model.id, self._file.model.get(model.id, ModelEntry())
        yield self._account(model), self._file.provider.get(model.provider, ProviderEntry())

    def _account(self, model: Model) -> str:
        """Provider, key and address: what an API counts together. What is as usual goes without saying."""
        if model.provider in (FUNCTION, COMMAND):
            return f"provider {model.provider}"
        info = self.registry.providers[model.provider]
        at = f" at {model.base_url}" if model.base_url != self._usual_url(info) else ""
        key = model.api_key_env if at or model.api_key_env != info.find_key_env(os.environ) else None
        keys = sorted(filter(None, (key, *(variable for _, variable in (*model.headers, *model.secret_query)))))
        return f"provider {model.provider}{at}" + (f" with {', '.join(keys)}" if keys else "")

    def _base_url(self, info: ProviderInfo) -> str:
        url = self._usual_url(info)
        if info.protocol == "azure" and not url:
            raise ConfigError(
                f"provider {quote(info.name)} has no address: set {info.base_url_envs[-1]} to that of your resource, "
                "https://RESOURCE.openai.azure.com, or base_url of the model's table in bench.toml"
            )
        if info.protocol == "own" and not url:
            variables = f", or {info.base_url_env} in the environment" if info.base_url_env else ""
            raise ConfigError(
                f"provider {quote(info.name)} has no address: set `base_url` of its ApiProtocol, or of the model's "
                f"table in bench.toml{variables}"
            )
        return _checked_url(info.base_url_env or info.name, url)

    def _usual_url(self, info: ProviderInfo) -> str:
        return self._sim_url if info.protocol == "sim" else info.find_base_url(os.environ)

    def _unknown(self, name: str, provider: str) -> str:
        providers, functions = self.registry.providers, self.registry.functions
        hint = nearest(name, [*self._file.model, *functions]) or nearest(provider, [*providers, *self._file.model])
        given = f", or one of {', '.join(functions)}, which conftest.py gives" if functions else ""
        return (
            f"unknown model {quote(name)}{hint}; a model is `provider/name` with a provider of "
            f"{', '.join(providers)}, or an alias that bench.toml defines as [model.NAME]{given}{self.late_note}"
        )


def _nameless(name: str, provider: str, entry: ModelEntry) -> str:
    if entry.provider is None:
        return f"model {quote(name)} lacks a name after the provider's: write `{provider}/name`"
    return f"model {quote(name)} lacks `name`, what the API calls it: set it in [model.{name}] of bench.toml"


def _check_simulated(name: str, api_name: str) -> None:
    """Our own server's models are known; one at an address of the user's own may have others."""
    from pytest_benchmodels.providers.sim.knobs import PRESETS  # noqa: PLC0415 - only where a model is simulated

    if api_name not in PRESETS:
        alias = "" if name == f"sim/{api_name}" else f"model {quote(name)}: "
        known = ", ".join(f"sim/{preset}" for preset in PRESETS)
        hint = nearest(api_name, PRESETS)
        raise ConfigError(f"{alias}unknown model {quote(f'sim/{api_name}')}{hint}; simulated are {known}")


def fits_a_node_id(name: str) -> bool:
    """A run's node id ends with `[model]` or `[model#trial]`, and is read back from there."""
    return name.isprintable() and not re.search(r"[\[\]]|#\d+$", name)


def _variables(model: Model) -> Iterator[str]:
    """The environment's variables that hold what nobody may see."""
    if model.api_key_env:
        yield model.api_key_env
    yield from (variable for _, variable in (*model.headers, *model.secret_query))
    if model.agent is not None:
        yield from (variable for _, variable in model.agent.variables)


def _refuse_second_key(model: Model) -> None:
    if model.api_key_env is None:
        return
    for name, variable in model.headers:
        if name.casefold() in _KEY_HEADERS:
            raise ConfigError(
                f"model {quote(model.id)}: its key comes from {model.api_key_env}, and by headers {quote(name)} from "
                f"{variable}: keep one of the two"
            )


def _key_problems(models: Iterable[Model]) -> Iterator[str]:
    using: dict[str, list[str]] = {}
    for model in models:
        for variable in _variables(model):
            using.setdefault(variable, []).append(model.id)
    for variable, ids in using.items():
        if fault := key_fault(variable):
            yield f"no API key for {', '.join(ids)}: {fault}"


def _checked_url(source: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port  # looked at by whoever asks for it
    except ValueError as error:
        raise ConfigError(f"{source}: base_url {address(url)} is no address: {_why(error, url)}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url):
        raise ConfigError(
            f"{source}: base_url {address(url)} has to begin with http:// or https:// and name a host, without spaces"
        )
    if parts.username or parts.password:
        raise ConfigError(f"{source}: base_url must hold no user and no password; name the key with api_key_env")
    if "?" in url or "#" in url:
        remedy = (
            'the API\'s path is put behind it. Write what stands behind the `?` as query = {NAME = "value"} beside it'
        )
        raise ConfigError(f"{source}: base_url {address(url)} must hold no `?` and no `#`: {remedy}")
    return url.rstrip("/")


def _why(error: ValueError, url: str) -> str:
    """Python's reason, unless it repeats a part of the address: that may be a password's."""
    reason = str(error)
    return "its port is no number from 0 to 65535" if "ort" in reason and "@" in url else reason


def _price(info: ProviderInfo, entry: ModelEntry) -> Price | None:
    if entry.price is None and info.protocol == "sim":
        return Price(0.0, 0.0)
    return _stated_price(entry)


def _stated_price(entry: ModelEntry) -> Price | None:
    return None if entry.price is None else Price(**msgspec.structs.asdict(entry.price))
