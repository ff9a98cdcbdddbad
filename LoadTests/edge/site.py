"""The servers of the bench: an origin, Sluice, nginx and HAProxy, each with one worker on a core of its own."""
import json, os, re, resource, signal, socket, subprocess, sys, time
from edge import configurations
from edge.processes import on_core

SERVERS = ["sluice", "nginx", "haproxy"]
PAGE = "hello from the origin, sixty bytes of it and not one more...."
LARGE_BYTES = 1 << 20
JSON, HTML = "application/json", "text/html"
SERVER_CORE, CLIENT_CORE = 0, 1
# Of what a literal of nginx may have.
MOST_PAGE_BYTES = 4000


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def curl(*words):
    return subprocess.run(["curl", "-sk", "--max-time", "5", *map(str, words)], capture_output=True, text=True)


def answers(address): return curl("-f", "-o", os.devnull, f"http://{address}/").returncode == 0


def await_(what, condition, seconds=30):
    """Looks until there is something, and returns it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline: sys.exit(f"bench: {what} did not come about in {seconds} s")
        time.sleep(0.05)
    return found


class Gateway:
    """One process of Sluice, with rooms `held`, where everybody waits, and `open`, where everybody is let in."""

    def __init__(self, site, name, loops=1, cores=SERVER_CORE, **parts):
        self.site, self.name, self.loops, self.parts = site, name, loops, parts
        self.plain, self.secure, self.admin = free_port(), free_port(), free_port()
        self.cookies = {}
        self.path = self.write()
        self.process = site.start(name, cores, site.options.sluice, "gateway", self.path)
        self.pid = self.process.pid

    def write(self, **changes):
        """The configuration, in place at once."""
        self.parts |= changes
        parts = dict(workers=f"127.0.0.1:{self.site.ports['origin']}", rooms="", routes="", certificate="certificate",
                     key="key", connections="auto") | self.parts
        draft = self.site.write(self.name + ".draft", configurations.SLUICE, name=self.name, loops=self.loops,
                                plain=self.plain, secure=self.secure, admin=self.admin, **parts)
        path = os.path.join(self.site.folder, self.name + ".yaml")
        os.rename(draft, path)
        return path

    def status(self):
        answer = curl("-f", f"http://127.0.0.1:{self.admin}/status")
        return json.loads(answer.stdout) if answer.returncode == 0 else {}

    def room(self, name): return next((room for room in self.status().get("rooms") or [] if room["name"] == name), {})

    def reload(self, **changes):
        before = self.status()["reloads_applied"]
        self.write(**changes)
        self.process.send_signal(signal.SIGHUP)
        await_("a reload", lambda: self.status().get("reloads_applied", before) > before)

    def begin(self):
        """Returns when it serves and its rooms have given out what visitors show."""
        await_(f"an answer of {self.name} (see {self.site.folder})",
               lambda: answers(f"127.0.0.1:{self.plain}"))
        for path, kind in (("/held", "place"), ("/open", "pass")):
            self.cookies[path] = await_(f"a {kind} of {self.name}", lambda: self.cookie(path, kind))
        return self

    def cookie(self, path, kind):
        """The visitor's cookie, as Sluice sets it. In the first tenths of a second the rooms may not be there yet."""
        head = curl("-i", "-H", "Accept: application/json", f"https://127.0.0.1:{self.secure}{path}").stdout
        found = re.search(rf"(?im)^set-cookie: (?:__Host-)?(sluice-{kind}-[^;]*)", head)
        return found and found.group(1)

    @property
    def redis_pid(self):
        with open(f"{self.site.folder}/state-{self.name}/redis/redis.pid") as file: return int(file.read())

    def fields(self, path, is_secure, accept=JSON):
        """The lines of a head that a visitor sends. Over TLS cookies have a name that binds them to the host."""
        if path not in self.cookies: return [f"Accept: {accept}"]
        return [f"Cookie: {'__Host-' if is_secure else ''}{self.cookies[path]}", f"Accept: {accept}"]

    def address(self, is_secure): return f"127.0.0.1:{self.secure if is_secure else self.plain}"

    def end(self): self.site.end_process(self.process)


