import EventLoop
import Foundation
import Glibc
import HTTPService
import Primitives
import Transport

/// The crowd through the gateway.
extension Director {
    private static let statusTimeoutNanoseconds = 2 * Nanoseconds.perSecond
    /// Between the last preparation and the first second of the run.
    private static let leadNanoseconds = 2 * Nanoseconds.perSecond
    /// Beyond its planned length a run is cut off.
    private static let graceSeconds = 20.0

    /// Leaves everything behind that the judge needs; the gateway has ended.
    func playThroughGateway(_ crowd: Crowd) async throws -> Evidence {
        try await self.startSluice()
        try await self.gatherAgents(crowd)
        let startedAt = try await self.announceOpening()
        let player = try self.sendCrowd(crowd, startedAt: startedAt)
        self.startFaults(player)
        let writtenMicros = try await self.disturb(player)

        let scenario = crowd.scenario
        let end = startedAt.advanced(byNanoseconds: Int64((scenario.durationSeconds + Self.graceSeconds) * 1e9))
        _ = try await self.waits(seconds: Double(end.nanoseconds(since: MonotonicClock.now())) / 1e9) {
            player.isEverybodyGone
        }
        player.stopVisitors()
        // When they do not come back, the verdict says so.
        let restSeconds =
            Self.patienceSeconds + Double(min(self.plan.scaleDownAfterSeconds, Rehearsal.mostScaleDownSeconds))
        _ = try await self.waits(seconds: restSeconds) { self.plan.leftOut[.workers] != nil || self.isAtRest }
        self.faults?.end()
        try await self.closeBooks(player)
        self.crowdIsOver(player)
        self.printer.paint(self.progress(player), isLast: true)

        var evidence = Evidence(startedMicros: try self.micros(at: startedAt), timeline: player.timeline)
        evidence.books = player.books
        self.noteAgents(in: &evidence)
        evidence.schedule = self.plan.schedule(
            openingMicros: player.rules.openingAt.nanoseconds(since: startedAt) / 1_000,
            writtenMicros: writtenMicros,
            objectives: scenario.objectives
        )
        evidence.sessionMicros = Int64(self.plan.sessionSeconds) * 1_000_000
        evidence.workerBounds = .init(fewest: self.plan.fewestWorkers, most: self.plan.mostWorkers)
        evidence.needsMoreWorkers = self.plan.needsMoreWorkers
        evidence.leftOut = Set(self.plan.leftOut.keys)
        try await self.readBooks(into: &evidence)
        evidence.ending = try await self.endSluice()
        return evidence
    }

    // MARK: Start

    private func startSluice() async throws {
        let folder = try Machine.makeTemporaryFolder()
        self.folder = folder
        if !self.options.keepsFolder { self.children.folder = folder }
        let site = SiteProcesses(
            sluice: self.options.sluice,
            folder: folder,
            log: self.options.sluiceLog,
            isApart: self.options.faults.needsParts,
            listen: self.agentOptions?.advertised ?? SiteProcesses.anyPort,
            children: self.children
        )
        self.site = site
        self.census = WorkerCensus(of: self.children.mark, pool: self.plan.pool)
        try self.startParts(site)
        try await self.wait("the gateway's word that it listens") {
            site.isListening(site.gatewayPart) && site.isListening(site.controllerPart)
        }
        try await self.waitForHealth()
        let redis = try RoomRedis(stateFolder: "\(folder)/state", room: self.plan.room, on: self.loop)
        self.redis = redis
        redis.start()
        try await self.wait("a connection to the gateway's Redis") { redis.isConnected }
        try await self.readClock(redis)
        let seconds = Self.patienceSeconds + Double(self.plan.startSeconds)
        try await self.waitForStatus("the first workers", seconds: seconds) { status in
            status.pool(named: self.plan.pool).map { $0.ready >= self.plan.fewestWorkers } ?? false
        }
        self.children.lookAround()
    }

