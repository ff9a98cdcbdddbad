import Primitives
import Testing

@testable import Admission

@Suite struct EventLogTests {
    /// Against the plainest list that does the same.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func events_anyHistory_areTheNewestOfEachVisitorInOrder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var log = EventLog()
        var model: [EventLog.Event] = []
        for number in 1...3_000 as ClosedRange<Int64> {
            let event = EventLog.Event(
                number: number,
                kind: random.next() % 2 == 0 ? .granted : .released,
                id: Int64(random.next() % 60)
            )
            log.append(event, keeping: 40)
            model.removeAll { $0.kind == event.kind && $0.id == event.id }
            model.append(event)
            model.removeAll { $0.number <= number - 40 }
            let seen = number - Int64(random.next() % 60)
            let told = log.after(seen, count: 25)
            #expect(told == Array(model.filter { $0.number > seen }.prefix(25)), "seed \(seed), number \(number)")
            #expect(!log.isEmpty)
        }
        #expect(EventLog().isEmpty && EventLog().after(0, count: 5).isEmpty)
    }
}
