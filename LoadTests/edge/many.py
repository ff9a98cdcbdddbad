"""What a request costs a gateway with a thousand routes, a thousand workers or a hundred idle rooms, beside the same
gateway with a small file."""
import statistics, time
from edge import configurations
from edge.beside import ROWS, cost, in_turns, played
from edge.processes import cpu_seconds
from edge.report import middle
from edge.site import CLIENT_CORE, free_port

ROUTES, WORKERS, ROOMS = 1_000, 1_000, 100
# Of its three, every gateway of the bench.
OWN_ROUTES = 3
MOST = 1.05


def routes(count, room=None):
    """Half of them by host, half by path; with rooms each has one of its own."""
    lines = []
    for number in range(count):
        by_path = number % 2 == 1 or room is not None
        place = f'host: "*", path: /{room or "part"}-{number}' if by_path else f"host: shop-{number}.example, path: /"
        lines.append(f"  - {{{place}, pool: origin{f', room: {room}-{number}' if room else ''}}}")
    return "\n".join(lines)


def run(bench):
    site, report, options = bench.site, bench.report, bench.options
    # One process at a thousand addresses of this machine: each is a worker to the gateway.
    addresses, port = [f"127.0.{1 + number // 250}.{1 + number % 250}" for number in range(WORKERS)], free_port()
    listens = " ".join(f"listen {address}:{port};" for address in addresses)
    site.start_nginx("many", CLIENT_CORE, configurations.ORIGIN.replace("127.0.0.1:{origin}", f"127.0.0.1:{port}"),
                     more=listens)
    workers = dict(workers=", ".join(f"{address}:{port}" for address in addresses))
    rooms = dict(
        rooms="\n".join(f"  idle-{number}: {{slots: 1000, inflow: 100/s}}" for number in range(ROOMS)))
    variants = {
        "small": {},
        f"{ROUTES} routes": dict(routes=routes(ROUTES - OWN_ROUTES)),
        f"{WORKERS} workers": workers,
        f"{ROOMS} idle rooms": rooms | dict(routes=routes(ROOMS, "idle")),
        "all of them": workers | rooms | dict(
            routes=routes(ROOMS, "idle") + "\n" + routes(ROUTES - OWN_ROUTES - ROOMS)),
    }
    gateways = {name: site.gateway(f"many-{number}", **parts) for number, (name, parts) in enumerate(variants.items())}
    try:
        names = list(gateways)
        report.say(f"\nCPU microseconds a request with large configurations, median of {options.rounds} rounds")
        report.line("", *names)
        for row in [*ROWS["poll"], *ROWS["proxy"]]:
            for connections in options.connections:
                def measure(name, seconds=options.seconds):
                    gateway = gateways[name]
                    url, lines = f"http://{gateway.address(False)}{row.path}", gateway.fields(row.path, False)
                    return cost(gateway.pid, lambda: played(row, url, lines, connections, seconds))

                # Connections to a thousand workers are made once.
                for name in names: measure(name, 1)
                show(report, f"{row.title}, {connections} conns", names, in_turns(names, options.rounds, measure))
        at_rest(report, gateways)
    finally:
        for gateway in gateways.values(): gateway.end()


def show(report, title, names, runs):
    report.wrong += sum(wrong for name in names for _, wrong, _ in runs[name])
    micros = {name: [micros for micros, _, _ in runs[name]] for name in names}
    report.line(title, *(middle(micros[name]) for name in names))
    ratios = {name: statistics.median(micros[name]) / statistics.median(micros[names[0]]) for name in names[1:]}
    report.line(f"  goal: {MOST} of the small one", "1.00",
                *(f"{ratios[name]:.2f}, {report.verdict(ratios[name], MOST, tells_goal=False)}" for name in names[1:]))


def at_rest(report, gateways):
    """What rooms and pools take while nobody asks is a part of the figures above."""
    before = {name: cpu_seconds(gateway.pid) for name, gateway in gateways.items()}
    time.sleep(3)
    report.line("at rest, ms of CPU a second", *(
        "%.2f" % ((cpu_seconds(gateway.pid) - before[name]) * 1e3 / 3) for name, gateway in gateways.items()))
