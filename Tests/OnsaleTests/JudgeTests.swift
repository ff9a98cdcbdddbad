import Primitives
import Testing

@testable import onsale

@Suite struct JudgeTests {
    static let start = Instant(nanoseconds: 5_000_000_000)

    static func at(_ seconds: Double) -> Instant { Self.start.advanced(byNanoseconds: Int64(seconds * 1e9)) }

    /// A hundred visitors who wait, get in one after the other from second 10 on, and leave by the exit page.
    static func goodBooks() -> VisitBooks {
        var books = VisitBooks(visitors: 100, startedAt: Self.start, openingAt: Self.at(10))
        func heard(_ heard: VisitorMachine.Heard, _ index: Int, _ seconds: Double, _ response: Response?, exit: Bool) {
            books.heard(
                heard,
                of: index,
                isExit: exit,
                response: response,
                sentAt: Self.at(seconds),
                now: Self.at(seconds + 0.04)
            )
        }
        for index in 0..<100 {
            var page = WaitingPage(number: Int64(index + 1), refreshSeconds: 2, opensInSeconds: 5)
            page.position = Int64(index + 1)
            var response = Response(status: 200, standing: .waiting, page: page)
            response.retryAfterSeconds = 2
            heard(.waitingPage, index, 5, response, exit: false)
        }
        for index in 0..<100 { heard(.exchange, index, 10 + Double(index) / 10, nil, exit: false) }
        for index in 0..<100 { heard(.inside, index, 20 + Double(index) / 10, nil, exit: true) }
        return books
    }

    /// A small run in which every promise holds.
    static func goodEvidence() -> Evidence {
        var timeline = Timeline()
        for second in 0..<10 {
            var tally = Tally()
            for _ in 0..<10 {
                tally.arrived()
                tally.connected()
                tally.sent()
                tally.wasLate(nanoseconds: 1_000_000)
                let now = Self.start.advanced(byNanoseconds: 40_000_000)
                tally.heard(.waitingPage, due: Self.start, sentAt: Self.start, now: now)
                tally.heard(.exchange, due: Self.start, sentAt: Self.start, now: now)
                tally.heard(.inside, due: Self.start, sentAt: Self.start, now: now)
                tally.left(
                    .served,
                    machine: VisitorMachine(VisitorMachineTests.visitor(), startedAt: Self.start),
                    keepsPlace: true
                )
            }
            timeline.append(tally, .withWorkers([1, 1, 3, 4, 4, 4, 3, 2, 1, 1][second]))
        }
        var evidence = Evidence(startedMicros: 1_000_000_000, timeline: timeline)
        evidence.books = Self.goodBooks()
        evidence.schedule = LimitSchedule(
            written: [LimitStep(micros: 0, rateMilli: 10_000, burst: 5, slots: 104)],
            openingMicros: 10_000_000,
            reloadMicros: 1_000_000,
            startMicros: 4_000_000
        )
        evidence.sessionMicros = 20_000_000
        evidence.journal = AdmissionJournal(
            exchanges: (0..<100).map {
                .init(micros: 1_010_000_000 + Int64($0) * 100_000, number: Int64($0 + 1), doorWaitMicros: 0)
            }
        )
        evidence.workerBounds = .init(fewest: 1, most: 4)
        evidence.roomCount = .told(100)
        evidence.ending = .init(status: "exit code 0", isClean: true, nanoseconds: 90_000_000, leftProcesses: 0)
        return evidence
    }

    static func verdict(_ change: (inout Evidence) -> Void) -> Verdict {
        var evidence = Self.goodEvidence()
        change(&evidence)
        return Judge(objectives: Objectives(), evidence: evidence).verdict()
    }

    static func failures(_ change: (inout Evidence) -> Void) -> [Check.Name] {
        Self.verdict(change).broken.map(\.name)
    }

    static func outcome(_ name: Check.Name, _ change: (inout Evidence) -> Void) -> Check.Outcome? {
        Self.verdict(change).checks.first { $0.name == name }?.outcome
    }

    /// Adds a second in which something happened.
    static func tally(_ change: (inout Tally) -> Void) -> (inout Evidence) -> Void {
        var tally = Tally()
        change(&tally)
        return { $0.timeline.append(tally, .withWorkers(1)) }
    }

