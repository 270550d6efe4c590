"""When a failing model server is left alone, and how it comes back."""

from llm.breaker import COOL_DOWN_SECONDS, Breaker, breaker_for


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(failures=2, cool_down=10, clock=clock)
    for _ in range(2):
        assert breaker.admit()
        breaker.failed()
    return breaker


def test_opens_after_failures_in_a_row() -> None:
    assert not broken(Clock()).admit()


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(failures=2, clock=Clock())
    for report in (breaker.failed, breaker.succeeded, breaker.failed):
        assert breaker.admit()
        report()
    assert breaker.admit()


def test_lets_one_probe_through_after_the_cool_down_and_closes_when_it_succeeds() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = 11
    assert (breaker.admit(), breaker.admit()) == (True, False)
    breaker.succeeded()
    assert (breaker.admit(), breaker.admit()) == (True, True)


def test_a_failed_probe_opens_it_again() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = 11
    assert breaker.admit()
    breaker.failed()
    assert not breaker.admit()
    clock.now = 22
    assert breaker.admit()


def test_a_probe_whose_caller_left_makes_room_for_another() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = 11
    assert breaker.admit()
    breaker.abandoned()
    assert breaker.admit()


def test_each_endpoint_and_model_has_its_own() -> None:
    one = breaker_for("http://127.0.0.1:1/v1", "a")
    assert one is breaker_for("http://127.0.0.1:1/v1", "a")
    assert one is not breaker_for("http://127.0.0.1:1/v1", "b")


def test_a_server_that_asks_to_be_left_alone_is() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    assert breaker.admit()
    breaker.failed(5)
    assert not breaker.admit()
    clock.now = 5.0
    assert breaker.admit()
    breaker.failed(3600)
    clock.now = 5.0 + COOL_DOWN_SECONDS
    assert breaker.admit(), "an hour is too long: it is tried after the cool-down"
