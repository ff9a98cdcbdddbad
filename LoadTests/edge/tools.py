"""The clients of the bench, and what it builds for itself."""
import json, os, re, shutil, subprocess, sys
from edge.processes import on_core
from edge.site import CLIENT_CORE

HERE = os.path.dirname(os.path.realpath(__file__))
RESUMING_CLIENTS = 4


class Played:
    """What a client has seen: answers, what was wrong, and handshakes that were abbreviated."""

    def __init__(self, answers, wrong, resumed=0): self.answers, self.wrong, self.resumed = answers, wrong, resumed


def fields(lines): return [word for line in lines for word in ("-H", line)]


def run(*words):
    done = subprocess.run(on_core(CLIENT_CORE, words), capture_output=True, text=True)
    if done.returncode == 0: return done.stdout
    sys.exit(f"bench: {words[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")


def wrk(url, lines, connections, seconds):
    out = run("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *fields(lines), url)
    wrong = sum(map(int, re.findall(r"Non-2xx or 3xx responses: (\d+)", out)))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    wrong += sum(map(int, errors.groups() if errors else []))
    return Played(int(re.search(r"(\d+) requests in", out).group(1)), wrong)


def ab(url, lines, connections, seconds):
    """A client that forgets every session."""
    out = run("ab", "-q", "-l", "-f", "TLS1.3", "-c", connections, "-t", seconds, "-n", 10_000_000, *fields(lines), url)
    wrong = sum(map(int, re.findall(r"(?:Non-2xx responses|Failed requests): +(\d+)", out)))
    return Played(int(re.search(r"Complete requests: +(\d+)", out).group(1)), wrong)


def s_time(url, seconds):
    """Clients that show at each connection what the one before was given."""
    address = url.split("/")[2]
    words = on_core(
        CLIENT_CORE, ["openssl", "s_time", "-connect", address, "-www", "/", "-tls1_3", "-reuse", "-time", seconds])
    clients = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for _ in range(RESUMING_CLIENTS)]
    outs = [client.communicate()[0] for client in clients]
    # Each connection is a letter: r for an abbreviated handshake.
    letters = "".join(re.findall(r"(?m)^[r*t3]+$", "\n".join(outs).replace("starting", "\n")))
    return Played(len(letters), sum(client.returncode != 0 for client in clients), letters.count("r"))


def compile_(folder, sources, *options):
    """A small program or library in C, named for its first source and built anew each time: that takes a second."""
    compiler = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if compiler is None: sys.exit("bench: there is no C compiler in PATH; Config/setup bench installs one")
    path = os.path.join(folder, sources[0].rsplit(".", 1)[0])
    words = [compiler, "-O2", "-o", path, *(os.path.join(HERE, source) for source in sources), *options]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0: sys.exit(f"bench: {sources[0]} cannot be built:\n{done.stderr[-2000:]}")
    return path


class Client:
    """client.c, which says what it can be told."""
    SOURCES = ["client.c", "client-visits.c", "client-cookies.c"]

    def __init__(self, folder):
        self.folder = folder
        self.program = compile_(folder, self.SOURCES, "-lssl", "-lcrypto", "-lm")

    def start(self, address, lines=(), samples=None, **plan):
        words = [f"address={address}", *(f"field={line}" for line in lines), *(f"{key}={plan[key]}" for key in plan)]
        if samples: words.append(f"samples={self.sample_file(samples)}")
        return subprocess.Popen(on_core(CLIENT_CORE, [self.program, *words]), stdout=subprocess.PIPE, text=True)

    def end(self, process):
        """What it has counted."""
        out = process.communicate()[0]
        if process.returncode != 0: sys.exit(f"bench: the client ended with {process.returncode}")
        return json.loads(out)

    def play(self, address, lines=(), **plan): return self.end(self.start(address, lines, **plan))

    def sample_file(self, name): return os.path.join(self.folder, name + ".samples")

    def samples(self, name, started=0.0):
        """Of each request when it was scheduled, when it was over, its status and a letter for what came of it."""
        with open(self.sample_file(name)) as file: lines = [line.split() for line in file]
        return [(float(due) + started, float(over) + started, int(status), kind) for due, over, status, kind in lines]
