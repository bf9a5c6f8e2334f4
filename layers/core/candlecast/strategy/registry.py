"""Built-in strategies by name: one file of a package each, imported only when it is asked for."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from typing import Any, cast

from candlecast.strategy.base import NAME_PATTERN, Strategy
from candlecast.strategy.errors import StrategyError

# In a wheel the folder `strategies` has a name that nobody else's package has (decision 0116). First, so that no other
# package called `strategies` is taken for ours.
PACKAGES = ("candlecast_strategies", "strategies")
RENAMED = {"neutral_grid": "band_reversion"}  # the old name serves for ever: definitions that are followed bear it


def available() -> tuple[str, ...]:
    """Names of the built-in strategies, sorted; nothing is imported."""
    return _names(_package())


def load_strategy(name: str) -> type[Strategy[Any]]:
    """The built-in strategy of that name, or of the name that it had before; its module is imported, no other.

    Raises `StrategyError` STRATEGY_NAME_INVALID for a malformed name (nothing is looked up then), and STRATEGY_UNKNOWN for an
    unknown name. STRATEGY_INVALID means that the module does not define the strategy.
    """
    if not NAME_PATTERN.fullmatch(name):
        raise StrategyError("STRATEGY_NAME_INVALID", "a name of a strategy has the characters [a-z0-9_]")
    name = RENAMED.get(name, name)
    package = _package()
    if name not in _names(package):
        raise StrategyError("STRATEGY_UNKNOWN", "there is no built-in strategy of that name")
    module = importlib.import_module(f"{package}.{name}")
    for member in vars(module).values():
        is_strategy = isinstance(member, type) and issubclass(member, Strategy)
        if is_strategy and member.__module__ == module.__name__ and member.name == name:
            return cast(type[Strategy[Any]], member)
    raise StrategyError("STRATEGY_INVALID", f"{package}/{name}.py defines no strategy with the name {name!r}")


def _package() -> str:
    """The package that holds the built-in strategies here."""
    return next((name for name in PACKAGES if importlib.util.find_spec(name) is not None), "")


def _names(package: str) -> tuple[str, ...]:
    spec = importlib.util.find_spec(package) if package else None
    modules = pkgutil.iter_modules(spec.submodule_search_locations) if spec is not None else ()
    return tuple(sorted(module.name for module in modules if NAME_PATTERN.fullmatch(module.name)))
