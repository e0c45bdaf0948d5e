"""Another implementation of `support_logits` than device and shape would choose."""

from importlib import import_module

import pytest

_MODULE = import_module("opd.lm_head.support_logits")


def use(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Until the end of the test, `support_logits` works with the implementation of that name."""
    monkeypatch.setattr(_MODULE, "choose", lambda *shape: name)
