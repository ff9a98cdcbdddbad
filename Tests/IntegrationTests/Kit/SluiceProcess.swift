import Foundation
import Glibc

/// The real program, started as a user would.
final class SluiceProcess {
    /// What `/status` says, as far as tests look at it.
    struct Status: Decodable {
        struct Room: Decodable {
            let name: String
            let issued, serving, waiting, door, admitted, sessions, slots, rate_milli, burst: Int?
        }
        struct Pool: Decodable {
            let name: String
            let ready, pending, draining, crashes: Int
            let desired: Int?
            let latency_trim: Double?
            let admission_rate_milli: Int?
        }
        struct SilentGateway: Decodable { let gateway: String }
        let pid: Int
        let reloads_applied, reloads_refused: Int
        let rooms: [Room]?
        /// A pool as the gateway has it.
        struct GatewayPool: Decodable {
            struct Failing: Decodable {
                let worker: String
                let failure: String
                let detail: String?
                let passed_by: Bool
            }
            let failing: [Failing]?
            let tunnels: Int?
        }
        let gateway_pools: [GatewayPool]?
        let pools: [Pool]?
        let silent_gateways: [SilentGateway]?

        /// The room `sale`.
        var room: Room? { self.rooms?.first { $0.name == "sale" } }
        var pool: Pool? { self.pools?.first }
        var gatewayPool: GatewayPool? { self.gateway_pools?.first }
    }

    let name: String
    let configurationFile: String
    let process: RunningProcess
    /// Whether the test ends it, or lets it fail.
    var mayEnd = false
    private(set) var ports: [UInt16] = []
    private(set) var adminPort: UInt16 = 0
    /// Where KEDA asks; 0 when nobody listens there.
    private(set) var scalerPort: UInt16 = 0

    var port: UInt16 { self.ports[0] }

    init(
        command: String,
        configurationFile: String,
        folder: String,
        name: String,
        wrapper: [String] = []
    ) throws {
        self.name = name
        self.configurationFile = configurationFile
        let words = try wrapper + [Self.program, command, configurationFile]
        self.process = try RunningProcess(words[0], Array(words.dropFirst()), folder: folder, name: name)
    }

    /// `SLUICE_BIN`, or what the build put beside the tests.
    static var program: String {
        get throws {
            if let path = getenv("SLUICE_BIN") { return String(cString: path) }
            return try Self.find("sluice")
        }
    }

    /// A program of this package that the build put beside the tests.
    static func find(_ name: String) throws -> String {
        guard let tests = realpath("/proc/self/exe", nil) else { throw Disappointment("there is no /proc") }
        defer { free(tests) }
        // Swift's runner may load the tests as a library: then the arguments tell where they lie.
        let candidates = [String(cString: tests)] + CommandLine.arguments
        for candidate in candidates {
            var folder = candidate.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            while !folder.isEmpty {
                let path = (folder + [name[...]]).joined(separator: "/")
                var status = stat()
                let isProgram = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
                if isProgram, access(path, X_OK) == 0 { return path }
                folder = folder.dropLast()
            }
        }
        throw Disappointment("the program `\(name)` is not beside the tests: build it, or set SLUICE_BIN")
    }

    /// Waits until the process has said where it listens, and has workers where it starts them.
    func waitUntilListening(hasGateway: Bool) throws {
        try Patience.wait(for: "'\(self.name)' to listen") {
            if let end = self.process.endIfEnded {
                throw Disappointment("\(self.name) ended at its start: \(end)")
            }
            return self.process.output.contains("admin listening on ") && self.process.output.hasSuffix("\n")
        }
        for line in self.process.output.split(separator: "\n") {
            guard let port = line.split(separator: " ").first(where: { $0.contains(":") })?.split(separator: ":").last,
                let number = UInt16(port)
            else { continue }
            if line.hasPrefix("gateway") { self.ports.append(number) }
            if line.hasPrefix("admin") { self.adminPort = number }
            if line.hasPrefix("KEDA") { self.scalerPort = number }
        }
        guard self.adminPort != 0, !hasGateway || !self.ports.isEmpty else {
            throw Disappointment("no addresses in: \(self.process.output)")
        }
        if hasGateway {
            try Patience.wait(for: "a worker") {
                try (self.metrics()["sluice_pool_ready_workers{pool=\"workers\"}"] ?? 0) > 0
            }
        }
    }

