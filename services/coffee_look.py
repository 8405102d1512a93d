"""What people do in the coffee shop, each of them in a real browser: `cfngen rehearse` calls every function named look_*.

docs/rehearsal.md tells how to write such a file for an application of one's own.
"""

from __future__ import annotations

import re

from playwright.sync_api import Dialog, Locator, Page, expect

from cfngen.rehearse.visitor import Visitor

ROASTERY = {
    "Name": "Malmö Rosteri",
    "Address": "Bergsgatan 20",
    "City": "Malmö",
    "State": "Skåne",
    "Email": "hej@rosteri.example.com",
    "Phone": "+46 40 555 0100",
}
FARM = {
    "Name": "Finca El Roble",
    "Address": "Vereda La Palma 4",
    "City": "Pitalito",
    "State": "Huila",
    "Email": "roble@example.org",
    "Phone": "+57 608 555 0123",
}
HOSTILE = {
    "Name": "<script>alert('name')</script><img src=x onerror=alert(1)>",
    "Address": "1'); DROP TABLE suppliers; --",
    "City": '" OR "1"="1',
    "State": "{{7*7}} ${7*7} <%= 7*7 %>",
    "Email": "o'hara+beans@example.com",
    "Phone": "(206) 555-0100 x12",
}


def look_add(visitor: Visitor) -> None:
    """An employee adds suppliers, and customers see them."""
    page = visitor.open("/admin/suppliers")
    for supplier in (FARM, ROASTERY):
        remove(page, supplier["Name"])
        page.goto("/admin/supplier-add")
        fill(page, supplier)
        page.get_by_role("button", name="Save").click()
        expect(page).to_have_url("/admin/suppliers")
        expect(page.get_by_role("status")).to_have_text("The supplier was added.")
    page.reload()
    expect(page.get_by_role("status")).to_have_count(0)
    visitor.keep(page, "The list as employees see it")
    customer = visitor.open("/suppliers", size="phone")
    for supplier in (FARM, ROASTERY):
        for text in supplier.values():
            expect(row(customer, supplier["Name"])).to_contain_text(text)
    expect(customer.locator("form, button, input")).to_have_count(0)
    visitor.keep(customer, "The list as customers see it")


def look_edit(visitor: Visitor) -> None:
    """An employee changes a supplier, and every other one stays as it was."""
    page = visitor.open("/admin/suppliers")
    before = page.locator("tbody tr").count()
    edit(page, FARM["Name"])
    for label, text in FARM.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(text)
    page.get_by_label("City", exact=True).fill("San Agustín")
    visitor.keep(page, "A supplier is edited")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("The changes were saved.")
    expect(row(page, FARM["Name"])).to_contain_text("San Agustín")
    expect(row(page, ROASTERY["Name"])).to_contain_text(ROASTERY["City"])
    expect(page.locator("tbody tr")).to_have_count(before)


def look_invalid(visitor: Visitor) -> None:
    """What cannot be stored is told at its field, nothing typed is lost and nothing is saved."""
    page = visitor.open("/admin/suppliers", size="phone")
    before = page.locator("tbody tr").count()
    page.goto("/admin/supplier-add")
    fill(page, ROASTERY | {"Name": " ", "Email": "no address", "Phone": "call me"})
    with page.expect_navigation() as answered:
        page.get_by_role("button", name="Save").click()
    assert answered.value.status == 422, f"HTTP {answered.value.status} in place of 422"
    alert = page.get_by_role("alert")
    expect(alert).to_be_focused()
    expect(alert.get_by_role("link")).to_have_count(3)
    for label in ("Name", "Email", "Phone"):
        field = page.get_by_label(label, exact=True)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(re.compile(f"^{label} must "))
    expect(page.get_by_label("City", exact=True)).to_have_value(ROASTERY["City"])
    visitor.is_accessible(page)
    visitor.keep(page, "Invalid input")
    page.goto("/admin/suppliers")
    expect(page.locator("tbody tr")).to_have_count(before)


