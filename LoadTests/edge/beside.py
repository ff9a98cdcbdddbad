"""The same of Sluice, nginx and HAProxy in turns: what a request or a connection costs each of them."""
import os, signal, socket, ssl, statistics, subprocess, sys
from edge import tools
from edge.processes import cpu_seconds, processes, resident_bytes
from edge.report import middle
from edge.site import HTML, JSON, PAGE, SERVERS

IDLE = 2_000
IDLE_GOALS = {False: 500, True: 10_000}


class Row:
    """`kind` names what is asked of a peer, `path` what is asked of Sluice. `most`: the goal for Sluice's cost over
    that of the better peer."""

    def __init__(self, title, most, kind, path, is_secure=False, accept=JSON, connections=None, closes=False):
        self.title, self.most, self.kind, self.path, self.is_secure = title, most, kind, path, is_secure
        self.accept, self.connections, self.closes = accept, connections, closes


ROWS = {
    "poll": [Row("position poll, JSON", 0.9, "poll", "/held")],
    "page": [Row("position poll, page", 0.9, "page", "/held", accept=HTML)],
    "proxy": [Row("proxied request", 0.85, "proxy", "/open")],
    "tls": [Row("proxied over TLS", 0.9, "proxy", "/open", is_secure=True)],
    "churn": [Row("connection a request", 0.9, "proxy", "/open", closes=True)],
    "handshake": [Row("full TLS handshake", 0.9, "poll", "/held", is_secure=True, closes=True)],
    "resumed": [Row("resumed handshake", None, "tickets", "/", is_secure=True, connections=[tools.RESUMING_CLIENTS])],
    "bodies": [Row("1 MiB body", 0.9, "proxy", "/large", connections=[16]),
               Row("1 MiB body over TLS", 0.9, "proxy", "/large", is_secure=True, connections=[16])],
}


def target(site, row, server):
    """Where the row is asked, and the lines of the head."""
    scheme = "https" if row.is_secure else "http"
    if server == "sluice":
        gateway = serving(site, row)
        address, lines = gateway.address(row.is_secure), gateway.fields(row.path, row.is_secure, row.accept)
        return f"{scheme}://{address}{row.path}", lines
    kind = row.kind + ("s" if row.is_secure and row.kind != "tickets" else "")
    return f"{scheme}://{site.peer(f'{server}_{kind}')}{row.path if row.path == '/large' else '/'}", []


def serving(site, row):
    return site.gateway("sluice8", loops=8) if row.kind == "tickets" else site.gateway("sluice")


def pid(site, row, server): return serving(site, row).pid if server == "sluice" else site.pids[server]


def load(site, row, server, connections, seconds):
    url, lines = target(site, row, server)
    return played(row, url, lines, connections, seconds)


def played(row, url, lines, connections, seconds):
    if row.kind == "tickets": return tools.s_time(url, seconds)
    if row.closes and row.is_secure: return tools.ab(url, lines, connections, seconds)
    return tools.wrk(url, [*lines, "Connection: close"] if row.closes else lines, connections, seconds)


def cost(process, play):
    """Processor microseconds for each answer, what was wrong, and the share of handshakes that were abbreviated."""
    before = cpu_seconds(process)
    found = play()
    answers = max(found.answers, 1)
    return (cpu_seconds(process) - before) * 1e6 / answers, found.wrong, found.resumed / answers


def measure(site, row, server, connections):
    return cost(pid(site, row, server), lambda: load(site, row, server, connections, site.options.seconds))


def in_turns(names, rounds, measure):
    """The figures of each, in rounds that begin with another one each time."""
    runs = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]: runs[name].append(measure(name))
    return runs


def calls(site, row, server, connections):
    """System calls a request, and the commonest of them."""
    table = os.path.join(site.folder, "calls")
    words = [word for one in processes(pid(site, row, server)) for word in ("-p", str(one))]
    tracer = subprocess.Popen(["strace", "-c", "-f", "-o", table, *words], stderr=subprocess.PIPE, text=True)
    tracer.stderr.readline()
    answers = load(site, row, server, connections, 1).answers
    tracer.send_signal(signal.SIGINT)
    tracer.communicate()
    counts = {}
    with open(table) as lines:
        for line in lines:
            words = line.split()
            if len(words) >= 5 and words[3].isdigit() and words[-1] != "total": counts[words[-1]] = int(words[3])
    common = sorted(counts, key=counts.get, reverse=True)
    kinds = [f"{name} {counts[name] / answers:.2f}" for name in common if counts[name] >= 0.05 * answers]
    return sum(counts.values()) / answers, ", ".join(kinds)


def run(bench, names):
    site, report, options = bench.site, bench.report, bench.options
    report.say(f"CPU microseconds a request, median of {options.rounds} rounds (lowest to highest)")
    report.line("", *SERVERS, "sluice / better peer")
    traced = []
    for row in [row for name in names for row in ROWS[name]]:
        for connections in row.connections or options.connections:
            title = f"{row.title}, {connections} conns"
            runs = in_turns(SERVERS, options.rounds, lambda server: measure(site, row, server, connections))
            show(report, title, row, runs)
            if not options.calls: continue
            traced += [(title, server, *calls(site, row, server, connections)) for server in SERVERS]
    if traced: report.say("\nSystem calls a request")
    for title, server, total, kinds in traced: report.say("%-30s %-8s %6.2f   %s" % (title, server, total, kinds))


def show(report, title, row, runs):
    report.wrong += sum(wrong for server in SERVERS for _, wrong, _ in runs[server])
    micros = {server: [micros for micros, _, _ in runs[server]] for server in SERVERS}
    ratio = ratio_to_better(micros)
    cells = [middle(micros[server]) for server in SERVERS]
    report.line(title, *cells, f"{ratio:.2f}  {report.verdict(ratio, row.most)}")
    if row.kind != "tickets": return
    shares = {server: 100 * statistics.median(share for _, _, share in runs[server]) for server in SERVERS}
    report.line("  resumed of 100", *("%.1f" % shares[server] for server in SERVERS),
                report.verdict(shares["sluice"], least=99, form="%.0f"))


def ratio_to_better(figures):
    """Of the medians."""
    medians = {server: statistics.median(figures[server]) for server in SERVERS}
    return medians["sluice"] / min(medians["nginx"], medians["haproxy"])


# Connections that rest


def idle(bench):
    bench.report.say(f"\nResident bytes of an idle connection ({IDLE} of them)")
    bench.report.line("", *SERVERS)
    for is_secure, most in IDLE_GOALS.items():
        found = {server: idle_bytes(bench.site, server, is_secure) for server in SERVERS}
        bench.report.line("over TLS" if is_secure else "plain", *("%.0f" % found[server] for server in SERVERS),
                          bench.report.verdict(found["sluice"], most, form="%.0f"))


def idle_bytes(site, server, is_secure):
    if server == "sluice": port = int(site.gateway("sluice").address(is_secure).split(":")[1])
    else: port = site.ports[f"{server}_{'proxys' if is_secure else 'proxy'}"]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def connect():
        stream = socket.create_connection(("127.0.0.1", port), 10)
        if is_secure: stream = context.wrap_socket(stream)
        stream.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = b""
        while PAGE.encode() not in answer:
            part = stream.recv(65536)
            if not part: sys.exit(f"bench: {server} closed a connection that was to rest")
            answer += part
        return stream

    process = site.pids[server]
    before = resident_bytes(process)
    streams = [connect() for _ in range(IDLE)]
    grown = resident_bytes(process) - before
    for stream in streams: stream.close()
    return grown / IDLE
