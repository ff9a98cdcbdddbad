import Primitives
import Testing

@testable import onsale

/// What a fault excuses, for how long, and that everything else is judged as ever.
@Suite struct ExcusesTests {
    /// One for each row of the table.
    static let actions: [TimedFault.Action] =
        TimedFault.Victim.allCases.flatMap { victim -> [TimedFault.Action] in
            [
                .kill(victim, downSeconds: victim == .worker ? 0 : 2), .stop(victim, seconds: 2),
                .slow(victim, seconds: 2),
            ]
        } + [
            .errors(permille: 100, seconds: 2), .limits(inflowMilli: 5_000, burst: nil, slots: nil), .reload,
            .joinGateway,
        ]

    static let never: Set<Check.Name> = [
        .order, .positions, .numbers, .placeKept, .letInOnce, .opening, .pace, .slots, .passes, .identity, .blame,
        .pages, .books, .workers, .ending, .tool,
    ]

    /// Promises about single answers: something is wrong with each in the second of the trouble.
    static let answers: Set<Check.Name> = [
        .serverErrors, .otherErrors, .accounted, .latency, .lineLatency, .doorLatency,
    ]

    static func excuses(_ action: TimedFault.Action, at seconds: Double) throws -> Excuses {
        Excuses(try FaultSchedule([TimedFault(seconds: seconds, action: action)], durationSeconds: 1_000))
    }

    /// A good run of 100 s, and one second in which everything goes wrong that can go wrong with an answer.
    static func evidence(_ excuses: Excuses, troubleAt second: Int) -> Evidence {
        var evidence = JudgeTests.goodEvidence()
        var timeline = Timeline(excuses: excuses)
        let start = JudgeTests.start
        for index in 0..<100 {
            var tally = Tally()
            tally.wasLate(nanoseconds: 1_000_000)
            let isTrouble = index == second
            let now = start.advanced(byNanoseconds: isTrouble ? 20_000_000_000 : 40_000_000)
            for heard in [VisitorMachine.Heard.waitingPage, .exchange, .inside] {
                for _ in 0..<(isTrouble ? 200 : 10) { tally.heard(heard, due: start, sentAt: start, now: now) }
            }
            if isTrouble {
                tally.heard(.error(.gatewayError), due: start, sentAt: start, now: now)
                tally.heard(.error(.broken), due: start, sentAt: start, now: now)
                tally.arrived()
                tally.left(
                    .failed,
                    machine: VisitorMachine(VisitorMachineTests.visitor(), startedAt: start),
                    keepsPlace: true
                )
            }
            timeline.append(tally, Self.gauges(index))
        }
        evidence.timeline = timeline
        return evidence
    }

    static func broken(_ evidence: Evidence) -> Set<Check.Name> {
        Set(Judge(objectives: Objectives(), evidence: evidence).verdict().broken.map(\.name))
    }

    @Test(arguments: Self.actions)
    func row_excusesItsPromisesInItsTime_andNothingElse(action: TimedFault.Action) throws {
        let row = Excuses.row(of: action)
        let promises = row?.promises ?? []
        #expect(promises.isDisjoint(with: Self.never))
        let excuses = try Self.excuses(action, at: 40)
        let end = TimedFault(seconds: 40, action: action).endSeconds + (row?.afterSeconds ?? 0)
        // In it, at its very end, and just outside of it on both sides.
        for (second, isExcused) in [(41, true), (Int(end), true), (Int(end) + 1, false), (37, false)] {
            let expected = isExcused ? Self.answers.subtracting(promises) : Self.answers
            #expect(Self.broken(Self.evidence(excuses, troubleAt: second)) == expected, "second \(second)")
        }
    }