def look_hostile(visitor: Visitor) -> None:
    """Scripts, SQL and templates that somebody types are shown as the text that they are."""
    page = visitor.open("/admin/suppliers")
    ran = dialogs(page)
    remove(page, HOSTILE["Name"])
    before = len(rows(page))
    page.goto("/admin/supplier-add")
    fill(page, HOSTILE)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("The supplier was added.")
    assert len(rows(page)) == before + 1
    customer = visitor.open("/suppliers")
    ran_there = dialogs(customer)
    customer.reload()
    for shown in (page, customer):
        for text in HOSTILE.values():
            expect(row(shown, HOSTILE["Name"])).to_contain_text(text)
        expect(shown.locator("main script, main td img, main th img")).to_have_count(0)
    visitor.is_accessible(customer)
    visitor.keep(customer, "Hostile input")
    assert not ran + ran_there, f"a script ran: {ran + ran_there}"
    for path in ("/admin/supplier-update/1%20OR%201=1", "/admin/supplier-update/0", "/suppliers/%3Cscript%3E"):
        answer = page.goto(path)
        assert answer
        assert answer.status == 404, f"{path}: HTTP {answer.status} in place of 404"
    assert len(rows(page)) == before + 1


def look_keyboard(visitor: Visitor) -> None:
    """An employee who has only a keyboard skips to the content, adds a supplier and sees where the focus is."""
    page = visitor.open("/admin/suppliers")
    remove(page, "Keyboard Coffee")
    page.goto("/admin/supplier-add")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    for text in (ROASTERY | {"Name": "Keyboard Coffee"}).values():
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", "the focus cannot be seen"
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("The supplier was added.")
    expect(row(page, "Keyboard Coffee")).to_be_visible()


def look_remove(visitor: Visitor) -> None:
    """An employee without JavaScript removes a supplier, after being asked, and customers no longer see it."""
    page = visitor.open("/admin/suppliers", javascript=False)
    edit(page, "Keyboard Coffee")
    confirm = page.get_by_role("button", name="Yes, remove it")
    expect(confirm).to_be_hidden()
    page.get_by_text("Remove this supplier").click()
    confirm.click()
    expect(page.get_by_role("status")).to_have_text("The supplier was removed.")
    expect(row(page, "Keyboard Coffee")).to_have_count(0)
    customer = visitor.open("/suppliers", javascript=False)
    expect(row(customer, "Keyboard Coffee")).to_have_count(0)


def look_forged(visitor: Visitor) -> None:
    """A form without the token of its page changes nothing, and customers have no way to write."""
    page = visitor.open("/admin/suppliers")
    before = page.locator("tbody tr").count()
    form: dict[str, str | float | bool] = {label.lower(): text for label, text in ROASTERY.items()}
    for path, status in {"/admin/supplier-add": 403, "/supplier-add": 404}.items():
        # This is not the browser that asks, and only the browser knows the rehearsal's certificate.
        answer = page.request.post(path, form=form, max_redirects=0, ignore_https_errors=True)
        assert answer.status == status, f"POST {path}: HTTP {answer.status} in place of {status}"
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(before)


def fill(page: Page, supplier: dict[str, str]) -> None:
    for label, text in supplier.items():
        page.get_by_label(label, exact=True).fill(text)


def remove(page: Page, name: str) -> None:
    """Remove what an earlier look at the same system may have left."""
    page.goto("/admin/suppliers")
    while row(page, name).count():
        edit(page, name)
        page.get_by_text("Remove this supplier").click()
        page.get_by_role("button", name="Yes, remove it").click()
        expect(page.get_by_role("status")).to_be_visible()


def edit(page: Page, name: str) -> None:
    row(page, name).first.get_by_role("link", name="Edit").click()


def rows(page: Page) -> list[str]:
    """The names in the list as employees see it."""
    page.goto("/admin/suppliers")
    return page.locator("tbody tr th").all_inner_texts()


def row(page: Page, name: str) -> Locator:
    return page.locator("tbody tr").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def dialogs(page: Page) -> list[str]:
    """What a page says in dialogs from now on: whatever a script of the hostile rows would do first."""
    said: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    return said