class Site:
    """`preload`: words before each server's own, such as `env` with a library to be loaded before all others."""

    def __init__(self, options, folder, preload=lambda name: []):
        self.options, self.folder, self.preload = options, folder, preload
        self.running, self.pids, self.gateways = [], {}, {}
        self.poll = self.waiting_page = ""
        names = [f"{server}_{kind}" for server in ("nginx", "haproxy")
                 for kind in ("poll", "polls", "page", "proxy", "proxys", "tickets")]
        self.ports = {name: free_port() for name in ["origin", *names]}

    # Processes

    def fill(self, text, **more):
        return text.format(**dict(folder=self.folder, poll=self.poll, waiting_page=self.waiting_page, page=PAGE,
                                  more="") | self.ports | more)

    def write(self, name, text, /, **more):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file: file.write(self.fill(text, **more))
        return path

    def start(self, name, cores, *words):
        with open(os.path.join(self.folder, name + ".log"), "w") as log:
            process = subprocess.Popen(on_core(cores, [*self.preload(name), *words]), stdout=log, stderr=log)
        self.running.append(process)
        self.pids[name] = process.pid
        return process

    def end_process(self, process):
        process.terminate()
        try: process.wait(20)
        except subprocess.TimeoutExpired: process.kill()
        process.wait()
        self.running.remove(process)

    def start_nginx(self, name, core, servers, **more):
        os.mkdir(os.path.join(self.folder, name))
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        configuration = self.write(name + ".conf", configurations.NGINX, name=name, files=min(files, 1_000_000),
                                   connections=min(files - 100, 20_000), servers=self.fill(servers, **more))
        self.start(name, core, "nginx", "-p", os.path.join(self.folder, name), "-c", configuration)

    def gateway(self, name, **how):
        """One that is started when it is first asked for."""
        if name not in self.gateways: self.gateways[name] = Gateway(self, name, **how).begin()
        return self.gateways[name]

    def make_certificate(self, name, key, *kind):
        subprocess.run(
            ["openssl", "req", "-x509", *kind, "-nodes", "-days", "1", "-subj", "/CN=localhost", "-keyout",
             f"{self.folder}/{key}.pem", "-out", f"{self.folder}/{name}.pem"], check=True, capture_output=True)

    def begin(self):
        self.make_certificate("certificate", "key", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
        with open(f"{self.folder}/both.pem", "w") as file:
            for name in ("certificate", "key"): file.write(open(f"{self.folder}/{name}.pem").read())
        with open(f"{self.folder}/large", "wb") as file: file.write(b"." * LARGE_BYTES)
        self.start_nginx("origin", CLIENT_CORE, configurations.ORIGIN)
        gateway = self.gateway("sluice")
        # What peers give is as long as what Sluice gives. The page's own text would mean something to their languages.
        self.poll = self.body(gateway, JSON)
        self.waiting_page = "." * len(self.body(gateway, HTML).encode())
        if len(self.waiting_page) > MOST_PAGE_BYTES: sys.exit("bench: the waiting page is too long for nginx to give")
        self.write("waiting.html", "{waiting_page}")
        self.start_nginx("nginx", SERVER_CORE, configurations.NGINX_SERVERS)
        self.start("haproxy", SERVER_CORE, "haproxy", "-f", self.write("haproxy.cfg", configurations.HAPROXY))
        for name in ("nginx_proxy", "haproxy_proxy"):
            await_(f"an answer of {name}", lambda: answers(self.peer(name)))

    def body(self, gateway, accept):
        words = [word for field in gateway.fields("/held", False, accept) for word in ("-H", field)]
        answer = curl("-f", *words, f"http://{gateway.address(False)}/held")
        if answer.returncode != 0: sys.exit("bench: the gateway gives no waiting page")
        return answer.stdout if accept == HTML else answer.stdout.strip()

    def peer(self, name): return f"127.0.0.1:{self.ports[name]}"

    def end(self):
        for process in self.running: process.terminate()
        for process in list(self.running): self.end_process(process)
