import EventLoop
import Glibc
import Primitives
import Transport

/// The processes of the site under test: one `sluice run`, or gateway, controller and Redis apart, so that each can be
/// killed without the others.
///
/// Lives on one loop.
final class SiteProcesses {
    enum Part: String, CaseIterable, Sendable {
        /// Gateway, controller and embedded Redis in one.
        case site
        case redis, gateway, controller
        case secondGateway = "second gateway"

        var isGateway: Bool { self == .site || self == .gateway || self == .secondGateway }
        /// Reads the configuration, and answers on an admin address.
        var isSluice: Bool { self != .redis }
        /// Each has a file of its own, because each gateway listens elsewhere.
        var fileName: String {
            self == .site ? "sluice.yaml" : "\(self == .secondGateway ? "second" : self.rawValue).yaml"
        }
    }

    /// A part that does not come up again is started anew after this time, so many times.
    private static let retryNanoseconds = 500 * Nanoseconds.perMillisecond
    private static let mostRetries = 10

    private struct Running {
        let child: ChildProcess
        /// Addresses by the word that the process announces them with.
        var announced: [String: SocketAddress] = [:]
        /// Its end is meant.
        var mayEnd = false
    }

    static let anyPort = "127.0.0.1:0"
    /// By this the sample worker knows where to look for the share of requests that it is to fail.
    private static let errorsVariable = "SLUICE_WORKER_ERRORS"

    let isApart: Bool
    /// Where a gateway that has no address yet is to listen.
    private let firstListen: String
    private let sluice: String
    private let folder: String
    private let log: String
    private let children: Children
    private var running: [Part: Running] = [:]
    /// Where each gateway listens, from its first start on: visitors know the address.
    private var addresses: [Part: SocketAddress] = [:]
    private var retries: [Part: Int] = [:]
    /// How each ended when it was told to.
    private(set) var ends: [Part: ExitStatus] = [:]
    /// A part that ended though nobody had told it to; the run cannot go on.
    private(set) var unexpectedEnd: UnexpectedEnd?
    /// Those that have once said where they listen, with Redis: they cannot say so without it.
    private var haveStarted: Set<Part> = []

    struct UnexpectedEnd: Equatable, Sendable {
        let part: Part
        let program: String
        let status: ExitStatus
        /// It had said where it listens.
        let hadStarted: Bool

        /// What happened, its cause first.
        ///
        /// - Parameter log: the last line of what it said.
        func words(log: String?) -> String {
            let name = "\(self.program) (\(self.part.rawValue))"
            guard !self.hadStarted else { return "\(name) ended in the middle of the run, with \(self.status)" }
            switch self.status {
            // What a shell says.
            case .exited(127): return "\(name) could not start: there is no such program; install it, or set PATH"
            case .exited(126): return "\(name) could not start: the file is no program that may be run"
            default:
                let cause = log ?? (self.part == .redis ? "it said nothing" : "it said nothing; is it sluice?")
                return "\(name) could not start: \(cause) (it ended with \(self.status))"
            }
        }
    }

    /// - Parameter folder: holds the configuration and the state.
    init(sluice: String, folder: String, log: String, isApart: Bool, listen: String, children: Children) {
        self.firstListen = listen
        self.sluice = sluice
        self.folder = folder
        self.log = log
        self.isApart = isApart
        self.children = children
    }

    // MARK: What there is

    var redisAddress: String { self.isApart ? "unix:state/redis/redis.sock" : "embedded" }
    func path(of part: Part) -> String { "\(self.folder)/\(part.fileName)" }
    func child(_ part: Part) -> ChildProcess? { self.running[part]?.child }
    /// Parts that read a configuration.
    var readers: [Part] { Part.allCases.filter { $0.isSluice && self.running[$0] != nil } }

    func address(of part: Part) -> SocketAddress? { self.running[part]?.announced["gateway"] ?? self.addresses[part] }
    func admin(of part: Part) -> SocketAddress? { self.running[part]?.announced["admin"] }
    /// Parts whose configuration is written, whether they run at the moment or not.
    var configured: [Part] {
        self.isApart ? [.gateway, .controller] + (self.hasSecond ? [.secondGateway] : []) : [.site]
    }
    var hasSecond = false

    /// Who is asked about rooms, and who about pools.
    var gatewayPart: Part { self.isApart ? .gateway : .site }
    var controllerPart: Part { self.isApart ? .controller : .site }

    /// Also those that an earlier controller has started: they live on when it is killed, and another one adopts them.
    var workers: Set<ProcessTable.Entry> {
        let table = ProcessTable()
        let own = self.child(self.controllerPart).map { table.workers(of: $0.pid) } ?? []
        return Set(own + table.workers(of: self.children.mark))
    }

    /// For the next configuration of that part: the address that it has, or any.
    func listen(_ part: Part) -> String { self.addresses[part].map { "\($0)" } ?? self.firstListen }

