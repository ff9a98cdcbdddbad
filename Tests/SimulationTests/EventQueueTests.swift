import Primitives
import Simulation
import Testing

@Suite struct EventQueueTests {
    /// Against a sorted list, over pauses of nanoseconds and of hours, with events that are put in while others happen.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func pop_anyHistory_isInOrderOfTimeAndOfPuttingIn(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var queue = EventQueue<Int>()
        var model: [(at: UInt64, event: Int)] = []
        var now: UInt64 = 900_000_000_000
        for event in 0..<5_000 {
            if random.next() % 3 > 0 || model.isEmpty {
                let spans: [UInt64] = [0, 1, 1_000, 1_000_000, 1_000_000_000, 200_000_000_000, 7_200_000_000_000]
                let at = now + random.next() % (spans[Int(random.next() % 7)] + 1)
                queue.push(event, at: Instant(nanoseconds: at))
                let index = model.firstIndex { $0.at > at } ?? model.count
                model.insert((at, event), at: index)
            } else {
                let expected = model.removeFirst()
                #expect(queue.nextAt()?.nanoseconds == expected.at, "seed \(seed)")
                let next = queue.pop()
                #expect(next?.at.nanoseconds == expected.at && next?.event == expected.event, "seed \(seed)")
                now = expected.at
                // To be asked for the next one must not keep what is put in before it from happening first.
                #expect(queue.nextAt()?.nanoseconds == model.first?.at, "seed \(seed)")
            }
            #expect(queue.count == model.count)
        }
        while let next = queue.pop() { #expect(next.event == model.removeFirst().event) }
        #expect(model.isEmpty && queue.nextAt() == nil)
    }

    @Test func push_intoThePast_happensNow() {
        var queue = EventQueue<String>()
        queue.push("late", at: Instant(nanoseconds: 5_000_000_000))
        #expect(queue.pop()?.event == "late")
        queue.push("past", at: Instant(nanoseconds: 4_000_000_000))
        queue.push("next", at: Instant(nanoseconds: 5_000_000_001))
        #expect(queue.pop()?.event == "past" && queue.pop()?.event == "next")
    }
}
