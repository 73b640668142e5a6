from __future__ import annotations

from lingate._dialects._round_trip import is_foreign, seal, unseal


def test_only_the_dialect_that_sealed_a_signature_opens_it() -> None:
    sealed = seal("one", "id#QUJD")

    assert unseal(sealed, "one") == "id#QUJD"
    assert unseal(sealed, "on") is None
    assert not is_foreign(sealed, "one")
    assert is_foreign(sealed, "two")


def test_a_providers_own_signature_is_nobodys_else() -> None:
    assert unseal("EqQBCg==", "one") is None
    assert not is_foreign("EqQBCg==", "one")
    assert unseal(None, "one") is None
    assert not is_foreign(None, "one")
