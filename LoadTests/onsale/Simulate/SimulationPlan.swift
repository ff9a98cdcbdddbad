import Foundation
import Primitives
import Settings
import SettingsFile
import Simulation

/// What is simulated: an operator's settings, or the generated site of `play`, with what `--set` puts in their place, and
/// the changes of the file on the way.
struct SimulationPlan: Sendable {
    /// Second 0 of every simulated run, on a clock that nobody has: any time does.
    static let startedMicros: Int64 = 1_795_000_000_000_000
    static let startedAt = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))

    var settings: Settings
    /// The file written anew, each at a time from the start of the run.
    var changes: [(seconds: Double, settings: Settings)] = []
    /// The visitors' room, and the pool behind it.
    let room: RoomSettings
    let pool: PoolSettings
    var facts: [RunReport.Fact]
    /// How long before the run the controller looked for the first time; nil: as usual.
    var controllerLeadNanoseconds: Int64?
    /// The crowd is more than the fewest workers can serve.
    private var needsMoreWorkers = false
    /// Visitors a second, in thousandths, that the workers carry for sure; nil: all that the limits allow.
    private var carriedMilli: Int64?
    /// Promises that these settings cannot be held to, each with the reason.
    private var leftOut: [Check.Name: String] = [:]

    /// The site that `play` makes for such a crowd.
    init(plan: SitePlan, scenario: Scenario, overrides: [SettingsOverride]) throws {
        // An inflow that is put in place of the plan's is not the plan's.
        if !overrides.contains(where: { $0.replaces("rooms.\(SitePlan.roomName).inflow") }) {
            try plan.checkInflow(for: scenario)
        }
        let opensAt = Date(timeIntervalSince1970: Double(Self.startedMicros) / 1e6 + scenario.curve.openingSeconds)
        func settings(_ limits: SitePlan.Limits) throws -> Settings {
            let text = try plan.yaml(limits, opensAt: opensAt)
            return try SettingsFile.decode(Array(text.utf8), path: "generated", overrides: overrides)
        }
        try self.init(settings(plan.before), room: SitePlan.roomName)
        self.changes = try plan.changes.map { ($0.seconds, try settings($0.limits)) }
        if !self.changes.isEmpty {
            let limits = self.changes.compactMap { $0.settings.room(named: self.room.name) }.map(self.limits)
            self.facts.append(RunReport.Fact(name: "after the changes", value: limits.joined(separator: "; ")))
        }
        // By what was put in place of the plan's; more than the plan's workers were made for is nobody's due.
        self.needsMoreWorkers = SitePlan.keepsMoreBusy(
            than: self.pool.workerBounds.lowerBound * self.pool.worker.slots,
            inflowMilli: self.steps.map(\.rateMilli).max() ?? 0,
            requestsPerVisitor: plan.requestsPerVisitor,
            serviceSeconds: Double(self.pool.worker.serviceTimeNanoseconds) / 1e9,
            utilization: self.pool.scaling.utilization
        )
        self.carriedMilli = plan.highestInflowMilli
        self.noteOverrides(overrides)
    }

    /// The operator's own file. A room with `opens_at` opens when the scenario says: second 0 is put so long before it.
    init(file: String, room: String?, scenario: Scenario, overrides: [SettingsOverride]) throws {
        var settings = try SettingsFile.load(file, opensPorts: false, overrides: overrides)
        let name = try room ?? Self.onlyRoom(settings, file)
        let opening = Self.startedMicros + Int64(scenario.curve.openingSeconds * 1e6)
        // What is planned by the clock is planned for that opening.
        if let told = settings.room(named: name)?.opensAtMicros {
            for pool in settings.pools.indices {
                for index in settings.pools[pool].scaling.prewarm.indices {
                    settings.pools[pool].scaling.prewarm[index].fromMicros += opening - told
                }
            }
        }
        for index in settings.rooms.indices where settings.rooms[index].opensAtMicros != nil {
            settings.rooms[index].opensAtMicros = opening
        }
        try self.init(settings, room: name)
        self.takeWhatIsDue(scenario)
        self.noteOverrides(overrides)
    }

    /// As for a file that is played: what its workers cannot carry is no shortfall of the room.
    private mutating func takeWhatIsDue(_ scenario: Scenario) {
        let due = PoolCapacity(self.pool, scenario).due(
            ofInflowMilli: self.room.inflowMilli,
            fewestWorkers: self.pool.workerBounds.lowerBound
        )
        self.carriedMilli = due?.milli
        if self.room.opensAtMicros == nil { self.leftOut[.opening] = SitePlan.hasNoOpening }
        self.facts += SitePlan.told(leftOut: self.leftOut, notes: due.map { [$0.note] } ?? [])
    }

    private static func onlyRoom(_ settings: Settings, _ file: String) throws -> String {
        let names = settings.rooms.map(\.name).filter { name in settings.routes.contains { $0.room == name } }
        guard names.count == 1 else {
            let which = names.isEmpty ? "no room that guards a route" : "rooms \(names.joined(separator: ", "))"
            throw PlayProblem("\(file) has \(which); say by --room to which one the crowd comes")
        }
        return names[0]
    }

    private init(_ settings: Settings, room name: String) throws {
        guard let room = settings.room(named: name) else {
            let known = settings.rooms.map(\.name).joined(separator: ", ")
            throw PlayProblem("--room: there is no room \(name); there are: \(known.isEmpty ? "none" : known)")
        }
        guard let route = settings.routes.first(where: { $0.room == name }),
            let pool = settings.pool(named: route.pool)
        else { throw PlayProblem("--room: no route goes through room \(name), so nobody comes to it") }
        guard room.inflowMilli > 0 else {
            throw PlayProblem(
                "rooms.\(name).inflow is 0/s, which lets nobody in: give it the rate of the sale with "
                    + "--set rooms.\(name).inflow=100/s"
            )
        }
        self.settings = settings
        self.room = room
        self.pool = pool
        self.facts = Self.facts(room, pool)
    }

    /// As they are after a change, in words.
    private func limits(_ room: RoomSettings) -> String {
        let slots = room.slots == self.room.slots ? "" : ", slots \(Format.count(Int(room.slots)))"
        return Self.inflow(room) + slots
    }

    private static func inflow(_ room: RoomSettings) -> String {
        "\(SandboxedFile.rate(room.inflowMilli)), burst \(room.burst)"
    }

    private static func facts(_ room: RoomSettings, _ pool: PoolSettings) -> [RunReport.Fact] {
        [
            ("room", "\(room.name), in front of pool \(pool.name)"),
            ("inflow", Self.inflow(room)),
            ("slots", Format.count(Int(room.slots))),
            ("session length", Format.duration(micros: room.sessionMicros)),
            ("workers", "\(pool.workerBounds.lowerBound) to \(pool.workerBounds.upperBound)"),
            ("slots of a worker", "\(pool.worker.slots), queue \(pool.worker.queue)"),
            (
                "time of service",
                "\(Format.duration(nanoseconds: pool.worker.serviceTimeNanoseconds)), spread \(pool.worker.spread)"
            ),
            ("start of a worker", Format.duration(nanoseconds: pool.worker.startTimeNanoseconds)),
            ("aimed utilization", Format.percent(pool.scaling.utilization)),
        ].map { RunReport.Fact(name: $0.0, value: $0.1) }
    }

    private mutating func noteOverrides(_ overrides: [SettingsOverride]) {
        self.facts += overrides.map { RunReport.Fact(name: "set for this run", value: "\($0.path): \($0.value)") }
    }

    /// Throws where `play` would refuse the crowd for the room's slots. Not asked by a search, which may find more.
    func checkSlots(for scenario: Scenario) throws(PlayProblem) {
        let problem = self.room.tooFewSlots(for: scenario, hasOpening: self.room.opensAtMicros != nil)
        if let problem { throw PlayProblem(problem) }
    }

    // MARK: A run

    /// One run of the crowd by these settings.
    func play(_ crowd: Crowd, isCounted: Bool = false) -> SimulatedRun {
        let seed = crowd.scenario.seed
        guard
            var site = SimulatedSite(
                self.settings,
                room: self.room.name,
                startedAt: Self.startedAt,
                startedMicros: Self.startedMicros,
                seed: seed,
                gatherNanoseconds: isCounted || SimulatedCrowd.mustCount(crowd)
                    ? SimulatedCrowd.countedGatherNanoseconds : SimulatedSite.callNanoseconds,
                controllerLeadNanoseconds: self.controllerLeadNanoseconds
            )
        else { preconditionFailure("the room and its pool were looked up before") }
        for change in self.changes { site.schedule(change.settings, writtenAt: Self.instant(change.seconds)) }
        var run = SimulatedCrowd(
            crowd,
            site: site,
            startedAt: Self.startedAt,
            isOpenFromStart: self.room.opensAtMicros == nil,
            isCounted: isCounted
        )
        run.inflowPerSecond = self.steps.map { (Self.instant(Double($0.micros) / 1e6), Double($0.rateMilli) / 1000) }
        run.play(restSeconds: self.restSeconds)
        var evidence = run.evidence(startedMicros: Self.startedMicros)
        evidence.schedule = self.schedule(crowd.scenario.objectives)
        evidence.sessionMicros = self.room.sessionMicros
        let bounds = self.pool.workerBounds
        evidence.workerBounds = .init(fewest: bounds.lowerBound, most: bounds.upperBound)
        // That workers grow is promised of the generated site, whose crowd is too large for one; an operator's may not be.
        evidence.needsMoreWorkers = self.needsMoreWorkers
        evidence.leftOut = Set(self.leftOut.keys)
        return SimulatedRun(
            seed: seed,
            evidence: evidence,
            lastLetInSeconds: run.lastLetInAt.map { Double($0.nanoseconds(since: Self.startedAt)) / 1e9 },
            mostWorkers: run.mostWorkers,
            workerSeconds: Double(run.site.workerNanoseconds) / 1e9
        )
    }

    private static func instant(_ seconds: Double) -> Instant {
        self.startedAt.advanced(byNanoseconds: Int64(seconds * 1e9))
    }

    /// So long after the last have gone the workers must be back to the fewest.
    private var restSeconds: Double {
        let down = self.pool.scaling.scaleDownAfterNanoseconds + self.pool.drainTimeoutNanoseconds
        return Director.patienceSeconds + Double(down) / 1e9
    }

    private var steps: [LimitStep] {
        func step(_ seconds: Double, _ settings: Settings) -> LimitStep? {
            guard let room = settings.room(named: self.room.name) else { return nil }
            return LimitStep(
                micros: Int64(seconds * 1e6),
                rateMilli: room.inflowMilli,
                burst: room.burst,
                slots: room.slots
            )
        }
        return ([(0, self.settings)] + self.changes).compactMap { step($0.0, $0.1) }
    }

    private func schedule(_ objectives: Objectives) -> LimitSchedule {
        LimitSchedule(
            written: self.steps,
            openingMicros: self.room.opensAtMicros.map { max(0, $0 - Self.startedMicros) },
            workerStartSeconds: (self.pool.worker.startTimeNanoseconds + Nanoseconds.perSecond - 1)
                / Nanoseconds.perSecond,
            fewestWorkers: self.pool.minWorkers,
            carriedMilli: self.carriedMilli,
            objectives: objectives
        )
    }
}
