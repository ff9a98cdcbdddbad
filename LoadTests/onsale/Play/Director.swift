import EventLoop
import Foundation
import Glibc
import HTTPService
import Primitives
import Transport

/// Plays a whole run: starts what is to be tested, sends the crowd, disturbs it, ends it, and judges.
///
/// An actor whose executor is the event loop: what it touches is touched by the crowd's sockets too, on the same thread,
/// and between two steps of its script the loop does its work. Whatever stops the script, everything that it started is
/// ended by `cleanUp`.
actor Director {
    /// For programs to start, to answer, and to end, each.
    static let patienceSeconds = 40.0
    private static let lookNanoseconds = 20 * Nanoseconds.perMillisecond

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { self.loop.asUnownedSerialExecutor() }

    let options: PlayOptions
    let plan: SitePlan
    let descriptorLimit: Int
    /// Loops that play a part of the crowd beside this actor's own.
    let helpers: [EventLoop]
    /// Who plays the crowd, if not this process.
    let agentOptions: AgentTeam.Options?
    var team: AgentTeam?
    var printer = ProgressPrinter()
    let children: Children
    var folder: String?
    var redis: RoomRedis?
    /// The crowd that is being played.
    var player: CrowdPlayer?
    var status: SiteStatus?
    /// By whom the site's word of its workers is checked.
    var census: WorkerCensus?
    /// Of the pool behind the room, with those that start and drain: as told, and as seen right after that.
    var workers: (told: Int?, running: Int)?
    /// As last written.
    var limits: SitePlan.Limits
    /// The processes under test.
    var site: SiteProcesses?
    var faults: FaultPlayer?
    /// Faults that change limits, and have not come yet.
    var limitFaults: ArraySlice<TimedFault> = []
    /// When the sale opens, by Redis' clock.
    var openingAt = Date()
    /// The end of the process under test is what the script waits for.
    var mayEnd = false
    private var interruptedAt: Instant?
    /// What a report needs if the run is stopped.
    var soFar: RunSoFar?

    init(_ options: PlayOptions, on loop: EventLoop, helpers: [EventLoop] = [], agents: AgentTeam.Options? = nil) {
        self.options = options
        self.helpers = helpers
        self.agentOptions = agents
        var plan = options.plan ?? SitePlan(options.scenario)
        if let changes = options.faults.changes(from: plan.before) { plan.changes = changes }
        self.plan = plan
        self.limits = self.plan.before
        self.loop = loop
        self.descriptorLimit = Machine.raiseDescriptorLimit()
        self.children = Children(loop: loop)
    }

    /// Some process that this run started has not ended.
    var hasChildren: Bool { !self.children.isEmpty }

    /// Stopped by a signal; nothing is judged.
    struct Interrupted: Error {}

    /// Returns the exit code: that of the report, `notPlayed` when there is none, `interrupted` after a signal.
    func play() async -> Int32 {
        do {
            let report = try await self.perform()
            self.soFar = nil
            await self.cleanUp()
            // Said before it is written: a full disk takes the files, not the verdict.
            self.say(report)
            try self.write(report)
            return report.exitCode.rawValue
        } catch is Interrupted {
            self.printer.say("\nstopping what was started ...")
            self.leavePartialReport(RunReport.Partial.interrupted)
            await self.cleanUp()
            return Verdict.ExitCode.interrupted.rawValue
        } catch {
            self.leavePartialReport("\(error)")
            await self.cleanUp()
            printError("onsale: \(error)")
            return Verdict.ExitCode.notPlayed.rawValue
        }
    }

    /// Once: the script stops at its next step and cleans up. Twice: everything is killed at once.
    func interrupt() {
        let now = MonotonicClock.now()
        guard let first = self.interruptedAt else { return self.interruptedAt = now }
        guard now.nanoseconds(since: first) > Machine.signalEchoNanoseconds else { return }
        self.children.killAll()
        self.removeFolder()
        exit(Verdict.ExitCode.interrupted.rawValue)
    }

    // MARK: Time

    func sleep(nanoseconds: Int64) async {
        await withCheckedContinuation { continuation in
            self.loop.after(nanoseconds: nanoseconds) { continuation.resume() }
        }
    }

    /// Comes back when `condition` holds. Throws when it does not in time, and when the run cannot go on.
    func wait(_ what: String, seconds: Double = Director.patienceSeconds, until condition: () -> Bool) async throws {
        guard try await self.waits(seconds: seconds, until: condition) else {
            throw PlayProblem("\(what) did not happen within \(Format.decimal(seconds)) s\(self.logTail)")
        }
    }

    /// Comes back when `condition` holds, with true, or when the time is up.
    func waits(seconds: Double, until condition: () -> Bool) async throws -> Bool {
        let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(seconds * 1e9))
        while !condition() {
            try self.checkCourse()
            guard MonotonicClock.now() < deadline else { return false }
            await self.sleep(nanoseconds: Self.lookNanoseconds)
        }
        return true
    }

    func wait(until instant: Instant) async throws {
        let seconds = Double(instant.nanoseconds(since: MonotonicClock.now())) / 1e9
        _ = try await self.waits(seconds: seconds) { MonotonicClock.now() >= instant }
    }

    private func checkCourse() throws {
        if self.interruptedAt != nil { throw Interrupted() }
        if let end = self.site?.unexpectedEnd, !self.mayEnd {
            throw PlayProblem(end.words(log: self.logLines.last) + self.logTail)
        }
    }

    /// The last lines of the gateway's log, for an error message.
    var logTail: String {
        let lines = self.logLines
        return lines.isEmpty ? "" : "\nthe end of \(self.options.sluiceLog):\n  " + lines.joined(separator: "\n  ")
    }

    private var logLines: [String] {
        let data = FileManager.default.contents(atPath: self.options.sluiceLog) ?? Data()
        return String(decoding: data.suffix(8_192), as: UTF8.self).split(separator: "\n").suffix(12).map(String.init)
    }

    // MARK: End

    /// Ends what the run has started, whatever state it is in. What does not end when told is killed.
    private func cleanUp() async {
        self.mayEnd = true
        self.interruptedAt = nil
        if self.player != nil { self.player?.finish() }
        self.player = nil
        self.team?.end()
        self.team = nil
        self.redis?.close()
        self.redis = nil
        self.faults?.end()
        self.site?.endBegins()
        self.children.lookAround()
        self.children.signalAll(SIGTERM)
        let ended = try? await self.waits(seconds: Self.patienceSeconds) { self.children.isEmpty }
        if ended != true || !self.children.leftovers.isEmpty { self.children.killAll() }
        self.removeFolder()
    }

    private func removeFolder() {
        guard let folder = self.folder else { return }
        self.folder = nil
        if self.options.keepsFolder {
            self.printer.say("  the gateway's configuration and state are in \(folder)")
        } else {
            try? FileManager.default.removeItem(atPath: folder)
        }
    }
}

/// One line to standard error, for the person at the terminal.
func printError(_ text: String) {
    var line = text + "\n"
    line.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
}
