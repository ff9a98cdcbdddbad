import Admission
import Primitives
import Settings
import TestKit
import Testing

@testable import Rooms

/// When a room ticks, and what becomes of it when the answers stay out.
@Suite struct RoomPulseTests {
    private static let start: Int64 = 1_700_000_000_000_000
    private static func after(_ micros: Int64) -> Instant {
        Instant(nanoseconds: 5_000_000_000).advanced(byNanoseconds: micros * Nanoseconds.perMicrosecond)
    }

    private func answer(_ snapshot: RoomSnapshot, events: Int64 = 0) -> TickAnswer {
        TickAnswer(snapshot: snapshot, events: events)
    }

    private var idleSnapshot: RoomSnapshot {
        var snapshot = RoomSnapshot.sample(issued: 5, serving: 5)
        snapshot.tokensNano = snapshot.burst * 1_000_000_000
        return snapshot
    }

    @Test func isDue_busyRoom_eachTick_idleRoom_oneInTen() {
        var pulse = RoomPulse()
        #expect(pulse.isDue(activity: 0, isForced: false) == true, "nothing is known of it yet")
        pulse.sent(activity: 0, now: Self.after(0), wallMicros: Self.start)
        #expect(pulse.isDue(activity: 0, isForced: true) == false, "one is on the way")
        _ = pulse.answered(self.answer(.sample(issued: 9, serving: 5)), now: Self.after(0), wallMicros: Self.start)
        #expect(pulse.isDue(activity: 0, isForced: false) == true, "somebody waits")
        pulse.sent(activity: 0, now: Self.after(0), wallMicros: Self.start)
        _ = pulse.answered(self.answer(self.idleSnapshot), now: Self.after(0), wallMicros: Self.start)
        let due = (1...10).map { _ in pulse.isDue(activity: 0, isForced: false) }
        #expect(due == Array(repeating: false, count: 9) + [true])
        #expect(pulse.isDue(activity: 1, isForced: false) == true, "somebody came")
        #expect(pulse.isDue(activity: 0, seesWorkers: false, isForced: false) == true, "the last worker has gone")
    }

    /// The second tick brings the numbers that are set aside for an outage: it does not wait for a second.
    @Test func isDue_newLine_ticksOnceMoreAtOnce() {
        var pulse = RoomPulse()
        for isDue in [true, false] {
            pulse.sent(activity: 0, now: Self.after(0), wallMicros: Self.start)
            _ = pulse.answered(self.answer(self.idleSnapshot), now: Self.after(0), wallMicros: Self.start)
            #expect(pulse.isDue(activity: 0, isForced: false) == isDue)
        }
    }

    @Test func mode_noAnswer_isDegradedAfterASecond_sinceTheFirstQuestion() {
        var pulse = RoomPulse()
        pulse.sent(activity: 0, now: Self.after(0), wallMicros: Self.start)
        #expect(pulse.mode(healthy: 1, now: Self.after(999_999)) == .normal)
        #expect(pulse.mode(healthy: 1, now: Self.after(1_000_000)) == .degraded(sinceMicros: Self.start))
        _ = pulse.failed(.unanswered("late"))
        pulse.sent(activity: 0, now: Self.after(1_100_000), wallMicros: Self.start + 1_100_000)
        #expect(pulse.mode(healthy: 1, now: Self.after(1_200_000)) == .degraded(sinceMicros: Self.start))
        _ = pulse.answered(
            self.answer(.sample(issued: 0, serving: 0)),
            now: Self.after(1_300_000),
            wallMicros: Self.start + 1_300_000
        )
        #expect(pulse.mode(healthy: 1, now: Self.after(1_300_000)) == .normal)
    }

    @Test func mode_noWorker_isHeld_whetherSeenHereOrByAll() {
        var pulse = RoomPulse()
        #expect(pulse.mode(healthy: 0, now: Self.after(0)) == .held)
        #expect(pulse.mode(healthy: nil, now: Self.after(0)) == .normal, "not knowing is not none")
        var snapshot = RoomSnapshot.sample(issued: 0, serving: 0)
        snapshot.isHeld = true
        _ = pulse.answered(self.answer(snapshot), now: Self.after(0), wallMicros: Self.start)
        #expect(pulse.mode(healthy: 3, now: Self.after(0)) == .held)
    }

    @Test func answered_clockOfTheSharedState_isReckonedFromTheMiddleOfTheCall() {
        var pulse = RoomPulse()
        pulse.sent(activity: 0, now: Self.after(0), wallMicros: Self.start)
        let snapshot = RoomSnapshot.sample(nowMicros: Self.start + 5_010_000, issued: 0, serving: 0)
        _ = pulse.answered(self.answer(snapshot, events: 42), now: Self.after(20_000), wallMicros: Self.start + 20_000)
        #expect(pulse.offsetMicros == 5_000_000)
        #expect(pulse.eventsSeen == 42)
    }

