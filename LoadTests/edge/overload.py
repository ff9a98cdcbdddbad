"""Four times as many new TLS connections as a core can serve, while people in line go on to ask.

A client's part of a handshake costs about as much as the server's where keys are P-256: no core could ask four times
what another one serves. Here the server's key is RSA of 3,072 bits, whose signatures cost the server twenty times and
more what they cost the client to check."""
import statistics, time
from edge.processes import MemoryWatch
from edge.report import percentile
from edge.site import JSON

TIMES = 4
CALM, AFTER = 2, 6
# Who has waited so long presses reload.
PATIENCE = 5
POLL_CONNECTIONS, POLL_RATE = 100, 200
PROBE_RATE = 20
CROWD_CONNECTIONS = 15_000
PEAK_CONNECTIONS, PEAK_SECONDS = 32, 4
LEAST_GOODPUT, MOST_RECOVERY = 0.9, 2.0
# What the gateway is told, and what each connection may take of its memory.
MOST_CONNECTIONS, MOST_CONNECTION_BYTES = 4_096, 65_536
# A connection is served as it is on a calm day when it takes no longer.
LEAST_SLOW = 0.1
MOST_LAG = 0.25


class Run:
    """Answers at four times the peak, those of people in line, and those of single connections before it, in it and
    after it."""

    def __init__(self, bench, gateway):
        self.bench, self.gateway = bench, gateway
        self.address, self.lines = gateway.address(True), gateway.fields("/held", True, JSON)
        self.plan = dict(path="/held", tls=1, state="waiting", patience=PATIENCE)

    def peak(self):
        """Answers a second when as many ask as can be served, and each waits for the answer."""
        found = self.bench.client.play(
            self.address, self.lines, connections=PEAK_CONNECTIONS, seconds=PEAK_SECONDS, **self.plan)
        self.bench.report.wrong += found["wrong"] + found["broken"] + found["late"]
        return found["good"] / found["seconds"]

    def play(self, rate, seconds):
        client = self.bench.client
        memory = MemoryWatch(self.gateway.pid)
        self.memory_before = memory.most
        around = dict(self.plan, seconds=CALM + seconds + AFTER)
        polls = client.start(
            self.address, self.lines, "polls", requests=0, connections=POLL_CONNECTIONS, rate=POLL_RATE, **around)
        probes = client.start(self.address, self.lines, "probes", connections=200, rate=PROBE_RATE, **around)
        time.sleep(CALM)
        crowd = client.start(
            self.address, self.lines, "crowd", connections=CROWD_CONNECTIONS, rate=rate, seconds=seconds, **self.plan)
        told = {name: client.end(one) for name, one in (("crowd", crowd), ("polls", polls), ("probes", probes))}
        self.memory_growth = memory.end() - self.memory_before
        self.samples = {name: client.samples(name, one["started"]) for name, one in told.items()}
        self.polls_made_anew = max(0, told["polls"]["handshakes"] - POLL_CONNECTIONS)
        self.lag = max(one["worst_lag"] for one in told.values())
        self.begin = told["crowd"]["started"]
        self.over = self.begin + seconds

    def scheduled(self, name, begin, end): return [one for one in self.samples[name] if begin <= one[0] < end]

    # What came of it

    def goodput(self):
        """Answers a second to new connections, without the first second."""
        begin = self.begin + 1
        new = self.samples["crowd"] + self.samples["probes"]
        return sum(kind == "g" and begin <= over < self.over for _, over, _, kind in new) / (self.over - begin)

    def times(self, name, begin, end):
        return sorted(over - due for due, over, _, kind in self.scheduled(name, begin, end) if kind == "g")

    def recovery(self):
        """Seconds from the end until a new connection is served as before."""
        calm = self.times("probes", self.begin - CALM, self.begin)
        slow = max(LEAST_SLOW, 3 * percentile(calm, 0.99) if calm else 0)
        after = self.scheduled("probes", self.over, float("inf"))
        return max((due - self.over for due, over, _, kind in after if kind != "g" or over - due > slow), default=0.0)

    def wrong(self):
        """To turn somebody away is an answer; to show somebody in line something else is none."""
        return sum(kind == "w" and (name == "polls" or status // 100 == 2) for name in self.samples
                   for _, _, status, kind in self.samples[name])


def run(bench):
    site, report, options = bench.site, bench.report, bench.options
    site.make_certificate("rsa", "rsa-key", "-newkey", "rsa:3072")
    gateway = site.gateway("overload", certificate="rsa", key="rsa-key", connections=MOST_CONNECTIONS)
    try:
        test = Run(bench, gateway)
        peak = test.peak()
        test.play(TIMES * peak, options.overload_seconds)
    finally: gateway.end()
    report.wrong += test.wrong()
    report.say(f"\nOverload: {TIMES * peak:.0f} new TLS connections a second for {options.overload_seconds} s, "
               "RSA of 3,072 bits")
    goodput = test.goodput()
    report.line("served at the peak", f"{peak:.0f}/s")
    report.line("served in the overload", f"{goodput:.0f}/s", f"{goodput / peak:.2f}",
                report.verdict(goodput / peak, least=LEAST_GOODPUT))
    tell_polls(report, test)
    report.line("memory grew by", f"{test.memory_growth / 1e6:.1f} MB", "",
                report.verdict(test.memory_growth / 1e6, MOST_CONNECTIONS * MOST_CONNECTION_BYTES / 1e6, form="%.0f"))
    recovery = test.recovery()
    report.line("new connections as before after", f"{recovery:.2f} s", "",
                report.verdict(recovery, MOST_RECOVERY, form="%.1f"))
    if test.lag > MOST_LAG:
        report.say(f"the clients were up to {test.lag:.2f} s late: this was less than four times the peak")


def tell_polls(report, test):
    inside = test.begin, test.over
    polls = test.scheduled("polls", *inside)
    answered = 100 * sum(kind == "g" for _, _, _, kind in polls) / max(len(polls), 1)
    report.line("polls answered, of 100", f"{answered:.2f}", "", report.verdict(answered, least=100, form="%.0f"))
    new, known = test.times("crowd", *inside), test.times("polls", *inside)
    calm = test.times("polls", test.begin - CALM + 0.5, test.begin)
    cells = [" and ".join(f"{1e3 * percentile(some, share):.1f}" for share in (0.5, 0.99)) for some in (known, calm)]
    report.line("  ms, p50 and p99", cells[0], f"before: {cells[1]}")
    median = percentile(new, 0.5)
    # Whoever is answered late in a crowd of new connections is answered after them.
    report.line("  p99 beside p50 of new ones", f"{1e3 * median:.1f} ms", f"{percentile(known, 0.99) / median:.2f}",
                report.verdict(percentile(known, 0.99) / median, 1) if new and known else "none was answered, MISSED")
    report.line("  connections made anew", str(test.polls_made_anew))
