"""Keeps cfn_flip out until it is used: troposphere imports it, and with it PyYAML, for `Template.to_yaml` alone."""

import sys
from importlib import import_module
from types import ModuleType


class _Deferred(ModuleType):
    """Stands for a module that is imported when something is asked of it. What walks over all modules, asking each
    where it comes from, is no reason.
    """

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name != "__path__":
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name, obj=self)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def defer(name: str) -> None:
    """Let the next ``import name`` load nothing yet; no change when the module is there already."""
    sys.modules.setdefault(name, _Deferred(name))


defer("cfn_flip")