    /// It has told its admin address, which comes last.
    func isListening(_ part: Part) -> Bool {
        self.admin(of: part) != nil && (!part.isGateway || self.running[part]?.announced["gateway"] != nil)
    }

    // MARK: Errors on purpose

    private var errorsFile: String { "\(self.folder)/errors" }

    /// From now on workers fail so many thousandths of the requests: each looks at the file, also those that start later.
    func failRequests(permille: Int) throws {
        guard permille > 0 else {
            unlink(self.errorsFile)
            return
        }
        // Whole beside it, then renamed: nobody reads half of it.
        let draft = self.errorsFile + ".new"
        let file = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file != -1 else { throw SystemError(call: "open of \(draft)") }
        defer { close(file) }
        try WholeFile.write("\(Double(permille) / 1000)".utf8, to: file, named: draft)
        guard rename(draft, self.errorsFile) == 0 else { throw SystemError(call: "rename to \(self.errorsFile)") }
    }

    // MARK: Start and end

    func start(_ part: Part) throws {
        self.children.loop.preconditionOnLoop()
        let (program, arguments) = self.command(part)
        let child = try self.children.start(
            program,
            arguments,
            environment: [Self.errorsVariable: self.errorsFile],
            logFile: self.log,
            onLine: { [weak self] line in self?.heard(line, of: part) },
            onExit: { [weak self] status in self?.ended(part, status) }
        )
        self.running[part] = Running(child: child)
        self.ends[part] = nil
    }

    private func command(_ part: Part) -> (String, [String]) {
        switch part {
        case .site: return (self.sluice, ["run", self.path(of: part)])
        case .gateway, .secondGateway: return (self.sluice, ["gateway", self.path(of: part)])
        case .controller: return (self.sluice, ["controller", self.path(of: part)])
        case .redis:
            // As the embedded one is started: what it stores outlives its process.
            let state = "\(self.folder)/state/redis"
            let options = [
                "--port", "0", "--unixsocket", "\(state)/redis.sock", "--unixsocketperm", "700", "--dir", state,
                "--loglevel", "warning", "--databases", "1", "--save", "", "--appendonly", "yes", "--appendfsync",
                "everysec", "--maxmemory-policy", "noeviction",
            ]
            return ("redis-server", options)
        }
    }

    /// `gateway listening on ADDRESS`, `admin listening on ADDRESS`.
    private func heard(_ line: String, of part: Part) {
        let words = line.split(separator: " ")
        guard words.count >= 4, words[1...2] == ["listening", "on"],
            let address = try? SocketAddress(parsing: String(words[3]))
        else { return }
        self.running[part]?.announced[String(words[0])] = address
        if words[0] == "gateway" { self.addresses[part] = address }
        if words[0] == "admin" {
            self.retries[part] = nil
            self.haveStarted.formUnion([part, .redis])
        }
    }

    private func ended(_ part: Part, _ status: ExitStatus) {
        let mayEnd = self.running[part]?.mayEnd ?? true
        self.running[part] = nil
        self.ends[part] = status
        guard !mayEnd else { return }
        // While it comes up again: the old one's connections, or its port, may still be about.
        guard let retries = self.retries[part], retries < Self.mostRetries else {
            let (program, _) = self.command(part)
            let end = UnexpectedEnd(
                part: part,
                program: program,
                status: status,
                hadStarted: self.haveStarted.contains(part)
            )
            self.unexpectedEnd = self.unexpectedEnd ?? end
            return
        }
        self.retries[part] = retries + 1
        self.children.loop.after(nanoseconds: Self.retryNanoseconds) { [weak self] in
            guard let self, self.retries[part] != nil else { return }
            try? self.start(part)
        }
    }

    /// It is about to be killed, or told to end.
    func mayEnd(_ part: Part) { self.running[part]?.mayEnd = true }

    /// After a kill, as a supervisor does it.
    func startAgain(_ part: Part) throws {
        self.retries[part] = 0
        guard self.running[part] == nil else { return }
        try self.start(part)
    }

    /// From here on every end is meant, and nothing is started again.
    func endBegins() {
        self.retries = [:]
        for part in Part.allCases { self.mayEnd(part) }
    }

    /// Who is told to end first needs the others to end well.
    static let endOrder: [[Part]] = [[.site, .gateway, .secondGateway], [.controller], [.redis]]

    /// How the programs under test have ended; no words when one has not.
    var ending: (words: String?, isClean: Bool) {
        let parts = self.configured
        let ends = parts.compactMap { self.ends[$0] }
        guard ends.count == parts.count, parts.allSatisfy({ self.running[$0] == nil }) else { return (nil, false) }
        let isClean = ends.allSatisfy { $0 == .exited(0) }
        let odd = zip(parts, ends).first { $0.1 != .exited(0) } ?? (parts[0], ends[0])
        return (self.isApart && !isClean ? "\(odd.0.rawValue): \(odd.1)" : "\(odd.1)", isClean)
    }

    func isOver(_ parts: [Part]) -> Bool { parts.allSatisfy { self.running[$0] == nil } }
}
