"""Every node type that is installed, found by id and version."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import lru_cache

from engine.contract import CredentialType, Integration, NodeType
from engine.settings import settings


class UnknownType(LookupError):
    """No installed node type has this id, or none of its versions this number. The message says which are known."""


class Catalog:
    """Node types by id; `catalog[id]` is the newest version."""

    def __init__(self, integrations: Iterable[Integration]) -> None:
        """Raises ValueError when two types share id and version."""
        self.integrations: Mapping[str, Integration] = {i.id: i for i in integrations}
        self._versions: dict[str, dict[int, NodeType]] = {}
        for integration in self.integrations.values():
            for node_type in integration.nodes:
                versions = self._versions.setdefault(node_type.id, {})
                if node_type.version in versions:
                    raise ValueError(f"{node_type.id} version {node_type.version} is declared twice")
                versions[node_type.version] = node_type
        self.credentials: Mapping[str, CredentialType] = {
            kind.id: kind for integration in self.integrations.values() for kind in integration.credentials
        }
        self._newest = {type_id: versions[max(versions)] for type_id, versions in sorted(self._versions.items())}

    def __getitem__(self, type_id: str) -> NodeType:
        return self._newest[type_id]

    def __contains__(self, type_id: object) -> bool:
        return type_id in self._newest

    def __iter__(self) -> Iterator[str]:
        return iter(self._newest)

    def __len__(self) -> int:
        return len(self._newest)

    def all(self) -> Sequence[NodeType]:
        """The newest version of each type, by id."""
        return tuple(self._newest.values())

    def versions(self, type_id: str) -> Sequence[int]:
        """The installed versions, oldest first; empty for an unknown id."""
        return sorted(self._versions.get(type_id, ()))

    def get(self, type_id: str, version: int | None = None) -> NodeType | None:
        """This version, or the newest; None when it is not installed."""
        return self._newest.get(type_id) if version is None else self._versions.get(type_id, {}).get(version)

    def with_types(self, changed: Iterable[NodeType]) -> Catalog:
        """The same catalogue with these in place of the types of their id and version."""
        found = copy(self)
        found._versions = {type_id: dict(versions) for type_id, versions in self._versions.items()}
        for node_type in changed:
            found._versions[node_type.id][node_type.version] = node_type
        found._newest = {type_id: versions[max(versions)] for type_id, versions in found._versions.items()}
        return found

    def require(self, type_id: str, version: int) -> NodeType:
        """Exactly this version. Raises UnknownType."""
        found = self.get(type_id, version)
        if found is not None:
            return found
        if type_id not in self._versions:
            raise UnknownType(f"There is no node type “{type_id}”.")
        known = ", ".join(map(str, self.versions(type_id)))
        raise UnknownType(f"“{type_id}” has no version {version}; installed: {known}.")


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """What the packages under `integrations` declare; each exposes `integration`. Loaded once per process.

    Packages in the folder that the setting WEFT_INTEGRATIONS names count as if they stood there too.
    """
    integrations = importlib.import_module("integrations")
    own = settings().integrations
    if own is not None and str(own) not in integrations.__path__:
        integrations.__path__.append(str(own))
    names = sorted(module.name for module in pkgutil.iter_modules(integrations.__path__) if module.ispkg)
    modules = [importlib.import_module(f"integrations.{name}") for name in names]
    return Catalog(module.integration for module in modules)
