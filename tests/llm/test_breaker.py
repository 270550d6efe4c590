"""When a failing model server is left alone, and how it comes back."""

from llm.breaker import COOL_DOWN_SECONDS, PROBE_SECONDS, Breaker, Call, breaker_for

COOL_DOWN = 10.0


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def admitted(breaker: Breaker) -> Call:
    call = breaker.admit()
    assert call is not None
    return call


def broken(clock: Clock) -> Breaker:
    breaker = Breaker(failures=2, cool_down=COOL_DOWN, clock=clock)
    for _ in range(2):
        admitted(breaker).failed()
    return breaker


def test_opens_after_failures_in_a_row() -> None:
    breaker = broken(Clock())
    assert breaker.is_open
    assert breaker.admit() is None
    assert not breaker.would_admit


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(failures=2, clock=Clock())
    admitted(breaker).failed()
    admitted(breaker).succeeded()
    admitted(breaker).failed()
    assert breaker.admit()


def test_lets_one_probe_through_after_the_cool_down_and_closes_when_it_succeeds() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = COOL_DOWN
    assert breaker.would_admit
    probe = admitted(breaker)
    assert breaker.admit() is None
    probe.succeeded()
    assert not breaker.is_open
    assert all(admitted(breaker) for _ in range(2))


def test_a_failed_probe_opens_it_again() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = COOL_DOWN
    admitted(breaker).failed()
    assert breaker.admit() is None
    clock.now = 2 * COOL_DOWN
    assert breaker.admit()


def test_a_probe_whose_caller_left_makes_room_for_another() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = COOL_DOWN
    admitted(breaker).abandoned()
    assert breaker.admit()


def test_calls_that_hung_before_it_opened_do_not_lengthen_the_cool_down() -> None:
    clock = Clock()
    breaker = Breaker(failures=2, cool_down=COOL_DOWN, clock=clock)
    calls = [admitted(breaker) for _ in range(50)]
    for second, call in enumerate(calls):
        clock.now = second / 10
        call.failed()
    clock.now = 0.1 + COOL_DOWN
    assert breaker.admit(), "it was the second failure that opened it"


def test_what_hung_before_a_restart_is_not_held_against_the_server_that_is_well_again() -> None:
    clock = Clock()
    breaker = Breaker(failures=2, cool_down=COOL_DOWN, clock=clock)
    hung = [admitted(breaker) for _ in range(9)]
    for call in hung[:2]:
        call.failed()
    clock.now = COOL_DOWN
    admitted(breaker).succeeded()
    for call in hung[2:]:
        call.failed()
    assert breaker.admit()


def test_an_answer_from_before_does_not_end_the_rest_that_a_server_asked_for() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    long = admitted(breaker)
    admitted(breaker).failed(5)
    long.succeeded()
    assert breaker.admit() is None


def test_a_probe_that_hangs_holds_nobody_else_back_for_long() -> None:
    clock = Clock()
    breaker = broken(clock)
    clock.now = COOL_DOWN
    hung = admitted(breaker)
    clock.now += PROBE_SECONDS
    admitted(breaker).succeeded()
    hung.failed()
    assert not breaker.is_open


def test_a_server_that_is_well_again_is_asked_within_30_seconds_whenever_that_happens() -> None:
    """Somebody asks each quarter of a second; calls that meet the sick server hang for 30 seconds."""
    for mended in range(0, 90, 3):
        clock = Clock()
        breaker = Breaker(clock=clock)
        hanging: list[tuple[float, Call]] = []
        while clock.now < mended + 30:
            for ended in [one for one in hanging if one[0] <= clock.now]:
                ended[1].failed()
                hanging.remove(ended)
            if (call := breaker.admit()) and clock.now >= mended:
                call.succeeded()
                break
            if call:
                hanging.append((clock.now + 30, call))
            clock.now += 0.25
        assert clock.now < mended + 30, f"mended after {mended} s"


def test_each_endpoint_and_model_has_its_own() -> None:
    one = breaker_for("http://127.0.0.1:1/v1", "a")
    assert one is breaker_for("http://127.0.0.1:1/v1", "a")
    assert one is not breaker_for("http://127.0.0.1:1/v1", "b")


def test_a_server_that_asks_to_be_left_alone_is() -> None:
    clock = Clock()
    breaker = Breaker(clock=clock)
    admitted(breaker).failed(5)
    assert breaker.admit() is None
    clock.now = 5.0
    admitted(breaker).failed(3600)
    clock.now = 5.0 + COOL_DOWN_SECONDS
    assert breaker.admit(), "an hour is too long: it is tried after the cool-down"
