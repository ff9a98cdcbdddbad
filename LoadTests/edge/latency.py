"""What a gateway adds to the time of a proxied request while it is far from busy. The client asks at random times that
do not wait for answers, and counts from them."""
import statistics
from edge.beside import ROWS, in_turns, measure, target
from edge.report import middle, percentile
from edge.site import SERVERS

SHARE = 0.3
CONNECTIONS = 64
DIRECT = "origin"
PERCENTILES = {"p50": 0.5, "p99.9": 0.999}
# The client may begin a request so late, in seconds, at worst: of what comes later the machine is to blame.
MOST_LAG = 0.01


def run(bench):
    site, report, options = bench.site, bench.report, bench.options
    row = ROWS["proxy"][0]
    costs = {server: measure(site, row, server, CONNECTIONS) for server in SERVERS}
    report.wrong += sum(wrong for _, wrong, _ in costs.values())
    # The same for all: the dearest of them is at 30 % of its core, the others below.
    rate = int(SHARE * 1e6 / max(micros for micros, _, _ in costs.values()))
    lags = []

    def play(name):
        if name == DIRECT: address, path, lines = site.peer("origin"), "/", []
        else:
            url, lines = target(site, row, name)
            address, path = url.split("/", 3)[2], "/" + url.split("/", 3)[3]
        found = bench.client.play(address, lines, path=path, rate=rate, seconds=options.seconds, requests=0,
                                  connections=CONNECTIONS, samples="latency")
        report.wrong += found["wrong"] + found["broken"] + found["late"]
        lags.append(found["worst_lag"])
        # Connections are made in the first tenths of a second.
        samples = bench.client.samples("latency")
        times = sorted(over - due for due, over, _, kind in samples if kind == "g" and due > 0.3)
        return {word: percentile(times, share) * 1e6 for word, share in PERCENTILES.items()}

    runs = in_turns([DIRECT, *SERVERS], options.rounds, play)
    report.say(f"\nMicroseconds from when a proxied request was due, {rate} a second, "
               f"median of {options.rounds} rounds")
    report.line("", DIRECT, *SERVERS, "added, sluice / better peer")
    for word in PERCENTILES:
        times = {name: [one[word] for one in runs[name]] for name in runs}
        added = {name: statistics.median(times[name]) - statistics.median(times[DIRECT]) for name in SERVERS}
        report.line(word, *(middle(times[name], "%.0f") for name in runs))
        # Where a peer adds less than can be measured there is nothing to divide by.
        ratio = max(added["sluice"], 0) / max(min(added["nginx"], added["haproxy"]), 1)
        cells = [f"{added[name]:.0f}" for name in SERVERS]
        report.line("  added", "", *cells, f"{ratio:.2f}  {report.verdict(ratio, 1)}")
    if max(lags) > MOST_LAG:
        report.say(f"the client itself was up to {max(lags) * 1e3:.0f} ms late, which is in all of these figures")
