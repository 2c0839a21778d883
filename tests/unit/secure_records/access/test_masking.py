"""A masked value keeps what a desk needs, and nothing that cannot be masked gets out."""

from __future__ import annotations

import pytest

from secure_records.access.masking import apply_decision, mask_value
from secure_records.access.outcome import Decision
from secure_records.access.vocabulary import Treatment
from shared_kernel.canonical_json import Json


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("patient.name", "张三", "张＊"),
        ("patient.name", "欧阳小明", "欧＊＊＊"),
        ("patient.name", "买买提·阿不都热合曼", "买＊＊＊"),
        ("patient.name", "张", "＊"),
        ("patient.name", "", None),
        ("patient.id_no", "11010119900307123X", "**************123X"),
        ("patient.id_no", "1234567", None),
        ("patient.phone", "13812345678", "138****5678"),
        ("patient.phone", "+86 13812345678", "138****5678"),
        ("patient.phone", "010-12345678", None),
        ("patient.birth_date", "1990-03-07", "1990"),
        ("patient.birth_date", "7.3.1990", None),
        ("occurred_at", "2026-03-01T09:00:00+08:00", "2026"),
        ("patient.address", "浙江省杭州市余杭区五常街道文一西路1号", "浙江省杭州市余杭区"),
        ("patient.address", "北京市朝阳区建国路9号", "北京市朝阳区"),
        ("patient.address", "安徽省肥西县上派镇", "安徽省肥西县"),
        ("patient.address", "内蒙古自治区呼和浩特市新城区海东路", "内蒙古自治区呼和浩特市新城区"),
        ("patient.address", "浙江省杭州市文三路小区12号", None),
        ("patient.address", "12 Street", None),
        ("dx", "高血压", None),
        ("patient.sex", "1", None),
        ("patient.name", 5, None),
        ("patient.name", None, None),
        ("history", "自述家住朝阳区", None),
    ],
)
def test_masks(field: str, value: Json, shown: str | None) -> None:
    """Each type keeps what the table says; what does not look like its type is withheld."""
    assert mask_value(field, value) == shown


def test_view_is_reduced_to_the_decision() -> None:
    """Clear passes, masked is masked, everything else is named as withheld."""
    decision = Decision(
        permit=True,
        fields={
            "patient.name": Treatment.MASK,
            "lines": Treatment.CLEAR,
            "dx": Treatment.MASK,
            "history": Treatment.WITHHOLD,
        },
    )
    view: dict[str, Json] = {
        "patient.name": "张三", "lines": [1], "dx": "x", "history": "y", "review": "z",
    }  # fmt: skip

    visible, masked, withheld = apply_decision(view, decision)

    assert visible == {"patient.name": "张＊", "lines": [1]}
    assert masked == ("patient.name",)
    assert withheld == ("dx", "history", "review")


def test_denial_shows_nothing_whatever_its_fields_say() -> None:
    """Even a denial with clear fields by mistake lets nothing out."""
    decision = Decision(permit=False, fields={"lines": Treatment.CLEAR}, unnamed=Treatment.CLEAR)

    visible, masked, withheld = apply_decision({"lines": 1, "dx": 2}, decision)

    assert (visible, masked, withheld) == ({}, (), ("lines", "dx"))
