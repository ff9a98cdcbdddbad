import Primitives
import Testing

@testable import Gateway

@Suite struct WaitingLineTests {
    private func time(_ value: UInt64) -> Instant { Instant(nanoseconds: value) }

    @Test func popFirst_inOrder_leaversArePassedOver() {
        var line = WaitingLine<String>()
        let tickets = ["a", "b", "c"].map { line.add($0, deadline: self.time(10)) }
        #expect(line.remove(ticket: tickets[0]) == "a")
        #expect(line.remove(ticket: tickets[0]) == nil, "nobody leaves twice")
        #expect(line.count == 2)
        #expect(line.popFirst() == "b")
        #expect(line.remove(ticket: tickets[1]) == nil, "had its turn")
        #expect(line.popFirst() == "c")
        #expect(line.popFirst() == nil && line.isEmpty)
    }

    @Test func withFirst_changesTheFirstWhoStays() {
        var line = WaitingLine<Int>()
        let first = line.add(1, deadline: self.time(10))
        _ = line.add(2, deadline: self.time(10))
        _ = line.remove(ticket: first)
        #expect(line.withFirst { $0 += 10 } != nil)
        #expect(line.popFirst() == 12)
        #expect(line.withFirst { $0 } == nil)
    }

    @Test func expire_deadlinesInAnyOrder_nextIsTheEarliestOfTheRest() {
        var line = WaitingLine<String>()
        for (name, deadline) in [("a", 30), ("b", 10), ("c", 20)] as [(String, UInt64)] {
            _ = line.add(name, deadline: self.time(deadline))
        }
        var result = line.expire(now: self.time(10))
        #expect(result.expired == ["b"] && result.next == self.time(20))
        result = line.expire(now: self.time(40))
        #expect(result.expired == ["a", "c"] && result.next == nil)
        #expect(line.isEmpty)
    }

    /// A pool without workers: whoever comes is told after a while, and nothing of the line is left.
    @Test func expired_leaveNoTicketBehind() {
        var line = WaitingLine<Int>()
        for index in 0..<1_000 { _ = line.add(index, deadline: self.time(UInt64(index))) }
        #expect(line.expire(now: self.time(499)).expired.count == 500)
        #expect(line.heldTickets == 500 && line.count == 500)
        #expect(line.expire(now: self.time(2_000)).next == nil)
        #expect(line.heldTickets == 0)
    }

    /// Clients that come and go leave nothing behind, however long the first one waits.
    @Test func leavers_areSweptOut() {
        var line = WaitingLine<Int>()
        _ = line.add(0, deadline: self.time(1))
        for index in 1...10_000 {
            let ticket = line.add(index, deadline: self.time(1))
            #expect(line.remove(ticket: ticket) == index)
        }
        #expect(line.count == 1 && line.heldTickets < 100)
        #expect(line.removeAll() == [0])
    }
}