    /// What a person is told before the run is what the verdict says after it.
    @Test func promises_areToldByTheirTitles() throws {
        var titles: [Check.Name: [String]] = [:]
        let scenario = Scenario(visitors: 300, durationSeconds: 20, seed: 5)
        let checks =
            JudgeTests.verdict { _ in }.checks + (try SampleReport.make(scenario, withDirect: false)).verdict.checks
        for check in checks { titles[check.name, default: []].append(check.title) }
        for name in Set(Self.actions.flatMap { Excuses.row(of: $0)?.promises ?? [] }).union(Self.never) {
            let own = titles[name] ?? []
            #expect(own.contains { $0.hasPrefix(name.words) }, "\(name.words): \(own)")
            #expect(name.words != name.rawValue && name.words.contains(" "))
        }
        #expect(Set(Check.Name.allCases.map(\.words)).count == Check.Name.allCases.count)
    }

    private static func played(_ fault: Fault, _ excuses: Excuses) throws -> Evidence {
        let scenario = FaultWallTests.scenario
        let plan = FaultWallTests.plan(scenario, tightSlots: false)
        var sale = try ProxiedSale(try Crowd(scenario), plan: plan, fault: fault, excuses: excuses)
        sale.play()
        return sale.evidence
    }

    private static let unexcused = Result { try Self.played(.stalledForTen, .none) }

    /// Ten seconds in which nobody is let in, from 28 to 38: the rate is not used, who is called stands at the door, and
    /// the waits that were told before do not come. One fault of such a length for each victim, and one that does no harm.
    @Test(arguments: TimedFault.Victim.allCases.map { TimedFault.Action.stop($0, seconds: 10) } + [.reload])
    func row_excusesAStall_whereTheFaultMayCauseOne(action: TimedFault.Action) throws {
        let names: Set<Check.Name> = [.shortfall, .doorLatency, .estimates]
        #expect(Self.broken(try Self.unexcused.get()) == names)
        let isExcused = action != .reload
        #expect((Excuses.row(of: action)?.promises.isSuperset(of: names) ?? false) == isExcused)
        // From the last second before the stall until the line goes on.
        let excuses = try Self.excuses(action, at: 28)
        let evidence = try Self.played(.stalledForTen, excuses)
        let search = { (spans: [ClosedRange<Int64>]) in
            EstimateScore(evidence.books?.looks.all ?? [], changes: [], excused: spans).first.worst?.share
        }
        let verdict = Judge(objectives: FaultWallTests.scenario.objectives, evidence: evidence).verdict()
        let failed = Set(verdict.checks.filter { $0.outcome == .failed }.map(\.name))
        #expect(failed.isDisjoint(with: names) == isExcused, "\(FaultWallTests.words(verdict))")
        // Of all other seconds it is judged as ever: an excuse that covered them all would leave nothing to judge by.
        let door = Set(verdict.checks.filter { $0.name == .doorLatency }.map(\.outcome))
        #expect(isExcused ? door == [.passed] : door.contains(.failed), "\(door)")
        #expect(search(excuses.spans(of: .estimates)) != search([]) || !isExcused)
    }

    /// Workers fail some pages from 30 to 50 s, first pages too: with the fault that does it nothing is broken, whose page
    /// it is and who made the error included; with one at another time, what they did.
    @Test(arguments: [(30, []), (60, [.serverErrors])] as [(Double, Set<Check.Name>)])
    func errorsOfWorkers_areExcusedWhileTheFaultLasts(seconds: Double, broken: Set<Check.Name>) throws {
        let evidence = try Self.played(.workerErrors, try Self.excuses(.errors(permille: 50, seconds: 20), at: seconds))
        #expect(evidence.timeline.total.counts.errors[.workerError] > 10)
        let verdict = Judge(objectives: FaultWallTests.scenario.objectives, evidence: evidence).verdict()
        let failed = Set(verdict.checks.filter { $0.outcome == .failed }.map(\.name))
        #expect(failed == broken, "\(FaultWallTests.words(verdict))")
        let judged = FaultWallTests.judged(verdict)
        #expect(judged.isSuperset(of: [.order, .placeKept, .letInOnce, .pace, .identity, .blame, .books]))
    }