    /// What a loss takes from the shared state is remembered here.
    @Test func answered_generationInForce_theHighestIsRemembered() {
        var pulse = RoomPulse()
        for (generation, highest) in [(2, 2), (7, 7), (3, 7)] as [(Int64, Int64)] {
            var snapshot = self.idleSnapshot
            snapshot.generation = generation
            _ = pulse.answered(self.answer(snapshot), now: Self.after(0), wallMicros: Self.start)
            #expect(pulse.generationHeard == highest)
        }
    }

    @Test func failed_theFifthInARow_isTold_andTheReturnToo() {
        var pulse = RoomPulse()
        #expect((1...7).map { _ in pulse.failed(.noRoom) } == [false, false, false, false, true, false, false])
        let answers = (0..<2).map { _ in
            pulse.answered(self.answer(self.idleSnapshot), now: Self.after(0), wallMicros: Self.start)
        }
        #expect(answers.map(\.isBack) == [true, false] && answers.allSatisfy { $0.change == nil })
    }

    // MARK: Problems

    private func problems(_ pulse: RoomPulse, generation: Int64 = 0, afterMicros: Int64 = 0) -> [String] {
        pulse.problems(of: "sale", generation: generation, now: Self.after(afterMicros))
    }

    /// Seen before: "the shared state does not answer", whatever Redis had answered.
    @Test(arguments: [
        (
            StoreError.refused("BADROOM field x"),
            "room sale: Redis answers, and the room has stood still for 8 s: BADROOM field x"
        ),
        (.unavailable("AUTH: WRONGPASS"), "room sale: the shared state has not answered for 8 s: AUTH: WRONGPASS"),
        // Seen before: "has not answered for 2 s: Redis refused: TRYAGAIN".
        (
            .notNow("Redis refused: TRYAGAIN x"),
            "room sale: Redis has answered with refusals for 8 s: Redis refused: TRYAGAIN x"
        ),
        (.unanswered("late"), "room sale: the shared state has not answered for 8 s: late"),
    ])
    func problems_roomStandsStill_sayTheCauseAndSinceWhen(error: StoreError, text: String) throws {
        var pulse = RoomPulse()
        #expect(self.problems(pulse) == ["room sale: the shared state has not answered yet"])
        pulse.sent(activity: 0, now: Self.after(0), wallMicros: Self.start)
        for _ in 1...5 { _ = pulse.failed(error) }
        let told = self.problems(pulse, afterMicros: 8_000_000)
        #expect(told.count == 1 && told[0].hasPrefix(text + ". ") && told[0].hasSuffix("nobody is let in"))
        _ = pulse.answered(self.answer(self.idleSnapshot), now: Self.after(0), wallMicros: Self.start)
        #expect(self.problems(pulse) == [])
    }

    @Test func problems_held_areTheWorkers() {
        var pulse = RoomPulse()
        _ = pulse.answered(self.answer(self.idleSnapshot), now: Self.after(0), wallMicros: Self.start)
        pulse.toldMode = .held
        #expect(self.problems(pulse).count == 1 && self.problems(pulse)[0].contains("no worker is healthy"))
    }

    /// Two gateways with different files: it is said which of them counts, and what to do.
    @Test func problems_limitsOfAnotherGateway_areNamed() {
        var pulse = RoomPulse()
        var snapshot = RoomSnapshot.sample(issued: 0, serving: 0)
        let count = { (count: Int64) in Settings.firstExplicitGeneration + count }
        snapshot.generation = count(7)
        snapshot.isGenerationIgnored = true
        _ = pulse.answered(self.answer(snapshot), now: Self.after(0), wallMicros: Self.start)
        let ignored = self.problems(pulse, generation: count(3))
        #expect(ignored.count == 1 && ignored[0].contains("of generation 3,") && ignored[0].contains("those of 7 are"))
        #expect(ignored[0].contains("give it a higher `generation`") && !ignored[0].contains("touch"))
        snapshot.isGenerationIgnored = false
        snapshot.isConflicting = true
        _ = pulse.answered(self.answer(snapshot), now: Self.after(0), wallMicros: Self.start)
        let conflicting = self.problems(pulse, generation: count(7))
        #expect(conflicting.count == 1 && conflicting[0].contains("Give both the same file"))
        #expect(conflicting[0].contains("the one generation 7;") && conflicting[0].contains("not this one's"))
    }

