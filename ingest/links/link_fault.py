"""What is wrong with a link, in words: the one error of this wing."""

from __future__ import annotations

from body_signals import HiphingeError


class LinkFault(HiphingeError):
    """A link that cannot be opened or has broken. persistent: trying again is useless until somebody acts; may_pass: or until
    another program has let it go, which may be soon."""

    def __init__(
        self, what: str, where: str = "", remedy: str = "", *, persistent: bool = False, may_pass: bool = False
    ) -> None:
        super().__init__(what, where, remedy)
        self.persistent, self.may_pass = persistent, may_pass