    // MARK: Watching

    func admin(_ path: String) throws -> Answer { try HTTPPeer(port: self.adminPort).request("GET", path) }

    func status() throws -> Status { try JSONDecoder().decode(Status.self, from: Data(self.admin("/status").body)) }

    /// Whether its controller leads.
    func leads() throws -> Bool { try self.metric("sluice_controller_leads") == 1 }

    /// Value by name with labels, such as `sluice_retries_total`.
    func metrics() throws -> [String: Double] {
        var values: [String: Double] = [:]
        for line in String(decoding: try self.admin("/metrics").body, as: UTF8.self).split(separator: "\n") {
            guard !line.hasPrefix("#"), let space = line.lastIndex(of: " ") else { continue }
            values[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
        return values
    }

    func metric(_ name: String) throws -> Double {
        guard let value = try self.metrics()[name] else { throw Disappointment("there is no metric \(name)") }
        return value
    }

    func waitForLog(_ text: String) throws {
        try Patience.wait(for: "'\(text)' in the log of \(self.name)") { self.process.errors.contains(text) }
    }

    /// Resident memory in bytes.
    var memoryBytes: Int {
        let pages = RunningProcess.text("/proc/\(self.process.pid)/statm").split(separator: " ")
        return pages.count > 1 ? (Int(pages[1]) ?? 0) * Int(getpagesize()) : 0
    }

    /// Processor time of all its threads so far, in nanoseconds: what work costs, however busy the machine is.
    var processorNanoseconds: Int64 {
        var clock = clockid_t()
        var time = timespec()
        guard clock_getcpuclockid(self.process.pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { return 0 }
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Requests at the workers of a pool, and those that wait for one.
    func load(pool: String = "workers") throws -> (inFlight: Int, queued: Int) {
        let metrics = try self.metrics()
        guard let inFlight = metrics["sluice_pool_in_flight{pool=\"\(pool)\"}"],
            let queued = metrics["sluice_pool_queued{pool=\"\(pool)\"}"]
        else { throw Disappointment("there is no pool \(pool) in the metrics") }
        return (Int(inFlight), Int(queued))
    }

    /// Waits until no request is at a worker and none waits for one.
    func waitUntilIdle() throws {
        try Patience.wait(for: "all requests to be over: \((try? self.load()).map { "\($0)" } ?? "?")") {
            try self.load() == (0, 0)
        }
    }

    func waitUntilInFlight(_ count: Int) throws {
        try Patience.wait(for: "\(count) requests at the workers: \((try? self.load()).map { "\($0)" } ?? "?")") {
            try self.load().inFlight == count
        }
    }

    /// Fresh connections are served. `path` is one that its worker answers with 200.
    func expectService(_ path: String = "/", requests: Int = 20) throws {
        for index in 0..<requests {
            let status = try HTTPPeer(port: self.port).request("GET", path).status
            guard status == 200 else { throw Disappointment("request \(index) of \(path) got \(status)") }
        }
    }

    /// The processes that it has started and that still run.
    var children: [pid_t] {
        let folder = "/proc/\(self.process.pid)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return threads.flatMap { RunningProcess.text("\(folder)/\($0)/children").split(separator: " ") }
            .compactMap { pid_t($0) }
    }

    /// Tells it to end, as an operator does.
    func stop() throws -> RunningProcess.End {
        self.mayEnd = true
        self.process.signal(SIGTERM)
        return try self.process.waitForEnd()
    }
}