    /// Seen before: "touch it", when the file in force was of 2030: no file that is saved today outranks that, and the
    /// one that did it may be gone.
    @Test(arguments: [(60_000_000, false), (-60_000_000, true)] as [(Int64, Bool)])
    func problems_generationIgnored_adviseWhatHelps(ahead: Int64, touchHelps: Bool) {
        var pulse = RoomPulse()
        var snapshot = RoomSnapshot.sample(issued: 0, serving: 0)
        snapshot.generation = snapshot.nowMicros + ahead
        snapshot.isGenerationIgnored = true
        _ = pulse.answered(self.answer(snapshot), now: Self.after(0), wallMicros: Self.start)
        let told = self.problems(pulse, generation: snapshot.nowMicros - 120_000_000)
        #expect(told.count == 1 && told[0].contains("touch it") == touchHelps)
        #expect(told[0].contains("`generation: 1` into the file of every gateway") == !touchHelps)
        #expect(told[0].contains("whose time of saving is yet to come") == !touchHelps)
    }

    /// Seen before: only the gateway that came second said so, and whoever looked at the other one saw that all was well.
    @Test func problems_conflict_isSeenByTheOneWhoseLimitsHold_asLongAsItLasts() {
        var pulse = RoomPulse()
        var snapshot = RoomSnapshot.sample(issued: 0, serving: 0)
        snapshot.generation = 7
        var micros: Int64 = 0
        func answer(conflicts: Int64) {
            micros += 1_000_000
            snapshot.conflicts = conflicts
            _ = pulse.answered(self.answer(snapshot), now: Self.after(micros), wallMicros: Self.start + micros)
        }
        answer(conflicts: 40)
        #expect(!pulse.hasConflict, "what was counted before this gateway came may be long over")
        for count in 41...50 as ClosedRange<Int64> {
            answer(conflicts: count)
            #expect(pulse.hasConflict)
        }
        let told = self.problems(pulse, afterMicros: micros)
        #expect(told.count == 1 && told[0].contains("Give both the same file") && told[0].contains("came first"))
        for _ in 1...4 { answer(conflicts: 50) }
        #expect(pulse.hasConflict, "the other gateway may be slow")
        answer(conflicts: 50)
        #expect(!pulse.hasConflict && self.problems(pulse, afterMicros: micros).isEmpty)
        // A newer file ends it at once.
        answer(conflicts: 51)
        #expect(pulse.hasConflict)
        snapshot.generation = 8
        answer(conflicts: 51)
        #expect(!pulse.hasConflict)
    }

    // MARK: Losses

    private static func changes(_ snapshots: [RoomSnapshot]) -> [LineChange?] {
        var pulse = RoomPulse()
        return snapshots.map { snapshot in
            pulse.answered(TickAnswer(snapshot: snapshot, events: 0), now: Self.after(0), wallMicros: Self.start).change
        }
    }

    /// Seen before: no line in any gateway's log.
    @Test func answered_lossOfTheSharedState_isToldOnce_withTheNumbersThatAreSkipped() throws {
        let before = RoomSnapshot.sample(issued: 90, serving: 60)
        var after = RoomSnapshot.sample(incarnation: 2, issued: 400_000, serving: 60)
        after.gaps = [70...75, 91...400_000]
        let changes = Self.changes([before, before, after, after])
        #expect(changes == [nil, nil, .goesOn(skipped: 91...400_000), nil])
        let text = try #require(changes[2]).message
        #expect(text.contains("from 91 to 400000 are skipped") && text.contains("keep their places and passes"))
        after.gaps = []
        after.issued = 90
        #expect(Self.changes([before, after]) == [nil, .goesOn(skipped: nil)])
        // Whoever comes after a loss has missed nothing.
        #expect(Self.changes([after]) == [nil])
    }

    @Test func answered_newLine_isToldAsAReset_orAsALoss() throws {
        let before = RoomSnapshot.sample(epoch: 5, issued: 90, serving: 60)
        var after = RoomSnapshot.sample(epoch: 9, issued: 3, serving: 0)
        #expect(Self.changes([before, after]) == [nil, .beganAnew(countsBefore: false)])
        after.older = [OlderLine(epoch: 5, issued: 90, serving: 60)]
        #expect(Self.changes([before, after]) == [nil, .beganAnew(countsBefore: true)])
        after.older = []
        after.voidBefore = 9
        #expect(Self.changes([before, after]) == [nil, .reset])
        #expect(LineChange.reset.message.contains("are void"))
    }

    @Test func problems_rateNotRenewed_isTheController() {
        var pulse = RoomPulse()
        var snapshot = RoomSnapshot.sample(issued: 0, serving: 0)
        snapshot.allowedMilli = 0
        snapshot.allowedUntilMicros = snapshot.nowMicros + 1
        _ = pulse.answered(self.answer(snapshot), now: Self.after(0), wallMicros: Self.start)
        #expect(self.problems(pulse) == [])
        snapshot.allowedUntilMicros = snapshot.nowMicros
        _ = pulse.answered(self.answer(snapshot), now: Self.after(0), wallMicros: Self.start)
        #expect(self.problems(pulse).count == 1 && self.problems(pulse)[0].contains("Look after the controller"))
    }
}
