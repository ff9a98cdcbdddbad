import Decisions
import Primitives
import Scaling
import TestKit
import Testing

@Suite struct DecisionReplayTests {
    static let seeds = (1...12).map { UInt64($0) * 7_919 }

    /// As a journal has it: a head, and the entries that follow from it.
    private func journal(_ moments: [InventedDecisions.Moment]) -> [DecisionRecord] {
        moments.prefix(1).map { .head($0.head) } + moments.map { .entry($0.entry) }
    }

    private func steps(_ records: [DecisionRecord], limits: ScalingLimits? = nil) -> [DecisionReplay.Step] {
        var replay = DecisionReplay(limits: limits)
        return records.compactMap { if case .step(let step) = replay.take($0) { step } else { nil } }
    }

    private func comparison(_ records: [DecisionRecord], limits: ScalingLimits? = nil) -> DecisionComparison {
        var comparison = DecisionComparison(limits: limits)
        for record in records { comparison.take(record) }
        return comparison
    }

    /// Bit by bit, from the beginning and from any head in the middle.
    @Test(arguments: Self.seeds)
    func journal_replayedByItsOwnLimits_givesTheSameDecisions(seed: UInt64) {
        var source = InventedDecisions(seed: seed)
        let moments = source.moments(400)
        #expect(Set(moments.map(\.entry.decision.desiredWorkers)).count > 5, "the history is a lively one")
        for begin in [0, 1, 137, 399] {
            let steps = self.steps(self.journal(Array(moments[begin...])))
            #expect(steps.count == 400 - begin)
            for step in steps { #expect(step.isSame, "entry \(step.entry.number), seed \(seed)") }
        }
        // Heads on the way change nothing.
        let withHeads = moments.flatMap { [DecisionRecord.head($0.head), .entry($0.entry)] }
        let comparison = self.comparison(withHeads)
        #expect(comparison.steps == 400 && comparison.differing == 0)
        #expect(comparison.gaps == 0 && comparison.restarts == 0 && comparison.skipped == 0)
    }

    /// What is journalled is needed: each part that is left out makes a difference in some history.
    @Test func journal_withAPartLeftOut_doesNotGiveTheSameDecisions() {
        let losses: [(String, (inout DecisionEntry) -> Void)] = [
            ("starts", { $0.starts = [] }), ("openings", { $0.limits.openings = [] }),
            ("limits", { $0.limits.maxWorkers = 40 }), ("slots", { $0.pool.slots = nil }),
            ("pending", { $0.pool.pending = [] }), ("latency", { $0.signals?.latency = LatencyHistogram() }),
            ("rooms with a line", { $0.signals?.lineInflowPerSecond = nil }),
            ("time", { $0.at = $0.at.advanced(byNanoseconds: 300_000_000 * Int64($0.number % 2)) }),
        ]
        for (name, lose) in losses {
            var differing = 0
            for seed in Self.seeds {
                var source = InventedDecisions(seed: seed)
                var moments = source.moments(200)
                moments = moments.map { moment in
                    var entry = moment.entry
                    // Workers of another size than the limits say, so that they count.
                    if name == "slots" { entry.pool.slots = entry.pool.ready * 3 }
                    return .init(head: moment.head, entry: entry)
                }
                if name == "slots" { moments = Self.decided(moments) }
                let cut = moments.map { moment in
                    var entry = moment.entry
                    lose(&entry)
                    return InventedDecisions.Moment(head: moment.head, entry: entry)
                }
                differing += self.steps(self.journal(cut)).filter { !$0.isSame }.count
            }
            #expect(differing > 0, "\(name)")
        }
    }

    /// The same moments, decided anew.
    private static func decided(_ moments: [InventedDecisions.Moment]) -> [InventedDecisions.Moment] {
        var policy = moments[0].head.policy
        return moments.map { moment in
            var entry = moment.entry
            if entry.number > 1 { for start in entry.starts { policy.workerStarted(after: start) } }
            policy.limits = entry.limits
            entry.decision = policy.decide(signals: entry.signals, pool: entry.pool, now: entry.at)
            return .init(head: moment.head, entry: entry)
        }
    }

    @Test func otherLimits_areDecidedBy_fromTheBeginning() throws {
        var source = InventedDecisions(seed: 11)
        let records = self.journal(source.moments(300))
        let limits = ScalingLimits(minWorkers: 2, maxWorkers: 5, slotsPerWorker: 8)
        let comparison = self.comparison(records, limits: limits)
        #expect(comparison.steps == 300)
        let first = try #require(comparison.firstDifference)
        #expect(first.decision.desiredWorkers >= 2 && first.decision.desiredWorkers <= 5)
        let largest = try #require(comparison.largestDifference)
        #expect(largest.difference < 0 && largest.decision.desiredWorkers <= 5)
        #expect(comparison.workerSeconds.replayed < comparison.workerSeconds.decided)
        #expect(comparison.spans.reduce(0) { $0 + $1.count } == 300)
    }

    /// A policy that has measured nothing believes what its own limits say.
    @Test func otherPriors_countFromAFreshStart_andNotInTheMiddle() throws {
        var source = InventedDecisions(seed: 5)
        let moments = source.moments(60)
        var limits = moments[0].entry.limits
        limits.requestsPerVisitorPrior = 20
        let fresh = self.steps(self.journal(moments), limits: limits)
        #expect(fresh[0].decision.requestsPerVisitor == 20)
        let middle = self.steps(self.journal(Array(moments[40...])), limits: limits)
        #expect(middle[0].decision.requestsPerVisitor < 20, "what was measured by then is known")
    }

    /// The limits of the journal's own configuration give the same, though the openings come nearer all the time.
    @Test(arguments: Self.seeds)
    func sameLimits_asAnotherConfiguration_giveTheSame(seed: UInt64) {
        var source = InventedDecisions(seed: seed)
        let moments = source.moments(60).map { moment in
            var entry = moment.entry
            entry.limits.maxWorkers = 40
            return InventedDecisions.Moment(head: moment.head, entry: entry)
        }
        var limits = moments[0].entry.limits
        limits.openings = []
        let comparison = self.comparison(self.journal(Self.decided(moments)), limits: limits)
        #expect(comparison.steps == 60 && comparison.differing == 0)
    }

    // MARK: What is missing

    @Test func entriesLost_areSkippedUntilTheNextHead() {
        var source = InventedDecisions(seed: 3)
        let moments = source.moments(100)
        var records = self.journal(Array(moments[..<40]))
        records += moments[50..<60].map { .entry($0.entry) }
        records += self.journal(Array(moments[60...]))
        let comparison = self.comparison(records)
        #expect(comparison.skipped == 10 && comparison.gaps == 1 && comparison.restarts == 0)
        #expect(comparison.steps == 80 && comparison.differing == 0)
    }

    @Test func entriesWithoutAHead_areSkipped() {
        var source = InventedDecisions(seed: 3)
        let comparison = self.comparison(source.moments(5).map { .entry($0.entry) })
        #expect(comparison.skipped == 5 && comparison.steps == 0 && comparison.spans.isEmpty)
    }

    /// Two controllers write to one file by turns; one of them leads for a second time. It knows what it has learned, and
    /// takes the size that it finds.
    @Test func twoControllers_byTurns_eachGoOnWithTheirOwn() {
        var one = InventedDecisions(seed: 8, controller: "a@1", fence: 1)
        var other = InventedDecisions(seed: 9, controller: "b@2", fence: 2)
        var records = self.journal(one.moments(50)) + self.journal(other.moments(50))
        one.beginTerm(fence: 3)
        records += self.journal(one.moments(50))
        let comparison = self.comparison(records)
        #expect(comparison.steps == 150 && comparison.differing == 0)
        #expect(comparison.restarts == 1 && comparison.gaps == 0 && comparison.skipped == 0)
    }

    /// While no controller ran, nobody wanted workers.
    @Test func workerSeconds_countNoTimeThatNobodyDecidedIn() {
        var source = InventedDecisions(seed: 2)
        let moment = source.next()
        func entry(_ number: Int64, seconds: Int64) -> DecisionEntry {
            var entry = moment.entry
            entry.number = number
            entry.at = moment.entry.at.advanced(byNanoseconds: seconds * Nanoseconds.perSecond)
            entry.decision.desiredWorkers = 3
            return entry
        }
        let entries = [entry(1, seconds: 0), entry(2, seconds: 1), entry(3, seconds: 100), entry(4, seconds: 102)]
        let comparison = self.comparison([.head(moment.head)] + entries.map { .entry($0) })
        #expect(comparison.workerSeconds.decided == 9)
    }
}
