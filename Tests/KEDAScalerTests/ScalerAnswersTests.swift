import Primitives
import Testing

@testable import KEDAScaler

/// What KEDA is told, and when it is told nothing.
@Suite struct ScalerAnswersTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)

    private static func at(_ seconds: Int64) -> Instant {
        Self.start.advanced(byNanoseconds: seconds * Nanoseconds.perSecond)
    }

    /// Pools `a` and `b`; `a` has been decided to have so many, and that was seen to be new at the start.
    private static func answers(desired: Int) -> ScalerAnswers {
        var answers = ScalerAnswers()
        answers.serve(["a", "b"])
        answers.heard(pool: "a", desired: 1, mark: 1, now: Self.start)
        answers.heard(pool: "a", desired: desired, mark: 2, now: Self.start)
        return answers
    }

    private static func refusal(_ ask: () throws(ScalerRefusal) -> Void) -> ScalerRefusal? {
        do throws(ScalerRefusal) {
            try ask()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [(0, false), (1, true), (12, true)])
    func decided_isToldAsItIs(desired: Int, isActive: Bool) throws {
        let answers = Self.answers(desired: desired)
        let metadata = ["pool": "a", "scalerAddress": "sluice:9091", "enableTLS": "true"]
        #expect(try answers.metric("desired_workers", metadata, now: Self.start) == desired)
        #expect(try answers.isActive(metadata, now: Self.start) == isActive)
    }

    @Test func metadata_withoutPool_isRefusedAndSaysWhatIsMissing() throws {
        let answers = Self.answers(desired: 3)
        for metadata in [[:], ["pool": ""], ["Pool": "a", "scalerAddress": "sluice:9091"]] {
            let refusal = try #require(
                Self.refusal { () throws(ScalerRefusal) in _ = try answers.desired(metadata, now: Self.start) }
            )
            #expect(refusal.kind == .badRequest)
            #expect(refusal.message.contains("write pool: NAME beside scalerAddress"))
            for key in metadata.keys { #expect(refusal.message.contains("'\(key)'")) }
        }
    }

    @Test func pool_unknown_isRefusedNamingThoseThereAre() throws {
        let answers = Self.answers(desired: 3)
        let refusal = try #require(
            Self.refusal { () throws(ScalerRefusal) in _ = try answers.pool(of: ["pool": "tickets"]) }
        )
        #expect(refusal.kind == .unknownPool)
        #expect(refusal.message.contains("'tickets'") && refusal.message.contains("a, b"))
        let none = try #require(
            Self.refusal { () throws(ScalerRefusal) in _ = try ScalerAnswers().pool(of: ["pool": "a"]) }
        )
        #expect(none.message.hasSuffix("there is none"))
    }

    /// What strangers send is repeated in part, and many pools are not all named.
    @Test func refusals_stayShort() throws {
        var answers = ScalerAnswers()
        answers.serve((0..<64).map { "pool-\($0)" })
        let long = String(repeating: "x", count: 60_000)
        let metadata = Dictionary(uniqueKeysWithValues: (0..<1_000).map { ("\($0)\(long)", "") })
        for metadata in [["pool": long], metadata] {
            let refusal = try #require(
                Self.refusal { () throws(ScalerRefusal) in _ = try answers.pool(of: metadata) }
            )
            #expect(refusal.message.utf8.count < 2_000)
        }
    }

    @Test func metric_ofAnotherName_isRefused() throws {
        let answers = Self.answers(desired: 3)
        let refusal = try #require(
            Self.refusal { () throws(ScalerRefusal) in
                _ = try answers.metric("s0-desired_workers", ["pool": "a"], now: Self.start)
            }
        )
        #expect(refusal.kind == .badRequest && refusal.message.hasSuffix("there is desired_workers"))
    }

    /// The board keeps a decision for a day: how old the first one is that is read nobody knows.
    @Test func decision_beforeItIsSeenToBeRenewed_isNotTold() throws {
        var answers = ScalerAnswers()
        answers.serve(["a"])
        let ask = { (answers: ScalerAnswers, second: Int64) in
            Self.refusal { () throws(ScalerRefusal) in _ = try answers.desired(["pool": "a"], now: Self.at(second)) }
        }
        #expect(ask(answers, 0)?.kind == .notNow)
        for second in 0...2 {
            answers.heard(pool: "a", desired: 9, mark: 77, now: Self.at(Int64(second)))
            #expect(ask(answers, Int64(second))?.kind == .notNow)
        }
        answers.heard(pool: "a", desired: 9, mark: 78, now: Self.at(3))
        #expect(ask(answers, 3) == nil)
    }

    @Test func decision_thatIsNotRenewed_growsOld() throws {
        var answers = Self.answers(desired: 4)
        let last = ScalerAnswers.freshNanoseconds / Nanoseconds.perSecond
        // The same one, read again each second.
        for second in 0...last { answers.heard(pool: "a", desired: 4, mark: 2, now: Self.at(second)) }
        #expect(try answers.desired(["pool": "a"], now: Self.at(last)) == 4)
        let refusal = try #require(
            Self.refusal { () throws(ScalerRefusal) in _ = try answers.desired(["pool": "a"], now: Self.at(last + 1)) }
        )
        #expect(refusal.kind == .notNow && refusal.message.contains("for \(last + 1) s"))
        answers.heard(pool: "a", desired: 5, mark: 3, now: Self.at(last + 2))
        #expect(try answers.desired(["pool": "a"], now: Self.at(last + 2)) == 5)
    }

    @Test func pools_thatAreServedNoMore_areForgotten() throws {
        var answers = Self.answers(desired: 4)
        answers.serve(["b"])
        answers.heard(pool: "a", desired: 4, mark: 3, now: Self.start)
        answers.serve(["a", "b"])
        let refusal = Self.refusal { () throws(ScalerRefusal) in _ = try answers.desired(["pool": "a"], now: Self.start)
        }
        #expect(refusal?.kind == .notNow)
    }

    // MARK: Streams

    @Test func watches_areToldAtOnceAndWithEveryChange() throws {
        var answers = Self.answers(desired: 3)
        var watches = ActivityWatches()
        let first = try watches.add(["pool": "a"], answers)
        let unknown = try watches.add(["pool": "b"], answers)
        #expect(watches.changes(answers, now: Self.start) == [.tell(first, isActive: true)])
        #expect(watches.changes(answers, now: Self.start) == [])
        answers.heard(pool: "a", desired: 7, mark: 3, now: Self.at(1))
        #expect(watches.changes(answers, now: Self.at(1)) == [])
        answers.heard(pool: "a", desired: 0, mark: 4, now: Self.at(2))
        #expect(watches.changes(answers, now: Self.at(2)) == [.tell(first, isActive: false)])
        // Nothing is known for a while: KEDA stays with what it has.
        #expect(watches.changes(answers, now: Self.at(60)) == [])
        answers.heard(pool: "a", desired: 1, mark: 5, now: Self.at(61))
        #expect(watches.changes(answers, now: Self.at(61)) == [.tell(first, isActive: true)])
        #expect(watches.changes(answers, now: Self.at(200)) == [])
        watches.remove(first)
        watches.remove(unknown)
        #expect(watches.count == 0)
    }

    @Test func watches_ofAPoolThatIsTakenAway_end() throws {
        var answers = Self.answers(desired: 3)
        var watches = ActivityWatches()
        let id = try watches.add(["pool": "a"], answers)
        _ = watches.changes(answers, now: Self.start)
        answers.serve(["b"])
        let actions = watches.changes(answers, now: Self.start)
        guard case .end(id, let refusal)? = actions.first else {
            Issue.record("\(actions)")
            return
        }
        #expect(refusal.kind == .unknownPool && actions.count == 1 && watches.count == 0)
    }

    @Test func watches_areBounded() throws {
        let answers = Self.answers(desired: 3)
        var watches = ActivityWatches()
        for _ in 0..<ActivityWatches.most { _ = try watches.add(["pool": "a"], answers) }
        let refusal = Self.refusal { () throws(ScalerRefusal) in _ = try watches.add(["pool": "a"], answers) }
        #expect(refusal?.kind == .tooMany && watches.count == ActivityWatches.most)
        let bad = Self.refusal { () throws(ScalerRefusal) in _ = try watches.add([:], answers) }
        #expect(bad?.kind == .badRequest)
    }
}
