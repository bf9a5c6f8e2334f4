# Appended by layers/exchange/layer.py to the package's __init__, where `exchanges` is defined above. A venue's module is imported
# when its class is first asked for: `ccxt.binanceusdm` and `ccxt.binanceusdm({...})` work as always. The import system binds a
# submodule on its package once the submodule is loaded. The package of ccxt has the class under that name, so the class is bound
# instead.
import importlib
import sys
import types


class _LazyVenues(types.ModuleType):
    def __getattr__(self, name: str) -> object:
        if name not in exchanges:  # type: ignore[name-defined]  # noqa: F821
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} (see layers/exchange/layer.py)")
        return getattr(importlib.import_module(f"{self.__name__}.{name}"), name)

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, types.ModuleType) and name in exchanges:  # type: ignore[name-defined]  # noqa: F821
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _LazyVenues
