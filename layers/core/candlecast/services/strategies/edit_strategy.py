"""Edit a strategy's description for people, say who may find it, and retire it. None of it touches a decision."""

from __future__ import annotations

from dataclasses import dataclass

from candlecast.domain.account.events import EventType
from candlecast.domain.strategies.definition import StrategyDefinition, Visibility
from candlecast.domain.values.copying import replace
from candlecast.domain.values.errors import Conflict, NotFound
from candlecast.domain.values.text import require_text
from candlecast.ports.clock import Clock, Identifiers
from candlecast.ports.store import StrategyStore
from candlecast.services.expectation import Expectation, anything
from candlecast.services.retry_conflict import retry_conflict
from candlecast.services.strategies.change_strategy import Author, change_by, strategy_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """New values of a strategy; None leaves the present one."""

    name: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    visibility: Visibility | None = None
    collaborators: tuple[str, ...] | None = None
    catches_up: bool | None = None
    renew_link: bool = False
    """Whether a strategy of visibility LINK gets another key; the link of before leads nowhere then."""


@dataclass(frozen=True, slots=True)
class EditStrategy:
    """Edits strategies."""

    strategies: StrategyStore
    clock: Clock
    identifiers: Identifiers

    def __call__(
        self, author: Author, strategy_id: str, edit: Edit, *, expect: Expectation[StrategyDefinition] = anything
    ) -> StrategyDefinition:
        """Store the strategy with the new values; a repeat changes nothing, but for another key of a link.

        Raises `NotFound`, `InvalidValue` (TEXT_INVALID, TAGS_INVALID, TOO_MANY_COLLABORATORS), `Conflict` (STRATEGY_RETIRED;
        OWNER_ONLY for collaborators; NOT_OWNED for a strategy of the platform; VERSION_CONFLICT), and the errors of `expect`.
        """
        require_text("a name", edit.name or "")
        require_text("a description", edit.description or "")
        return retry_conflict(lambda: self._attempt(author, strategy_id, edit, expect))

    def _attempt(
        self, author: Author, strategy_id: str, edit: Edit, expect: Expectation[StrategyDefinition]
    ) -> StrategyDefinition:
        strategy = strategy_of(self.strategies, author, strategy_id)
        expect(strategy)
        if strategy.owner is None and (edit.visibility, edit.collaborators) != (None, None):
            raise Conflict("NOT_OWNED", "a strategy of the platform is public and has no collaborators")
        if edit.collaborators is not None and author.tenant_id != strategy.owner:
            raise Conflict("OWNER_ONLY", "only its owner chooses a strategy's collaborators")
        given = {
            name: value
            for name in ("name", "description", "tags", "visibility", "collaborators", "catches_up")
            if (value := getattr(edit, name)) not in (None, getattr(strategy, name))
        }
        edited = replace(strategy, **given)
        edited = replace(edited, link_key=self._link_key(strategy, edited, renew=edit.renew_link))
        if edited == strategy:
            return strategy
        values = {name: ",".join(value) if isinstance(value, tuple) else str(value) for name, value in given.items()}
        if edited.link_key not in (None, strategy.link_key):
            values["link"] = "new"
        change = change_by(author, strategy, EventType.STRATEGY_CHANGED, self.clock.now(), **values)
        return self.strategies.change_strategy(edited, change)

    def _link_key(self, before: StrategyDefinition, after: StrategyDefinition, *, renew: bool) -> str | None:
        if after.visibility is not Visibility.LINK:
            return None
        return self.identifiers.new() if renew or before.link_key is None else before.link_key


@dataclass(frozen=True, slots=True)
class RetireStrategy:
    """Ends strategies."""

    strategies: StrategyStore
    clock: Clock

    def __call__(self, author: Author, strategy_id: str) -> StrategyDefinition:
        """Take no more followers and give no more entries, for ever; exits still close what is held. A repeat changes nothing.

        Its author may, and an operator for every strategy. Raises `NotFound`, `Conflict` (VERSION_CONFLICT).
        """

        def attempt() -> StrategyDefinition:
            strategy, now = self.strategies.get_strategy(strategy_id), self.clock.now()
            if not (author.is_operator or strategy.may_change(author.tenant_id)):
                raise NotFound("no such strategy")
            if strategy.retired_at is not None:
                return strategy
            change = change_by(author, strategy, EventType.STRATEGY_RETIRED, now)
            return self.strategies.change_strategy(replace(strategy, retired_at=now), change)

        return retry_conflict(attempt)
