import Glibc
import Primitives
import Testing

@testable import RedisClient

/// Who waits for a node or for a slot to be moved, as a value.
@Suite(.timeLimit(.minutes(30))) struct ParkedCommandsTests {
    private static func command(_ number: Int) -> RedisCommand {
        RedisCommand(
            request: .words([.integer(Int64(number))]),
            completion: { _ in },
            deadline: Instant(nanoseconds: 0)
        )
    }

    private static func numbers(_ taken: [(command: RedisCommand, reason: RedisError)]) -> [Int] {
        taken.compactMap {
            guard case .words(let words) = $0.command.request, case .integer(let number) = words[0] else { return nil }
            return Int(number)
        }
    }

    /// Held against a plain list, at random.
    @Test func take_isWhatIsDue_inTheOrderOfComing() {
        var random = SplitMix64(seed: 11)
        var parked = ParkedCommands()
        var plain: [(number: Int, due: UInt64, waits: Bool)] = []
        var now: UInt64 = 0
        for number in 0..<3_000 {
            let (due, waits) = (now + UInt64.random(in: 0...500, using: &random), Bool.random(using: &random))
            parked.park(
                Self.command(number),
                until: Instant(nanoseconds: due),
                waitsForNode: waits,
                reason: .unavailable("")
            )
            plain.append((number, due, waits))
            if number % 7 == 0 {
                now += UInt64.random(in: 0...30, using: &random)
                let expected = plain.filter { $0.due <= now }.map(\.number)
                #expect(Self.numbers(parked.takeDue(now: Instant(nanoseconds: now))) == expected)
                plain.removeAll { $0.due <= now }
            }
            if number % 301 == 0 {
                let expected = plain.filter { $0.waits }.map(\.number)
                #expect(Self.numbers(parked.takeWaitingForNode()) == expected)
                plain.removeAll { $0.waits }
            }
            #expect(parked.next?.nanoseconds == plain.map(\.due).min())
            #expect(parked.count == plain.count)
        }
        #expect(Self.numbers(parked.takeAll()) == plain.map(\.number))
        #expect(parked.next == nil)
    }

    /// The client asks `next` after each. Looking through all of them for it, eight times as many cost sixty-four times
    /// as much. Beside other work such a ratio only errs upwards now and then, so one pair of three has to show it.
    @Test func park_manyAtOnce_costsLittleEach() {
        var seen: [String] = []
        for _ in 1...3 {
            let (few, many) = (Self.costOfParking(2_000), Self.costOfParking(16_000))
            if Double(many) <= 24 * Double(few) { return }
            seen.append("\(many) ns against \(few) ns")
        }
        Issue.record("more than 24 times as much: \(seen)")
    }

    /// Processor time of this thread, in nanoseconds.
    private static func costOfParking(_ count: Int) -> Int64 {
        func now() -> Int64 {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }
        var random = SplitMix64(seed: 12)
        var parked = ParkedCommands()
        let begin = now()
        for number in 0..<count {
            let due = Instant(nanoseconds: UInt64.random(in: 0...1_000_000, using: &random))
            parked.park(Self.command(number), until: due, waitsForNode: true, reason: .unavailable(""))
            #expect(parked.next.map { $0 <= due } == true)
        }
        var taken = 0
        while let next = parked.next { taken += parked.takeDue(now: next).count }
        #expect(taken == count)
        return now() - begin
    }

    @Test func mapNeed_old_lastsUntilAMapIsReadThatWasAskedForLater() {
        var need = MapNeed()
        need.asked()
        #expect(!need.asksNow)
        need.answered(withMap: true)
        need.isAmiss = false
        #expect(!need.isWanted)
        need.outdated()
        // A node became ready: nothing is amiss.
        need.isAmiss = false
        #expect(need.asksNow)
        need.asked()
        need.answered(withMap: false)
        #expect(need.asksNow)
        need.asked()
        // Another slot moved while the answer was on its way.
        need.outdated()
        need.answered(withMap: true)
        #expect(need.asksNow)
        need.asked()
        need.answered(withMap: true)
        #expect(!need.isWanted)
    }
}