    /// A hundred visitors wait too short and too few for estimates, a shortfall or a reload to be judged, and no probe was
    /// sent: these are named, as `FaultWallTests` has them all. There are no agents.
    @Test func goodRun_passesEveryCheckThatItCanMeasure_andNamesTheOthers() {
        let verdict = Self.verdict { _ in }
        #expect(verdict.broken.map(\.title) == [])
        #expect(verdict.passed && verdict.exitCode == .good)
        #expect(Set(verdict.checks.map(\.name)) == Check.Name.ofOwnGateway.subtracting([.agents]))
        let open = verdict.checks.filter { $0.outcome == .notJudged }
        #expect(open.map(\.name).filter { ![.shortfall, .estimates].contains($0) } == [.reload, .passes])
        #expect(verdict.notJudgedCount == 9 && open.allSatisfy { !$0.detail.isEmpty && $0.figure == nil })
        #expect(verdict.checks.count { $0.name == .pace } == 4)
    }

    /// A page whose number is none, or is null: nothing that is judged by numbers may pass for judged.
    @Test(arguments: [nil, 0] as [Int64?])
    func pagesWithoutANumber_areFound(number: Int64?) {
        let verdict = Self.verdict { evidence in
            var books = VisitBooks(visitors: 100, startedAt: Self.start, openingAt: Self.at(10))
            for index in 0..<100 {
                for second in [2.0, 5.0, 8.0] {
                    var response = Response(status: 200, standing: .waiting)
                    response.page = WaitingPage(number: number, refreshSeconds: 3, opensInSeconds: 10 - Int64(second))
                    response.retryAfterSeconds = 3
                    books.heard(
                        .waitingPage,
                        of: index,
                        isExit: false,
                        response: response,
                        sentAt: Self.at(second),
                        now: Self.at(second + 0.04)
                    )
                }
                let second = 10 + Double(index) / 10
                books.heard(
                    .exchange,
                    of: index,
                    isExit: false,
                    response: nil,
                    sentAt: Self.at(second),
                    now: Self.at(second + 0.04)
                )
            }
            evidence.books = books
        }
        #expect(verdict.broken.map(\.name) == [.pages])
        #expect(!verdict.passed)
        #expect(verdict.checks.contains { $0.name == .numbers && $0.outcome == .notJudged })
    }

    /// Answers over kept connections that end without one: some may meet a closing connection, and few.
    @Test func keptConnections_thatEndInsteadOfAnAnswer_areCounted() {
        func run(_ count: Int, afterSeconds seconds: Double) -> [Check.Name] {
            Self.failures { evidence in
                for index in 0..<count {
                    evidence.books?.heard(
                        .staleConnection,
                        of: index,
                        isExit: false,
                        response: nil,
                        sentAt: Self.at(25),
                        now: Self.at(25 + seconds)
                    )
                }
            }
        }
        #expect(run(3, afterSeconds: 0.002) == [] && run(4, afterSeconds: 0.002) == [.otherErrors])
        #expect(run(1, afterSeconds: 0.06) == [.otherErrors])
    }

    /// What was not written down may be what was wrong.
    @Test func answersThatFoundNoRoom_leaveNothingJudgedByThem() throws {
        var check = try #require(Self.verdict { _ in }.checks.first { $0.name == .order })
        check.outcome = .passed
        #expect(Judge.withoutAllLooks(check).outcome == .notMeasured)
        check.name = .ending
        #expect(Judge.withoutAllLooks(check).outcome == .passed)
    }

    /// With visitors missing no other figure says anything, whatever else went wrong.
    @Test func lostAgent_makesTheRunInvalid() {
        let verdict = Self.verdict { evidence in
            evidence.agentCount = 2
            evidence.missingShares = ["agent 2 was lost"]
            evidence.roomCount = .told(7)
        }
        #expect(verdict.isIncomplete && verdict.isInvalid && verdict.exitCode == .toolTooSlow)
        #expect(verdict.checks.first { $0.name == .agents }?.detail == "agent 2 was lost")
        let whole = Self.verdict { $0.agentCount = 2 }
        #expect(whole.passed && !whole.isIncomplete)
    }

