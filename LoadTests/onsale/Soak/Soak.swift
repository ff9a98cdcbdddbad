import EventLoop
import Foundation
import Glibc
import HTTPService
import Primitives
import Transport

/// Keeps a real gateway busy with everything that clients, workers and operators may do to it, for as long as wanted,
/// and says whether it came through: alive, with nothing left behind, and without an answer that nobody expected.
///
/// An actor on the event loop that all sockets of the soak are on.
actor Soak {
    struct Options: Sendable {
        var sluice: String
        var seconds: Double
        var seed: UInt64
        var keepsFolder: Bool
    }

    static let patienceSeconds = 40.0
    private static let lookNanoseconds = 20 * Nanoseconds.perMillisecond
    private static let workerCount = 4
    /// Visitors of the sale come in waves of this length.
    static let waveSeconds = 60.0
    private static let visitorsPerSecond = 3.0
    /// Descriptors that may be open at the end beside those that were open before.
    private static let descriptorSlack = 8

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    private let options: Options
    private let folder: String
    private let children: Children
    private let descriptorLimit: Int
    private var random: SplitMix64
    private var site = SoakSite()
    private var workers: [SoakWorker] = []
    private var deafWorker: DeafWorker?
    private var sluice: ChildProcess?
    private var sluiceEnd: ExitStatus?
    private var announced: [String: SocketAddress] = [:]
    private var crowd: SoakCrowd?
    private var wave: CrowdPlayer?
    private var waveCounts = Counts()
    private var isInterrupted = false
    private let printer = ProgressPrinter()

    init(_ options: Options, on loop: EventLoop) throws {
        self.options = options
        self.loop = loop
        self.folder = try Machine.makeTemporaryFolder()
        self.children = Children(loop: loop)
        self.descriptorLimit = Machine.raiseDescriptorLimit()
        self.random = SplitMix64(seed: options.seed)
    }

    func interrupt() { self.isInterrupted = true }

    /// Returns the exit code: 0 when every check holds, 1 when one does not, 130 when interrupted.
    func run() async -> Int32 {
        var checks: [SoakLedger.Check] = []
        do {
            try await self.start()
            let watch = ProcessWatch(pid: self.sluice?.pid ?? 0)
            let descriptors = watch.descriptorCount
            try await self.keepBusy(watch)
            checks = try await self.comeToRest(watch, descriptorsBefore: descriptors)
        } catch is Director.Interrupted {
            await self.cleanUp(isGood: true)
            return Verdict.ExitCode.interrupted.rawValue
        } catch {
            checks.append(SoakLedger.Check(name: "the run", holds: false, detail: "\(error)\(self.logTail)"))
        }
        checks += self.books
        checks.append(await self.endSluice())
        let holds = checks.allSatisfy(\.holds)
        self.report(checks)
        await self.cleanUp(isGood: holds)
        return holds ? 0 : 1
    }

    // MARK: Start

    private func start() async throws {
        self.workers = try (0..<Self.workerCount).map { _ in try SoakWorker(on: self.loop) }
        self.deafWorker = try DeafWorker()
        try self.writeConfiguration()
        let sluice = try self.children.start(
            self.options.sluice,
            ["run", "\(self.folder)/sluice.yaml"],
            logFile: self.logFile,
            onLine: { [weak self] line in self?.assumeIsolated { $0.heard(line) } },
            onExit: { [weak self] status in self?.assumeIsolated { $0.sluiceEnd = status } }
        )
        self.sluice = sluice
        try await self.wait("the gateway to listen") { self.announced.count == 3 }
        try await self.waitForMetrics("the first workers") { metrics in
            ["sample", "raw"].allSatisfy { (metrics["sluice_pool_ready_workers{pool=\"\($0)\"}"] ?? 0) >= 1 }
        }
    }

    private func heard(_ line: String) {
        let words = line.split(separator: " ")
        guard words.count >= 4, words[1...2] == ["listening", "on"] else { return }
        guard let address = try? SocketAddress(parsing: String(words[3])) else { return }
        self.announced[words.dropFirst(4).first == "(TLS)" ? "TLS" : String(words[0])] = address
    }

    /// As an editor does it: the new file whole beside the old one, then renamed over it.
    private func writeConfiguration() throws {
        let text = self.site.yaml(
            workers: self.workers.map(\.address.description),
            deafWorker: self.deafWorker?.address.description ?? ""
        )
        let path = "\(self.folder)/sluice.yaml"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path + ".new"))
        guard rename(path + ".new", path) == 0 else {
            throw PlayProblem("\(path) could not be renamed: \(String(cString: strerror(errno)))")
        }
    }

    // MARK: The busy time

    private func keepBusy(_ watch: ProcessWatch) async throws {
        guard let gateway = self.announced["gateway"], let secure = self.announced["TLS"] else {
            throw PlayProblem("the gateway told no address")
        }
        let tls = try TLSContext(clientAuthorityFile: nil, verifies: false)
        let crowd = SoakCrowd(plain: gateway, secure: secure, tls: tls, seed: self.options.seed, on: self.loop)
        self.crowd = crowd
        crowd.start()
        let startedAt = MonotonicClock.now()
        var nextChange = 2.0
        var nextFailure = 4.0
        var nextWave = 0.0
        var nextSample = 0.0
        while true {
            let seconds = Double(MonotonicClock.now().nanoseconds(since: startedAt)) / 1e9
            guard seconds < self.options.seconds else { break }
            try self.checkCourse()
            if seconds >= nextSample {
                nextSample += 0.5
                crowd.ledger.sampled(.init(seconds: seconds, residentBytes: watch.residentBytes))
            }
            if seconds >= nextChange {
                nextChange = seconds + Double.random(in: 1.5...4, using: &self.random)
                self.site.change(using: &self.random)
                try self.writeConfiguration()
                crowd.ledger.reloads += 1
            }
            if seconds >= nextFailure {
                nextFailure = seconds + Double.random(in: 4...9, using: &self.random)
                crowd.ledger.workerFailures += 1
                self.failSomeWorker(watch)
            }
            if seconds >= nextWave {
                nextWave += Self.waveSeconds
                try self.sendWave(gateway, seconds: min(Self.waveSeconds, self.options.seconds - seconds))
            }
            await self.sleep(nanoseconds: Self.lookNanoseconds)
        }
        crowd.stopComing()
        _ = try await self.waits(seconds: Self.patienceSeconds) { crowd.clientCount == 0 }
        crowd.stopAll()
        self.endWave()
    }

    private func sendWave(_ gateway: SocketAddress, seconds: Double) throws {
        self.endWave()
        guard seconds >= 5 else { return }
        let scenario = Scenario(
            visitors: max(1, Int(seconds * Self.visitorsPerSecond)),
            durationSeconds: seconds,
            seed: self.random.next()
        )
        let wave = CrowdPlayer(
            try Crowd(scenario),
            target: Target([gateway]),
            startedAt: MonotonicClock.now(),
            hasRoom: true,
            descriptorLimit: self.descriptorLimit,
            on: self.loop
        )
        wave.start()
        self.wave = wave
    }

    private func endWave() {
        guard let wave = self.wave else { return }
        wave.finish()
        self.waveCounts.merge(wave.counts)
        self.wave = nil
    }

    /// One of the soak's own workers breaks off and comes back, or one of the gateway's is stopped for a while or killed.
    private func failSomeWorker(_ watch: ProcessWatch) {
        let processes = watch.workers
        switch Int.random(in: 0..<3, using: &self.random) {
        case 0:
            let worker = self.workers.randomElement(using: &self.random)!
            worker.fail()
            self.crowd?.breakdowns += 1
            self.loop.after(nanoseconds: Nanoseconds.perSecond) { try? worker.listen() }
        case 1:
            guard let entry = processes.randomElement(using: &self.random) else { return }
            kill(entry.pid, SIGSTOP)
            self.loop.after(nanoseconds: Nanoseconds.perSecond) {
                if ProcessTable.isAlive(entry) { kill(entry.pid, SIGCONT) }
            }
        default:
            guard let entry = processes.randomElement(using: &self.random) else { return }
            kill(entry.pid, SIGKILL)
        }
    }

    // MARK: The end

    /// Nobody asks any more: nothing may be under way, and what was opened is closed.
    private func comeToRest(_ watch: ProcessWatch, descriptorsBefore: Int) async throws -> [SoakLedger.Check] {
        self.site = SoakSite()
        try self.writeConfiguration()
        // Kept connections to the workers end with these.
        for worker in self.workers { worker.fail() }
        for entry in watch.workers { kill(entry.pid, SIGKILL) }
        var busy: [String] = []
        var descriptors = 0
        let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(Self.patienceSeconds * 1e9))
        repeat {
            try self.checkCourse()
            await self.sleep(nanoseconds: 200 * Nanoseconds.perMillisecond)
            busy = Self.busyGauges(try await self.metrics())
            descriptors = watch.descriptorCount
            if busy.isEmpty, descriptors <= descriptorsBefore + Self.descriptorSlack { break }
        } while MonotonicClock.now() < deadline
        return [
            SoakLedger.Check(
                name: "nothing is left under way",
                holds: busy.isEmpty,
                detail: busy.isEmpty ? "all at zero" : busy.joined(separator: ", ")
            ),
            SoakLedger.Check(
                name: "descriptors are given back",
                holds: descriptors <= descriptorsBefore + Self.descriptorSlack,
                detail: "\(descriptorsBefore) before, \(descriptors) after"
            ),
        ]
    }

    /// Gauges of what is under way that are not zero.
    private static func busyGauges(_ metrics: [String: Double]) -> [String] {
        let names = ["sluice_connections_open", "in_flight", "queued", "parked", "waiting_at_door"]
        return metrics.filter { key, value in
            let name = key.prefix { $0 != "{" }
            return value != 0 && !name.hasSuffix("_total") && names.contains { name.hasSuffix($0) }
        }.map { "\($0.key) \($0.value)" }.sorted()
    }

    private var books: [SoakLedger.Check] {
        guard var ledger = self.crowd?.ledger else { return [] }
        for _ in 0..<self.waveCounts.exchanges { ledger.admitted() }
        for kind in [ErrorKind.badAnswer, .answerTimedOut, .rejected, .foreignPage, .unsignedError]
        where self.waveCounts.errors[kind] > 0 {
            ledger.complain("visitors of the sale: \(kind.rawValue) (\(self.waveCounts.errors[kind]))")
        }
        return ledger.checks
    }

    /// In order, when it is told.
    private func endSluice() async -> SoakLedger.Check {
        let isAlive = self.sluiceEnd == nil && self.sluice != nil
        if isAlive {
            self.sluice?.signal(SIGTERM)
            _ = try? await self.waits(seconds: Self.patienceSeconds) { self.sluiceEnd != nil }
        }
        return SoakLedger.Check(
            name: "the process ends when it is told, and not before",
            holds: isAlive && self.sluiceEnd == .exited(0),
            detail: "\(self.sluiceEnd.map { "\($0)" } ?? "it does not end")\(isAlive ? "" : self.logTail)"
        )
    }

    private func report(_ checks: [SoakLedger.Check]) {
        var lines: [String] = []
        if let ledger = self.crowd?.ledger {
            let statuses = ledger.statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
            let manners = ledger.manners.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.key) \($0.value)" }
            lines.append("  clients        \(manners.joined(separator: ", "))")
            lines.append("  responses      \(statuses.joined(separator: ", "))")
            lines.append(
                "  visitors       \(self.waveCounts.arrivals), let in \(self.waveCounts.exchanges); tunnels \(ledger.tunnels)"
            )
            lines.append("  reloads        \(ledger.reloads), failures of workers \(ledger.workerFailures)")
        }
        for check in checks { lines.append("  \(check.holds ? "ok  " : "FAIL")  \(check.name): \(check.detail)") }
        let verdict = checks.allSatisfy(\.holds) ? "the gateway came through" : "the gateway did not come through"
        self.printer.say("\(lines.joined(separator: "\n"))\n\n  \(verdict) (seed \(self.options.seed))")
    }

    private func cleanUp(isGood: Bool) async {
        self.crowd?.stopAll()
        self.endWave()
        self.isInterrupted = false
        self.children.lookAround()
        self.children.signalAll(SIGTERM)
        let ended = try? await self.waits(seconds: Self.patienceSeconds) { self.children.isEmpty }
        if ended != true || !self.children.leftovers.isEmpty { self.children.killAll() }
        for worker in self.workers { worker.fail() }
        if self.options.keepsFolder || !isGood {
            self.printer.say("  configuration, state and log are in \(self.folder)")
        } else {
            try? FileManager.default.removeItem(atPath: self.folder)
        }
    }

    // MARK: Time and news

    private func sleep(nanoseconds: Int64) async {
        await withCheckedContinuation { continuation in
            self.loop.after(nanoseconds: nanoseconds) { continuation.resume() }
        }
    }

    private func checkCourse() throws {
        if self.isInterrupted { throw Director.Interrupted() }
        if let end = self.sluiceEnd { throw PlayProblem("the process ended in the middle of the run, with \(end)") }
    }

    private func waits(seconds: Double, until condition: () -> Bool) async throws -> Bool {
        let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(seconds * 1e9))
        while !condition() {
            if self.isInterrupted { throw Director.Interrupted() }
            guard MonotonicClock.now() < deadline else { return false }
            await self.sleep(nanoseconds: Self.lookNanoseconds)
        }
        return true
    }

    private func wait(_ what: String, until condition: () -> Bool) async throws {
        guard try await self.waits(seconds: Self.patienceSeconds, until: { self.sluiceEnd != nil || condition() })
        else {
            throw PlayProblem("\(what) took too long")
        }
        try self.checkCourse()
    }

    private func waitForMetrics(_ what: String, until condition: ([String: Double]) -> Bool) async throws {
        let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(Self.patienceSeconds * 1e9))
        while true {
            try self.checkCourse()
            if let metrics = try? await self.metrics(), condition(metrics) { return }
            guard MonotonicClock.now() < deadline else { throw PlayProblem("\(what) did not come in time") }
            await self.sleep(nanoseconds: 50 * Nanoseconds.perMillisecond)
        }
    }

    /// Value by name with labels.
    private func metrics() async throws -> [String: Double] {
        guard let address = self.announced["admin"] else { throw PlayProblem("the gateway told no admin address") }
        let result = await withCheckedContinuation { continuation in
            HTTPProbe.get(
                address: address,
                path: "/metrics",
                on: self.loop,
                timeoutNanoseconds: 5 * Nanoseconds.perSecond
            ) { continuation.resume(returning: $0) }
        }
        var values: [String: Double] = [:]
        for line in try result.get().text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " ") else { continue }
            values[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
        return values
    }

    private var logFile: String { "\(self.folder)/sluice.log" }

    private var logTail: String {
        guard let data = FileManager.default.contents(atPath: self.logFile), !data.isEmpty else { return "" }
        let lines = String(decoding: data.suffix(8_192), as: UTF8.self).split(separator: "\n").suffix(12)
        return "\nthe end of its log:\n  " + lines.joined(separator: "\n  ")
    }
}
