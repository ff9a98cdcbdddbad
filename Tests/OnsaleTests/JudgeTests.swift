import Primitives
import Testing

@testable import onsale

@Suite struct JudgeTests {
    /// A small run in which every promise holds.
    static func goodEvidence() -> Evidence {
        let start: Int64 = 1_000_000_000
        var timeline = Timeline()
        for second in 0..<10 {
            var tally = Tally()
            for _ in 0..<10 {
                tally.arrived()
                tally.connected()
                tally.sent()
                tally.wasLate(nanoseconds: 1_000_000)
                let sent = Instant(nanoseconds: 5_000_000_000)
                let now = sent.advanced(byNanoseconds: 40_000_000)
                tally.heard(.waitingPage, due: sent, sentAt: sent, now: now)
                tally.heard(.exchange, due: sent, sentAt: sent, now: now)
                tally.heard(.inside, due: sent, sentAt: sent, now: now)
                tally.left(
                    .served,
                    machine: VisitorMachine(VisitorMachineTests.visitor(), startedAt: sent)
                )
            }
            var gauges = Gauges()
            gauges.workersReady = [1, 1, 3, 4, 4, 4, 3, 2, 1, 1][second]
            timeline.append(tally, gauges)
        }
        var evidence = Evidence(startedMicros: start, timeline: timeline)
        evidence.placeNumbers = Array(1...100)
        evidence.journal = AdmissionJournal(
            exchanges: (0..<100).map {
                .init(micros: start + Int64($0) * 100_000, number: Int64($0 + 1), doorWaitMicros: 50_000)
            },
            limits: [.init(micros: start - 5, rateMilli: 10_000, burst: 5, slots: 50)]
        )
        evidence.workerBounds = .init(fewest: 1, most: 4)
        evidence.roomAdmitted = 100
        evidence.admittedNumbers = Array(1...100)
        evidence.ending = .init(status: "exit code 0", isClean: true, nanoseconds: 90_000_000, leftProcesses: 0)
        evidence.reload = .init(
            writtenMicros: start + 5_000_000,
            rateMilliBefore: 10_000,
            rateMilliAfter: 12_000,
            visibleMicros: start + 5_300_000
        )
        return evidence
    }

    static func verdict(_ change: (inout Evidence) -> Void) -> Verdict {
        var evidence = Self.goodEvidence()
        change(&evidence)
        return Judge(objectives: Objectives(), evidence: evidence).verdict()
    }

    static func failures(_ change: (inout Evidence) -> Void) -> [Check.Name] {
        Self.verdict(change).checks.filter { $0.outcome != .passed }.map(\.name)
    }

    /// Adds a second in which something happened.
    static func tally(_ change: (inout Tally) -> Void) -> (inout Evidence) -> Void {
        var tally = Tally()
        change(&tally)
        return { evidence in
            var gauges = Gauges()
            gauges.workersReady = 1
            evidence.timeline.append(tally, gauges)
        }
    }

    @Test func goodRun_passesEveryCheck() {
        let verdict = Self.verdict { _ in }
        #expect(verdict.checks.filter { $0.outcome != .passed }.map(\.title) == [])
        #expect(verdict.passed && verdict.exitCode == 0)
        #expect(Set(verdict.checks.map(\.name)) == Set(Check.Name.allCases))
        #expect(verdict.checks.count { $0.name == .pace } == 3)
    }

    @Test func faults_areEachFoundByTheirOwnCheck() {
        #expect(
            Self.failures { evidence in
                var exchanges = evidence.journal.exchanges
                exchanges[50].number = 1_000
                exchanges[52].doorWaitMicros = 900_000
                evidence.journal = AdmissionJournal(exchanges: exchanges, limits: evidence.journal.limits)
                evidence.admittedNumbers = []
            } == [.order]
        )
        #expect(
            Self.failures { evidence in
                let extra = (0..<6).map {
                    AdmissionJournal.Exchange(
                        micros: evidence.startedMicros + 9_900_001,
                        number: Int64(200 + $0),
                        doorWaitMicros: 0
                    )
                }
                evidence.journal = AdmissionJournal(
                    exchanges: evidence.journal.exchanges + extra,
                    limits: evidence.journal.limits
                )
            } == [.pace, .pace, .pace, .books]
        )
        #expect(
            Self.failures { evidence in
                var exchanges = evidence.journal.exchanges
                exchanges[99].number = 99
                evidence.journal = AdmissionJournal(exchanges: exchanges, limits: evidence.journal.limits)
                evidence.admittedNumbers = []
            } == [.admittedTwice]
        )
        #expect(Self.failures { $0.placeNumbers.append(7) } == [.admittedTwice])
        #expect(
            Self.failures { $0.reload?.visibleMicros = $0.startedMicros + 6_000_001 } == [.reload]
        )
        #expect(Self.failures { $0.reload?.visibleMicros = nil } == [.reload])
    }

    @Test func booksThatDiffer_fail() {
        #expect(Self.failures { $0.roomAdmitted = 101 } == [.books])
        #expect(Self.failures { $0.admittedNumbers.append(101) } == [.books])
        #expect(Self.verdict { $0.roomAdmitted = nil }.checks.allSatisfy { $0.name != .books })
        // An exchange that only its visitor saw: the journal lacks an entry.
        let now = Instant(nanoseconds: 9_000_000_000)
        #expect(Self.failures(Self.tally { $0.heard(.exchange, due: now, sentAt: now, now: now) }) == [.books])
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
        #expect(heard(.error(.toolLimit)) == [.otherErrors, .tool])
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
            tally.left(.failed, machine: machine)
        }
        #expect(Self.failures(gaveUp) == [.accounted])
    }

    @Test func workers_thatDidNotGrowOrComeBack_fail() {
        func run(_ ready: [Int?]) -> Check.Outcome? {
            Self.verdict { evidence in
                var timeline = Timeline()
                for (index, count) in ready.enumerated() {
                    var gauges = Gauges()
                    gauges.workersReady = count
                    timeline.append(index == 0 ? evidence.timeline.total : Tally(), gauges)
                }
                evidence.timeline = timeline
            }.checks.first { $0.name == .workers }?.outcome
        }
        #expect(run([1, 3, 1]) == .passed)
        #expect(run([1, 1, 1]) == .failed)
        #expect(run([1, 3, 2]) == .failed)
        #expect(run([1, 5, 1]) == .failed)
        #expect(run([nil, nil]) == .notMeasured)
        #expect(Self.verdict { $0.workerBounds = .init(fewest: 2, most: 2) }.checks.allSatisfy { $0.name != .workers })
    }

    @Test func emptyRun_isNotAGoodOne() {
        let verdict = Judge(
            objectives: Objectives(),
            evidence: Evidence(startedMicros: 0, timeline: Timeline())
        ).verdict()
        #expect(!verdict.passed)
        #expect(verdict.checks.allSatisfy { $0.outcome == .notMeasured })
    }

    @Test func slowTool_makesTheRunVoid() {
        let verdict = Self.verdict(
            Self.tally {
                $0.wasLate(nanoseconds: 101_000_000); $0.wasLate(nanoseconds: 101_000_000)
            }
        )
        #expect(verdict.isInvalid && verdict.exitCode == 2)
    }
}
