"""What one visitor's whole way costs: a join, 20 polls, each on a new TLS connection, the exchange and five pages."""
import statistics
from edge.beside import ROWS, in_turns, measure
from edge.processes import own_cpu_seconds, processes
from edge.report import middle
from edge.site import HTML, SERVERS, await_

POLLS, PAGES = 20, 5
# Visitors who are on their way at the same time, each with one connection.
CONNECTIONS = 16
# A join, the polls, and one more for the exchange and the pages.
HANDSHAKES = 1 + POLLS + 1
CLOSED, OPENED = "0/s", "100000/s"
STEPS = ["join", f"{POLLS} polls", f"exchange, {PAGES} pages"]
MILLION, HOUR, TEN_MINUTES = 1_000_000, 3_600, 600
# How full a machine may be that is to serve everybody soon.
SHARE = 0.7


def room(inflow):
    return f"  line: {{slots: 1000000, inflow: {inflow}, burst: 100000, session_length: 1h, claim_window: 1h}}"


class Ways:
    """Visitors who go all the way, at a gateway of their own: nobody has been in its line before."""

    def __init__(self, bench, number, is_resumed):
        self.bench, self.count = bench, bench.options.visitors
        self.gateway = bench.site.gateway(f"line-{number}", rooms=room(CLOSED),
                                          routes='  - {host: "*", path: /line, pool: origin, room: line}')
        self.plan = dict(path="/line", tls=1, resume=int(is_resumed), connections=CONNECTIONS, visitors=self.count,
                         jar=f"{bench.site.folder}/line-{number}.jar")
        self.resumed = 0

    def step(self, **plan):
        """Processor microseconds a visitor: of the gateway, of its Redis, of the origin."""
        origin = processes(self.bench.site.pids["origin"])
        parts = [self.gateway.pid], [self.gateway.redis_pid], origin

        def used(): return [sum(map(own_cpu_seconds, some)) for some in parts]

        before = used()
        found = self.bench.client.play(self.gateway.address(True), [f"Accept: {HTML}"], **self.plan, **plan)
        self.bench.report.wrong += found["wrong"] + found["broken"] + found["late"]
        self.resumed += found["resumed"]
        return [(after - at_first) * 1e6 / self.count for after, at_first in zip(used(), before)]

    def play(self):
        """The steps in order, each for everybody before the next one begins for anybody."""
        try:
            steps = [self.step(count=self.count, state="waiting"), self.step(count=POLLS * self.count, state="waiting")]
            self.gateway.reload(rooms=room(OPENED))
            await_("the turn of everybody in line", lambda: self.gateway.room("line").get("serving", 0) >= self.count)
            return steps + [self.step(count=self.count, requests=1 + PAGES, state="admitted")]
        finally: self.gateway.end()


def run(bench):
    report, options = bench.report, bench.options
    sums = sum_of_rows(bench)
    for is_resumed in (False, True):
        rounds, shares = [], []
        for number in range(options.rounds):
            ways = Ways(bench, f"{'resumed' if is_resumed else 'full'}-{number}", is_resumed)
            rounds.append(ways.play())
            shares.append(100 * ways.resumed / (HANDSHAKES * ways.count))
        report.say(f"\nCPU microseconds of a visitor's way, {options.visitors} visitors, median of {options.rounds} "
                   f"rounds; {statistics.median(shares):.0f} of 100 handshakes were abbreviated")
        report.line("", "sluice", "its Redis", "origin")
        for index, step in enumerate(STEPS):
            report.line(step, *(middle([steps[index][part] for steps in rounds], "%.1f") for part in range(3)))
        totals = [[sum(step[part] for step in steps) for steps in rounds] for part in range(3)]
        report.line("the whole way", *(middle(total, "%.1f") for total in totals))
        # Machines are for both.
        own = [gateway + redis for gateway, redis in zip(totals[0], totals[1])]
        if not is_resumed:
            report.line("  beside the sum of the rows", f"{statistics.median(totals[0]) / sums['sluice']:.2f}")
        tell_machines(report, statistics.median(own))


def sum_of_rows(bench):
    """The same way put together from the rows: full handshakes that end with a poll, and requests to the origin."""
    report, options = bench.report, bench.options
    handshake, request = ROWS["handshake"][0], ROWS["tls"][0]
    parts = {row: in_turns(SERVERS, options.rounds, lambda server: measure(bench.site, row, server, 64))
             for row in (handshake, request)}
    report.wrong += sum(wrong for runs in parts.values() for server in SERVERS for _, wrong, _ in runs[server])
    micros = {row: {server: statistics.median(one for one, _, _ in runs[server]) for server in SERVERS}
              for row, runs in parts.items()}
    sums = {server: HANDSHAKES * micros[handshake][server] + (1 + PAGES) * micros[request][server]
            for server in SERVERS}
    report.say("\nCPU microseconds of a visitor's way as a sum of rows")
    report.line("", *SERVERS, "sluice / better peer")
    ratio = sums["sluice"] / min(sums["nginx"], sums["haproxy"])
    report.line(f"{HANDSHAKES} handshakes, {1 + PAGES} requests", *(f"{sums[server]:.1f}" for server in SERVERS),
                f"{ratio:.2f}  {report.verdict(ratio, 0.9)}")
    return sums


def tell_machines(report, micros):
    seconds = micros * MILLION / 1e6
    cores = [f"{seconds / SHARE / length:.1f}" for length in (HOUR, TEN_MINUTES)]
    report.say(f"a million visitors: {seconds:.0f} s of one core; with each core busy for {SHARE:.0%} of the time, "
               f"{cores[0]} cores when they come within an hour, {cores[1]} within ten minutes")