    /// What the gateway says of itself proves nothing: a journal, or limits in it, that look perfect do not help.
    @Test func journal_isHeldAgainstTheVisitorsBooks() {
        #expect(Self.failures { $0.roomCount = .told(101) } == [.books])
        // Asked, and no answer: that is not the same as a site that has no such count.
        #expect(Self.outcome(.books) { $0.roomCount = .unknown } == .notMeasured)
        #expect(Self.verdict { $0.roomCount = .unknown }.exitCode == .broken)
        #expect(
            Self.outcome(.books) {
                $0.roomCount = .unknown
                $0.journal = AdmissionJournal(exchanges: $0.journal.exchanges.dropLast())
            } == .failed
        )
        #expect(Self.outcome(.books) { $0.roomCount = .notAsked } == .notJudged)
        func journal(_ change: (inout [AdmissionJournal.Exchange]) -> Void) -> [Check.Name] {
            Self.failures { evidence in
                var exchanges = evidence.journal.exchanges
                change(&exchanges)
                evidence.journal = AdmissionJournal(exchanges: exchanges)
                evidence.roomCount = .told(exchanges.count)
            }
        }
        #expect(journal { _ in } == [])
        #expect(journal { $0.reverse() } == [])
        #expect(journal { $0.removeLast() } == [.books])
        #expect(journal { $0.append($0[3]) } == [.books])
        #expect(journal { $0[3].number = 4_711 } == [.books])
        // After the visitor was in, or before they had a place.
        #expect(journal { $0[3].micros += 5_000_000 } == [.books])
        #expect(journal { $0[3].micros -= 9_000_000 } == [.books])
    }

    @Test func probes_thatLetSomebodyIn_fail() {
        func probes(_ outcome: ProbeResult.Outcome) -> [Check.Name] {
            Self.failures { $0.books?.probes = ProbeBooks([ProbeResult(kind: .stolenPass, outcome: outcome)]) }
        }
        #expect(probes(.refused) == [] && probes(.taken) == [.passes])
        // A kind for which there was somebody, and of which no answer came, was not judged by the others.
        var one = ProbeBooks([ProbeResult(kind: .stolenPass, outcome: .refused)])
        one.tries(.forgedPlace)
        #expect(one.unanswered == [.forgedPlace])
        #expect(Self.outcome(.passes) { $0.books?.probes = one } == .notMeasured)
    }

    @Test func endingThatIsNotClean_fails() {
        #expect(Self.failures { $0.ending?.leftProcesses = 1 } == [.ending])
        #expect(Self.failures { $0.ending?.isClean = false } == [.ending])
        #expect(
            Self.failures { $0.ending = .init(status: nil, isClean: false, nanoseconds: 1, leftProcesses: 0) } == [
                .ending
            ]
        )
    }

    @Test func whatVisitorsMet_isFoundByItsOwnCheck() {
        let now = Instant(nanoseconds: 9_000_000_000)
        func heard(_ heard: VisitorMachine.Heard) -> [Check.Name] {
            Self.failures(Self.tally { $0.heard(heard, due: now, sentAt: now, now: now) })
        }
        #expect(heard(.error(.workerError)) == [.serverErrors])
        #expect(heard(.error(.gatewayError)) == [.serverErrors])
        #expect(heard(.error(.broken)) == [.otherErrors])
        #expect(heard(.error(.unsignedError)) == [.serverErrors, .blame])
        #expect(heard(.error(.foreignPage)) == [.identity])
        // Answers that are held back until no connection is left are the site's doing, not the tool's.
        #expect(heard(.error(.crowdedOut)) == [.otherErrors])
        #expect(heard(.error(.toolLimit)) == [.tool])
        #expect(heard(.staleConnection) == [])
        #expect(Self.failures(Self.tally { $0.arrived() }) == [.accounted])
        let machine = VisitorMachine(VisitorMachineTests.visitor(), startedAt: now)
        let slow = Self.tally { tally in
            let late = now.advanced(byNanoseconds: 251_000_000)
            for _ in 0..<3 { tally.heard(.inside, due: now, sentAt: late, now: late) }
        }
        #expect(Self.failures(slow) == [.latency])
        let gaveUp = Self.tally { tally in
            tally.arrived()
            tally.left(.failed, machine: machine, keepsPlace: true)
        }
        #expect(Self.failures(gaveUp) == [.accounted])
    }

    /// Whoever shows no place may ask for ever: that the run ends first is owed to nobody.
    @Test(arguments: [true, false])
    func unfinishedVisitor_countsWhenItKeepsItsPlace(keepsPlace: Bool) {
        let machine = VisitorMachine(VisitorMachineTests.visitor(), startedAt: Instant(nanoseconds: 9_000_000_000))
        let unfinished = Self.tally { tally in
            tally.arrived()
            tally.left(.unfinished, machine: machine, keepsPlace: keepsPlace)
        }
        #expect(Self.failures(unfinished) == (keepsPlace ? [.accounted] : []))
    }

    @Test func workers_thatDidNotGrowOrComeBack_fail() {
        func run(_ running: [Int?]) -> Check.Outcome? {
            Self.verdict { evidence in
                var timeline = Timeline()
                for (index, count) in running.enumerated() {
                    timeline.append(index == 0 ? evidence.timeline.total : Tally(), .withWorkers(count))
                }
                evidence.timeline = timeline
            }.checks.first { $0.name == .workers }?.outcome
        }
        #expect(run([1, 3, 1]) == .passed)
        #expect(run([1, 1, 1]) == .failed)
        #expect(run([1, 3, 2]) == .failed)
        // One that ends, and one that does not.
        #expect(run([1, 5, 5, 1]) == .passed)
        #expect(run([1] + Array(repeating: 5, count: 10) + [1]) == .failed)
        #expect(run([nil, nil]) == .notMeasured)
        #expect(Self.outcome(.workers) { $0.workerBounds = .init(fewest: 2, most: 2) } == .notJudged)
        // A crowd that one worker can serve.
        let few = Self.outcome(.workers) { evidence in
            var timeline = Timeline()
            timeline.append(evidence.timeline.total, .withWorkers(1))
            evidence.timeline = timeline
            evidence.needsMoreWorkers = false
        }
        #expect(few == .notJudged)
    }

    /// What is told is a moment older than what is seen, and a second in which nothing was told says nothing.
    @Test func workers_thatAreOtherThanTheStatusTells_areFound() throws {
        func line(_ told: [Int?], _ seen: [Int], _ excuses: Excuses = .none) -> Check? {
            Self.verdict { evidence in
                var timeline = Timeline(excuses: excuses)
                for (index, count) in seen.enumerated() {
                    var gauges = Gauges.withWorkers(count)
                    gauges.workersTold = told[index]
                    timeline.append(index == 0 ? evidence.timeline.total : Tally(), gauges)
                }
                evidence.timeline = timeline
            }.checks.last { $0.name == .workers }
        }
        let good: [([Int?], [Int])] = [
            ([1, 3, 3, 1], [1, 2, 3, 1]), ([1, 1, 3, 3], [1, 3, 3, 1]), ([1, nil, 3, 1], [1, 1, 3, 1]),
        ]
        for (told, seen) in good { #expect(line(told, seen)?.outcome == .passed, "\(told)") }
        for told: [Int?] in [[1, 4, 4, 1], [1, 2, 2, 1]] {
            let check = line(told, [3, 3, 3, 3])
            #expect(check?.outcome == .failed && check?.measured == "4", "\(told)")
        }
        #expect(line([1, 1, 4, 1], [1, 1, 1, 1])?.detail.hasSuffix("the first at 0:02: 4 told, 1 seen") == true)
        #expect(line([nil, nil], [1, 1])?.outcome == .notMeasured)
        let stopped = Excuses(try TimedFaultTests.schedule(["0s stop worker for 9s"]))
        #expect(line([4, 4], [1, 1], stopped)?.outcome == .notJudged)
    }

    /// One bad second in a long run does not show in its 99th percentile.
    @Test func oneSlowSecond_isFound() {
        func run(slowAnswers: Int, of heard: VisitorMachine.Heard, nanoseconds: Int64) -> [Check.Name] {
            Self.failures { evidence in
                var timeline = Timeline()
                for sample in evidence.timeline.samples { timeline.append(Tally(), sample.gauges) }
                for second in 0..<30 {
                    var tally = second == 0 ? evidence.timeline.total : Tally()
                    for index in 0..<200 {
                        let isSlow = second == 15 && index < slowAnswers
                        let now = Self.start.advanced(byNanoseconds: isSlow ? nanoseconds : 20_000_000)
                        tally.heard(heard, due: Self.start, sentAt: Self.start, now: now)
                    }
                    timeline.append(tally, .withWorkers(1))
                }
                evidence.timeline = timeline
            }
        }
        #expect(run(slowAnswers: 1, of: .inside, nanoseconds: 2_000_000_000) == [])
        #expect(run(slowAnswers: 8, of: .inside, nanoseconds: 900_000_000) == [])
        #expect(run(slowAnswers: 8, of: .inside, nanoseconds: 2_000_000_000) == [.latency])
        #expect(run(slowAnswers: 8, of: .waitingPage, nanoseconds: 2_000_000_000) == [.lineLatency])
        #expect(run(slowAnswers: 8, of: .exchange, nanoseconds: 10_000_000_000) == [.doorLatency])
    }

    /// In a room that lets somebody in every two seconds, three who come at once are in within six.
    @Test func turnsThatTakeLong_mayBeWaitedForAtTheDoor() {
        func outcome(seconds: Int64, rateMilli: Int64) -> Check.Outcome? {
            Self.outcome(.doorLatency) { evidence in
                var gauges = Gauges()
                gauges.limitPerSecond = Double(rateMilli) / 1_000
                var tally = Tally()
                for _ in 0..<50 {
                    let now = Self.start.advanced(byNanoseconds: seconds * Nanoseconds.perSecond)
                    tally.heard(.exchange, due: Self.start, sentAt: Self.start, now: now)
                }
                evidence.timeline.append(tally, gauges)
            }
        }
        #expect(outcome(seconds: 8, rateMilli: 10_000) == .failed)
        #expect(outcome(seconds: 5, rateMilli: 10_000) == .passed)
        #expect(outcome(seconds: 8, rateMilli: 500) == .passed)
        #expect(outcome(seconds: 11, rateMilli: 500) == .failed)
    }

    /// A rate of one in two seconds from 30 s to 60 s makes room for slow doors in its own time, for the 40 too who
    /// were called before, until the raise has taken hold and those are in who stood there then; not before it, and not
    /// later.
    @Test(arguments: [
        (slowIn: 20, seconds: 8, isBroken: true), (45, 8, false), (45, 80, false), (45, 100, true), (62, 8, false),
        (85, 8, true),
    ])
    func turnsAtTheDoor_takeAsLongAsAtTheRateOfTheirTime(slowIn: Int, seconds: Int64, isBroken: Bool) {
        let failures = Self.failures { evidence in
            for second in evidence.timeline.samples.count..<100 {
                var gauges = Gauges()
                gauges.limitPerSecond = (30..<60).contains(second) ? 0.5 : 20
                let isSlow = second == slowIn
                let now = Self.start.advanced(byNanoseconds: isSlow ? seconds * Nanoseconds.perSecond : 40_000_000)
                var tally = Tally()
                for _ in 0..<(isSlow ? 50 : 10) {
                    tally.heard(.exchange, due: Self.start, sentAt: Self.start, now: now)
                }
                evidence.timeline.append(tally, gauges)
            }
        }
        #expect(failures.contains(.doorLatency) == isBroken)
    }

    @Test func emptyRun_isNotAGoodOne() {
        let verdict = Judge(
            objectives: Objectives(),
            evidence: Evidence(startedMicros: 0, timeline: Timeline())
        ).verdict()
        #expect(!verdict.passed)
        #expect(verdict.checks.allSatisfy { $0.outcome == .notMeasured || $0.outcome == .notJudged })
    }

    /// Who reads report.json with a program needs figures with units.
    @Test func checks_haveFiguresForPrograms() throws {
        let checks = Self.verdict { _ in }.checks
        let latency = try #require(checks.first { $0.name == .latency }?.figure)
        #expect(latency.unit == .nanoseconds && abs(latency.measured - 4e7) < 1e5 && latency.limit == 2.5e8)
        let pace = try #require(checks.first { $0.name == .pace }?.figure)
        #expect(pace.unit == .count && pace.limit == 15)
        let judged = checks.filter { $0.outcome != .notJudged }
        #expect(judged.filter { $0.figure == nil }.map(\.name) == [.workers, .ending])
    }
}

extension Gauges {
    /// Of a site that tells what there is, with all of them ready.
    static func withWorkers(_ count: Int?) -> Gauges {
        var gauges = Gauges()
        gauges.workersReady = count
        gauges.workersTold = count
        gauges.workersRunning = count
        return gauges
    }
}
