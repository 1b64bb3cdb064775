"""What shows that the checker can fail: each of these is wrong on purpose and has to be caught."""
import contextlib
import time

import ground
import power
import shim as shims
from ground import Load, Provider, world

CAUGHT_AFTER = 6.0  # how long the checker is left to wait for what never comes


def disk_that_lies(options):
    """A sync that says yes and does nothing (as eatmydata has it), and a power cut: acknowledged alerts are gone, and the checker sees it."""
    randomness = options.randomness("N1")
    with world(shim=True) as (tocsin, _, ledger):
        tocsin.start()
        tocsin.stop()
        tocsin.shim = shims.Shim(tocsin.folder, tocsin.data, record=True)
        tocsin.start()
        tocsin.shim.lie()
        with Load(tocsin.url, ledger, randomness.randrange(1 << 30)) as load:
            time.sleep(1)
            tocsin.kill()
            load.pause()
        assert ledger.acknowledged > 0, "nothing was acknowledged"
        power.cut(tocsin.shim, "nothing", randomness)
        tocsin.shim = None
        try:
            tocsin.start()
        except AssertionError as refused:
            return f"the server itself noticed: {str(refused).splitlines()[-1][:120]}"
        wrong = ground.lost(ledger, ground.alerts_of(tocsin))
        assert wrong, "a disk that lied lost nothing: the cut does not cut, or the checker does not check"
        return f"{len(wrong)} of {len(ledger.certain)} alerts were found missing"


@contextlib.contextmanager
def honest_run(options, provider):
    """A short load and everything settled; for the controls to falsify one thing of it."""
    with world(provider=provider) as (tocsin, _, ledger):
        tocsin.start()
        with Load(tocsin.url, ledger, options.randomness("N").randrange(1 << 30)):
            time.sleep(0.5)
            ground.take_some(tocsin, ledger, options.randomness("N"))
        yield tocsin, ledger


def caught(function, word):
    try:
        function()
    except AssertionError as error:
        assert word in str(error), f"caught, but for another reason: {error}"
        return str(error).splitlines()[0][:120]
    raise AssertionError("the checker found nothing wrong")


def alert_that_was_never_sent(options):
    """The ledger says that an alert was acknowledged that the server has never seen."""
    with Provider() as provider, honest_run(options, provider) as (tocsin, ledger):
        ground.check(tocsin, provider, ledger)
        ledger.trying({"f99x0x0": True})
        ledger.answered({"f99x0x0": True}, 202)
        return caught(lambda: ground.check(tocsin, provider, ledger), "not as acknowledged")


def provider_that_drops_one(options):
    """Of all pages the provider's log lacks those about one alert."""
    with Provider() as provider, honest_run(options, provider) as (tocsin, ledger):
        ground.check(tocsin, provider, ledger)
        victim = sorted(ledger.firing() - ground.taken_by_somebody(tocsin, ledger))[0]
        with provider.lock:
            provider.requests = [r for r in provider.requests if victim.encode() + b" " not in r["body"]]
        return caught(lambda: ground.check(tocsin, provider, ledger, CAUGHT_AFTER), victim)


def page_after_an_acknowledgement(options):
    """A page that comes long after its acknowledgement was answered, and one that the engine itself says to have begun after it."""
    with Provider() as provider, honest_run(options, provider) as (tocsin, ledger):
        wait_taken(tocsin, ledger, options)
        ground.check(tocsin, provider, ledger)
        group = next(iter(ledger.acknowledgements))
        late = next(r for r in provider.requests if ground.purpose_of(r).get("subject") == f"G{group}"
                    and ground.purpose_of(r)["purpose"] == "page")
        forged = {**late, "arrived": ledger.acknowledgements[group] + 60}
        assert ground.late(ledger, [forged]) and not ground.late(ledger, [late])
        told = tocsin.call("GroupService/GetGroup", id=group)
        begun = next(e for e in told["timeline"] if e["kind"] == "KIND_NOTIFICATION_STARTED")
        assert not ground.begun_after(told)
        told["timeline"].append(begun)
        assert ground.begun_after(told), "a page that began after its acknowledgement was not seen"
        return "both were caught"


def wait_taken(tocsin, ledger, options):
    def some():
        ground.take_some(tocsin, ledger, options.randomness("taken"))
        return ledger.acknowledgements
    ground.settle(tocsin)
    ground.wait_for("a group to take", some)


CHECKS = [
    ("N1", "caught: a disk that lies about syncs", "smoke", disk_that_lies),
    ("N2", "caught: an alert in the ledger that was never sent", "smoke", alert_that_was_never_sent),
    ("N3", "caught: a provider's log that lacks one alert of many", "smoke", provider_that_drops_one),
    ("N4", "caught: a page after its acknowledgement", "smoke", page_after_an_acknowledgement),
]
