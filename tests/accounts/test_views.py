"""Signing in and out through the pages."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.builders import PASSWORD, World
from tests.support.visitor import Visitor


def test_a_person_signs_in_and_out(world: World, browser: Callable[..., Visitor]) -> None:
    customer = world.a_customer()
    visitor = browser()
    visitor.open("/home")
    assert visitor.page.heading == "Sign in"
    visitor.sign_in(customer["global_administrator"].address)
    assert visitor.page.url.endswith("/home")
    visitor.submit(to="/sign-out")
    assert "You are signed out." in visitor.page.html
    assert visitor.open("/home").heading == "Sign in"


def test_a_wrong_password_says_nothing_about_the_account(world: World, browser: Callable[..., Visitor]) -> None:
    customer = world.a_customer()
    words = set()
    for address in (customer["global_administrator"].address, "nobody@nowhere.example"):
        visitor = browser()
        visitor.sign_in(address, "not the password")
        assert visitor.page.status == 422
        words.add(visitor.page.words.replace(address, ""))
    assert len(words) == 1


def test_the_account_page_ends_other_sessions_one_by_one_or_all(world: World, browser: Callable[..., Visitor]) -> None:
    person = world.a_customer()["global_administrator"]
    mine, second, third = browser(), browser(), browser()
    for each in (mine, second, third):
        each.sign_in(person.address)
    mine.open("/account")
    mine.submit(button="End", to="/ending")
    assert [each.open("/home").heading == "Sign in" for each in (mine, second, third)].count(True) == 1
    mine.open("/account")
    mine.submit(button="End all other sessions")
    assert [each.open("/home").heading == "Sign in" for each in (mine, second, third)] == [False, True, True]


def test_nobody_ends_anothers_session(world: World, browser: Callable[..., Visitor]) -> None:
    customer = world.a_customer()
    mine, others = browser(), browser()
    for _ in range(2):
        others.sign_in(customer["billing_administrator"].address)
        others = browser() if others.open("/account").status != 200 else others
    second = browser()
    second.sign_in(customer["billing_administrator"].address)
    target = next(form.action for form in second.open("/account").forms if form.action.endswith("/ending"))
    mine.sign_in(customer["global_administrator"].address)
    mine.open("/account")
    token = mine.page.forms[0].fields["csrf_token"]
    assert mine._go("POST", target, {"csrf_token": token}).status == 404
    assert others.open("/home").heading != "Sign in"


def test_a_person_chooses_language_zone_and_name(world: World, browser: Callable[..., Visitor]) -> None:
    visitor = browser()
    visitor.sign_in(world.a_customer()["global_administrator"].address)
    visitor.open("/account")
    visitor.submit(language="ja")
    assert 'lang="ja"' in visitor.page.html
    visitor.open("/account")
    visitor.submit(language="en")
    visitor.open("/account/zone")
    visitor.submit(zone="Asia/Tokyo")
    assert "UTC+09:00" in visitor.page.words
    visitor.open("/account/name")
    visitor.submit(given_name="花子", family_name="山田")
    assert "山田 花子" in visitor.page.words
    assert "changed their own name." in visitor.page.words
    visitor.open("/account/name")
    assert visitor.submit(given_name=" ", family_name="x" * 101).status == 422


def test_changing_the_password_asks_for_the_present_one_and_ends_other_sessions(
    world: World, browser: Callable[..., Visitor]
) -> None:
    person = world.a_customer()["global_administrator"]
    mine, other = browser(), browser()
    mine.sign_in(person.address)
    other.sign_in(person.address)
    new = "another good password"
    mine.open("/account/password")
    assert mine.submit(current_password="wrong", new_password=new, new_password_again=new).status == 422
    own = f"{person.address}!"
    assert mine.submit(current_password=PASSWORD, new_password=own, new_password_again=own).status == 422
    mine.submit(current_password=PASSWORD, new_password=new, new_password_again=new)
    assert "Every other session has ended." in mine.page.words
    assert other.open("/home").heading == "Sign in"
    assert browser().sign_in(person.address, new).url.endswith("/home")


def test_wrong_present_passwords_are_limited(world: World, browser: Callable[..., Visitor]) -> None:
    person = world.a_customer()["global_administrator"]
    visitor = browser()
    visitor.sign_in(person.address)
    for _ in range(10):
        visitor.open("/account/password")
        visitor.submit(current_password="wrong", new_password="a good password", new_password_again="a good password")
    visitor.open("/account/password")
    assert (
        visitor.submit(
            current_password=PASSWORD, new_password="a good password", new_password_again="a good password"
        ).status
        == 429
    )
