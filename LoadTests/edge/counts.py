"""What a request takes whatever the clock says: system calls, instructions, and pieces of memory from the heap."""
import os, struct, time
from edge import tools
from edge.beside import ROWS, calls, load, pid
from edge.processes import Instructions
from edge.site import SERVERS, Site

NAMES = ["poll", "page", "proxy", "tls", "churn"]
CONNECTIONS = 64
# What ticks and signals take from the heap is not the requests'.
MOST_ALLOCATIONS = {"poll": 0.01, "page": 0.01, "proxy": 0.01}


def run(bench):
    site, report = bench.site, bench.report
    counted, files = counted_site(bench)
    try:
        report.say(f"\nSystem calls, instructions and allocations a request, {CONNECTIONS} connections")
        report.line("", *SERVERS)
        why_not = ""
        for row in [row for name in NAMES for row in ROWS[name]]:
            found = {server: calls(site, row, server, CONNECTIONS)[0] for server in SERVERS}
            better = min(found["nginx"], found["haproxy"])
            report.line(f"{row.title}: calls", *("%.2f" % found[server] for server in SERVERS),
                        report.verdict(found["sluice"], better))
            cells = []
            for server in SERVERS:
                cell, why = instructions(site, row, server)
                cells.append(cell)
                why_not = why or why_not
            report.line("  instructions", *cells)
            found = {server: allocations(counted, files, row, server) for server in SERVERS}
            name = next(name for name in NAMES if row in ROWS[name])
            report.line("  allocations", *("%.3f" % found[server] for server in SERVERS),
                        report.verdict(found["sluice"], MOST_ALLOCATIONS.get(name)))
        if why_not: report.say(why_not)
    finally: counted.end()


def counted_site(bench):
    """The same servers again, with the counter of allocations loaded before their own libraries."""
    folder = os.path.join(bench.site.folder, "counted")
    os.mkdir(folder)
    library = tools.compile_(folder, ["allocations.c"], "-shared", "-fPIC")
    files = {server: os.path.join(folder, server + ".counts") for server in SERVERS}
    site = Site(bench.options, folder, lambda name: [
        "env", f"LD_PRELOAD={library}", f"ALLOCATIONS_FILE={files[name]}"] if name in files else [])
    site.begin()
    return site, files


def allocations(site, files, row, server):
    # What is kept for the next time is taken the first time.
    load(site, row, server, CONNECTIONS, 1)
    before = allocation_calls(files[server])
    answers = load(site, row, server, CONNECTIONS, site.options.seconds).answers
    return (allocation_calls(files[server]) - before) / max(answers, 1)


def allocation_calls(path):
    with open(path, "rb") as file: return struct.unpack("=QQ", file.read(16))[0]


def instructions(site, row, server):
    """A cell, and why there is none."""
    try: counter = Instructions(pid(site, row, server))
    except OSError as error: return "not told", f"instructions: this machine does not tell of them ({error.strerror})"
    try:
        answers = load(site, row, server, CONNECTIONS, 1).answers
        time.sleep(0.05)
        found = counter.count() / max(answers, 1)
    finally: counter.end()
    return f"{found:.0f}" + ("" if counter.has_kernel else " (without the kernel's)"), ""