    /// What nobody has signed, and what another visitor was given, is wrong at any time.
    @Test func unsignedErrorsAndForeignPages_areNeverExcused() throws {
        for action in Self.actions {
            var evidence = Self.evidence(try Self.excuses(action, at: 40), troubleAt: -1)
            var tally = Tally()
            let start = JudgeTests.start
            for _ in 0..<10 { tally.heard(.inside, due: start, sentAt: start, now: start) }
            tally.heard(.error(.unsignedError), due: start, sentAt: start, now: start)
            tally.heard(.error(.foreignPage), due: start, sentAt: start, now: start)
            var timeline = Timeline(excuses: evidence.timeline.excuses)
            for second in 0..<100 { timeline.append(second == 41 ? tally : Self.quiet(second), Self.gauges(second)) }
            evidence.timeline = timeline
            #expect(Self.broken(evidence).isSuperset(of: [.serverErrors, .blame, .identity]))
        }
    }

    private static func quiet(_ second: Int) -> Tally {
        var tally = Tally()
        tally.wasLate(nanoseconds: 1_000_000)
        let start = JudgeTests.start
        tally.heard(.inside, due: start, sentAt: start, now: start)
        return tally
    }

    private static func gauges(_ second: Int) -> Gauges { .withWorkers(second == 50 ? 3 : 1) }

    @Test func promises_thatASiteCannotBeHeldTo_areLeftOut() {
        let names = Set(JudgeTests.verdict { $0.leftOut = [.opening, .workers] }.checks.map(\.name))
        #expect(!names.contains(.opening) && !names.contains(.workers) && names.contains(.order))
    }

    /// After numbers were skipped, those behind the gap have people in front of them only.
    @Test func positions_behindSkippedNumbers_areNotHeldAgainstThoseBefore() {
        func look(_ number: UInt32, _ position: UInt32, _ seconds: Double) -> Look {
            let micros = Int64(seconds * 1e6)
            return Look(
                visitor: number,
                number: number,
                position: position,
                kind: .waiting,
                sentMicros: micros,
                answeredMicros: micros + 1_000
            )
        }
        let looks = [look(10, 8, 1), look(7_000, 20, 2), look(12, 9, 4), look(7_001, 19, 5), look(7_002, 30, 6)]
        #expect(PositionSearch(looks, slackMicros: 250_000).misfits.map(\.number) == [12, 7_002])
        #expect(PositionSearch(looks, slackMicros: 250_000, gap: 500).misfits.map(\.number) == [7_002])
    }

    /// The page of somebody who had the turn comes late from a worker that stands still: others were not let in before.
    @Test func order_isOfTurns_notOfPagesThatAWorkerHoldsUp() throws {
        func look(_ number: UInt32, _ sent: Int64, _ answered: Int64) -> Look {
            Look(
                visitor: number,
                number: number,
                position: 0,
                kind: .letIn,
                sentMicros: sent * 1_000_000,
                answeredMicros: answered * 1_000_000
            )
        }
        let looks = [look(1, 1, 2), look(3, 12, 13), look(4, 13, 14), look(2, 10, 15)]
        func overtaken(_ fault: String) throws -> [Int64] {
            let excuses = Excuses(try TimedFaultTests.schedule([fault]))
            let way = AnswerWay(looks, usualMicros: 500_000, heldUp: excuses.heldUp)
            return OvertakingSearch(looks, visits: [], slackMicros: 250_000, way).overtakings.map(\.number)
        }
        #expect(try overtaken("10s stop worker for 4s") == [])
        #expect(try overtaken("10s stop controller for 4s") == [2] && overtaken("60s stop worker") == [2])
    }

    @Test func workers_thatCarryLessThanTheLimit_leaveNoMoreDue() {
        var schedule = PaceTests.schedule([PaceTests.step(0, 10), PaceTests.step(30, 20)])
        schedule.carriedMilli = 15_000
        #expect([9.0, 20, 40].map { PaceTests.rate(schedule.leastDue, at: $0) } == [0, 10, 15])
        #expect(PaceTests.rate(schedule.mostAllowed, at: 40) == 20)
    }
}