    private func waitForHealth() async throws {
        let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(Self.patienceSeconds * 1e9))
        while true {
            let answer = await self.ask(self.site?.gatewayPart, "/healthz")
            let other = await self.ask(self.site?.controllerPart, "/healthz")
            if case (.success(let one), .success(let two)) = (answer, other), one.status == 200, two.status == 200 {
                return
            }
            guard MonotonicClock.now() < deadline else {
                throw PlayProblem("the gateway is not healthy: \(answer)\(self.logTail)")
            }
            _ = try await self.waits(seconds: 0.05) { false }
        }
    }

    private func readClock(_ redis: RoomRedis) async throws {
        let problem = await withCheckedContinuation { continuation in
            redis.readClock { continuation.resume(returning: $0) }
        }
        if let problem { throw problem }
    }

    func micros(at instant: Instant) throws -> Int64 {
        guard let redis = self.redis else { throw PlayProblem("Redis is not at hand") }
        return redis.micros(at: instant)
    }

    // MARK: The configuration

    /// As an editor does it: the new file whole beside the old one, then renamed over it. Returns the moment of the last.
    @discardableResult
    func writeConfiguration(_ limits: SitePlan.Limits, opensAt: Date) throws -> Instant {
        guard let site = self.site else { throw PlayProblem("there is no site to write a configuration for") }
        var now = MonotonicClock.now()
        for part in site.configured {
            let path = site.path(of: part)
            let draft = path + ".new"
            do {
                let text = try self.plan.yaml(
                    limits,
                    opensAt: opensAt,
                    listen: site.listen(part),
                    redis: site.redisAddress
                )
                try Data(text.utf8).write(to: URL(fileURLWithPath: draft))
            } catch {
                throw PlayProblem("\(draft) could not be written: \(error.plainReason)")
            }
            now = MonotonicClock.now()
            guard rename(draft, path) == 0 else {
                throw PlayProblem("\(draft) could not be renamed: \(String(cString: strerror(errno)))")
            }
        }
        self.limits = limits
        return now
    }

    /// Puts the opening where the run needs it, and waits until the gateway has heard of it. Returns the run's start.
    private func announceOpening() async throws -> Instant {
        let startedAt = MonotonicClock.now().advanced(byNanoseconds: Self.leadNanoseconds)
        self.openingAt = try self.date(at: startedAt, plusSeconds: self.options.scenario.curve.openingSeconds)
        let applied = self.status?.reloadsApplied ?? 0
        try self.writeConfiguration(self.plan.before, opensAt: self.openingAt)
        try await self.waitForStatus("the gateway's taking over of the opening time") { $0.reloadsApplied > applied }
        guard MonotonicClock.now() < startedAt else {
            throw PlayProblem(
                "the gateway took more than \(Self.leadNanoseconds / Nanoseconds.perSecond) s to read its "
                    + "configuration again\(self.logTail)"
            )
        }
        return startedAt
    }

    private func date(at instant: Instant, plusSeconds seconds: Double) throws -> Date {
        Date(timeIntervalSince1970: Double(try self.micros(at: instant)) / 1e6 + seconds)
    }

    /// Changes the limits and tries tokens that are no good, each when the plan says so. Returns when the changes were
    /// written, from the start of the run.
    private func disturb(_ player: CrowdPlayer) async throws -> [Int64] {
        var changes = self.plan.changes[...]
        var probes = self.plan.probeSeconds[...]
        var writtenMicros: [Int64] = []
        while let next = [changes.first?.seconds, probes.first].compactMap(\.self).min() {
            try await self.wait(until: player.startedAt.advanced(byNanoseconds: Int64(next * 1e9)))
            if let change = changes.first, change.seconds <= next {
                changes.removeFirst()
                let written = try self.writeConfiguration(change.limits, opensAt: self.openingAt)
                writtenMicros.append(written.nanoseconds(since: player.startedAt) / 1_000)
                self.tellChangedLimits()
                self.children.lookAround()
            } else {
                probes.removeFirst()
                player.sendProbes()
            }
        }
        return writtenMicros
    }

    // MARK: The crowd

    private func sendCrowd(_ crowd: Crowd, startedAt: Instant) throws -> CrowdPlayer {
        guard let site = self.site, let gateway = site.address(of: site.gatewayPart) else {
            throw PlayProblem("the gateway told no address")
        }
        let target = Target([gateway], route: self.plan.route, binding: self.plan.binding)
        let player =
            self.team.map { CrowdPlayer(crowd, target: target, startedAt: startedAt, team: $0, on: self.loop) }
            ?? CrowdPlayer(
                crowd,
                target: target,
                startedAt: startedAt,
                hasRoom: true,
                room: RoomTraits(
                    name: self.plan.room,
                    isOpenFromStart: !self.plan.hasOpening,
                    probeKinds: self.plan.probeKinds,
                    // Sessions that ran out while gateways or Redis were away are taken up again.
                    sessionNanoseconds: self.options.faults.needsParts
                        ? nil : Int64(self.plan.sessionSeconds) * Nanoseconds.perSecond
                ),
                excuses: Excuses(self.options.faults),
                descriptorLimit: self.descriptorLimit,
                on: self.loop,
                helpers: self.helpers
            )
        player.fillGauges = { self.fill(&$0) }
        self.player = player
        player.start()
        Task { await self.watch() }
        Task { await self.show() }
        return player
    }

    /// Nothing is shown of the crowd any more, and nobody has judged it yet.
    func crowdIsOver(_ player: CrowdPlayer) {
        self.soFar?.played = player
        self.player = nil
    }

    private func fill(_ gauges: inout Gauges) {
        gauges.limitPerSecond = Double(self.limits.inflowMilli) / 1000
        let room = self.status?.room(named: self.plan.room)
        gauges.effectiveLimitPerSecond = room?.rateMilli.map { Double($0) / 1000 }
        let pool = self.status?.pool(named: self.plan.pool)
        gauges.workersReady = pool?.ready
        gauges.workersDesired = pool?.desired
        gauges.workersTold = self.workers?.told
        gauges.workersRunning = self.workers?.running
    }

    /// Asks for the status shortly before each second ends, so that the second's gauges are fresh.
    private func watch() async {
        guard let player = self.player else { return }
        var next = player.startedAt.advanced(byNanoseconds: 850 * Nanoseconds.perMillisecond)
        while self.player === player {
            let former = self.status?.pools
            let status = try? await self.readStatus()
            if let running = self.census?.count() {
                self.workers = (told: status?.pool(named: self.plan.pool)?.processes, running: running)
            }
            if let status { self.status = status }
            if self.status?.pools != former { self.children.lookAround() }
            let now = MonotonicClock.now()
            while next <= now { next = next.advanced(byNanoseconds: Nanoseconds.perSecond) }
            await self.sleep(nanoseconds: next.nanoseconds(since: now))
        }
    }

    /// Shows the crowd that is being played, for as long as it is.
    func show() async {
        guard let player = self.player else { return }
        while self.player === player {
            self.printer.paint(self.progress(player))
            await self.sleep(nanoseconds: ProgressView.redrawNanoseconds)
        }
    }

    func progress(_ player: CrowdPlayer) -> ProgressState {
        ProgressState(
            label: player.rules.hasRoom ? "through Sluice" : "direct",
            scenario: player.crowd.scenario,
            elapsedSeconds: max(0, Double(MonotonicClock.now().nanoseconds(since: player.startedAt)) / 1e9),
            timeline: player.timeline,
            gauges: player.gauges
        )
    }

    // MARK: What the gateway says

    func ask(_ part: SiteProcesses.Part?, _ path: String) async -> Result<ProbeResponse, ProbeError> {
        guard let part, let address = self.site?.admin(of: part) else {
            return .failure(.malformed(.loopback(port: 0), "no address"))
        }
        return await withCheckedContinuation { continuation in
            HTTPProbe.get(
                address: address,
                path: path,
                on: self.loop,
                timeoutNanoseconds: Self.statusTimeoutNanoseconds
            ) { continuation.resume(returning: $0) }
        }
    }

    private func readStatus() async throws -> SiteStatus {
        let answer = try await self.ask(self.site?.gatewayPart, "/status").get()
        guard answer.status == 200 else { throw PlayProblem("/status answers with \(answer.status)") }
        var status = try SiteStatus(json: answer.body)
        guard let site = self.site, site.isApart else { return status }
        // Nobody knows of the workers while there is no controller.
        let other = try? await self.ask(site.controllerPart, "/status").get()
        status.pools = try other.map { try SiteStatus(json: $0.body).pools } ?? []
        return status
    }

    private func waitForStatus(
        _ what: String,
        seconds: Double = Director.patienceSeconds,
        until condition: (SiteStatus) -> Bool
    ) async throws {
        let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(seconds * 1e9))
        while true {
            let status = try await self.readStatus()
            self.status = status
            if condition(status) { return }
            guard MonotonicClock.now() < deadline else {
                throw PlayProblem(
                    "\(what) did not come within \(Format.decimal(seconds)) s\(self.logTail)"
                )
            }
            _ = try await self.waits(seconds: 0.05) { false }
        }
    }

    /// As few workers as may be, and none on its way in or out, as the site tells and as the tool sees.
    private var isAtRest: Bool {
        guard let pool = self.status?.pool(named: self.plan.pool) else { return false }
        return pool.ready == self.plan.fewestWorkers && pool.pending == 0 && pool.draining == 0
            && self.workers?.running == self.plan.fewestWorkers
    }

    // MARK: End

    private func readBooks(into evidence: inout Evidence) async throws {
        guard let redis = self.redis else { throw PlayProblem("Redis is not at hand") }
        try await self.wait("a connection to the gateway's Redis") { redis.isConnected }
        let journal = await withCheckedContinuation { continuation in
            redis.readJournal { continuation.resume(returning: $0) }
        }
        evidence.journal = try journal.get()
        evidence.roomCount = await withCheckedContinuation { continuation in
            redis.readAdmitted { continuation.resume(returning: .init(answer: $0)) }
        }
        redis.close()
        self.redis = nil
    }

    private func endSluice() async throws -> Evidence.Ending {
        guard let site = self.site else { throw PlayProblem("there is no site to end") }
        self.children.lookAround()
        self.mayEnd = true
        site.endBegins()
        let toldAt = MonotonicClock.now()
        for parts in SiteProcesses.endOrder {
            for part in parts { site.child(part)?.signal(SIGTERM) }
            _ = try await self.waits(seconds: Self.patienceSeconds) { site.isOver(parts) }
        }
        let took = MonotonicClock.now().nanoseconds(since: toldAt)
        _ = try await self.waits(seconds: 1) { self.children.leftovers.isEmpty }
        let ending = site.ending
        return Evidence.Ending(
            status: ending.words,
            isClean: ending.isClean,
            nanoseconds: took,
            leftProcesses: self.children.leftovers.count
        )
    }
}
