"""The same request at one, two and four loops."""
import os, statistics
from edge.beside import ROWS, cost, in_turns, played
from edge.report import middle
from edge.site import CLIENT_CORE, SERVER_CORE

LOOPS = [1, 2, 4]


def cores(loops):
    """Those that the client leaves, one a loop; where there are fewer, one for all."""
    left = [core for core in range(os.cpu_count()) if core != CLIENT_CORE]
    return ",".join(map(str, left[:loops])) if len(left) >= loops else str(SERVER_CORE)


def run(bench):
    site, report, options = bench.site, bench.report, bench.options
    gateways = {loops: site.gateway(f"loops-{loops}", loops=loops, cores=cores(loops)) for loops in LOOPS}
    try:
        report.say(f"\nCPU microseconds a request by loops, median of {options.rounds} rounds")
        report.line("", *(f"{loops} on {cores(loops).count(',') + 1} core(s)" for loops in LOOPS))
        for row in [*ROWS["poll"], *ROWS["proxy"], *ROWS["tls"], *ROWS["churn"]]:
            for connections in options.connections:
                def measure(loops):
                    gateway = gateways[loops]
                    url = f"{'https' if row.is_secure else 'http'}://{gateway.address(row.is_secure)}{row.path}"
                    lines = gateway.fields(row.path, row.is_secure)
                    return cost(gateway.pid, lambda: played(row, url, lines, connections, options.seconds))

                runs = in_turns(LOOPS, options.rounds, measure)
                report.wrong += sum(wrong for loops in LOOPS for _, wrong, _ in runs[loops])
                micros = {loops: [micros for micros, _, _ in runs[loops]] for loops in LOOPS}
                one = statistics.median(micros[1])
                report.line(f"{row.title}, {connections} conns", *(
                    f"{middle(micros[loops])} {statistics.median(micros[loops]) / one:.2f}" for loops in LOOPS))
    finally:
        for gateway in gateways.values(): gateway.end()
