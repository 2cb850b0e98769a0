from typing import Self, final

from .blocks import LossConsumer
from .fmplan import Plan

@final
class FmCalc(LossConsumer):
    out: LossConsumer | None
    left: LossConsumer | None
    @property
    def plan(self) -> Plan: ...
    @property
    def alloc_rule(self) -> int: ...
    @property
    def net(self) -> bool: ...
    @property
    def both(self) -> bool: ...
    @property
    def debug(self) -> bool: ...
    @property
    def full_shares(self) -> bool: ...
    def __new__(
        cls,
        plan: Plan,
        *,
        alloc_rule: int = 0,
        net: bool = False,
        both: bool = False,
        debug: bool = False,
        full_shares: bool = False,
        exact: bool = False,
    ) -> Self: ...
