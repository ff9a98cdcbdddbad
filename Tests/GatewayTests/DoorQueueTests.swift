import Primitives
import Testing

@testable import Gateway

@Suite struct DoorQueueTests {
    private let now = Instant(nanoseconds: 1_000_000)

    @Test func nextBatch_severalNumbers_lowestFirstAndOnce() {
        var door = DoorQueue<String>()
        for number in [9, 3, 7, 1] as [Int64] { _ = door.add("v\(number)", number: number, deadline: self.now) }
        #expect(door.nextBatch(limit: 3) == [1, 3, 7])
        #expect(door.nextBatch(limit: 3) == [9])
        #expect(door.nextBatch(limit: 3) == [])
        #expect(door.count == 4)
    }

    @Test func askAgain_onlyAfterTheAnswer() {
        var door = DoorQueue<String>()
        for number in [1, 2] as [Int64] { _ = door.add("v", number: number, deadline: self.now) }
        #expect(door.nextBatch(limit: 10) == [1, 2])
        // On the way: asking twice would count twice.
        door.askAgain()
        #expect(door.nextBatch(limit: 10) == [])
        door.markAsked([1, 2])
        door.askAgain()
        #expect(door.nextBatch(limit: 10) == [1, 2])
    }

    @Test func take_severalRequestsOfOneVisitor_givesAllAndCountsRequests() {
        var door = DoorQueue<String>()
        _ = door.add("first", number: 5, deadline: self.now)
        _ = door.add("second", number: 5, deadline: self.now)
        #expect(door.count == 2, "requests are counted, not numbers")
        #expect(door.nextBatch(limit: 10) == [5])
        #expect(door.take(5) == ["first", "second"])
        #expect(door.count == 0 && !door.contains(5))
        #expect(door.take(5) == [])
    }

    @Test func remove_oneOfTwoRequests_theNumberStays() {
        var door = DoorQueue<String>()
        let first = door.add("first", number: 5, deadline: self.now)
        let second = door.add("second", number: 5, deadline: self.now)
        #expect(door.remove(ticket: 99, number: 5) == false)
        #expect(door.remove(ticket: first, number: 5) == false)
        #expect(door.contains(5) && door.count == 1)
        #expect(door.remove(ticket: second, number: 5) == true)
        #expect(door.count == 0 && door.nextBatch(limit: 10) == [])
    }

    @Test func expire_timeIsOver_onlyThoseWhoWereAnswered() {
        var door = DoorQueue<String>()
        let later = self.now.advanced(byNanoseconds: 1_000)
        for (number, deadline) in [(1, self.now), (2, later), (3, self.now)] as [(Int64, Instant)] {
            _ = door.add("v", number: number, deadline: deadline)
        }
        #expect(door.nextBatch(limit: 2) == [1, 2])
        #expect(door.expire(now: self.now).count == 0, "an answer is on the way, and may let them in")
        door.markAsked([1, 2])
        #expect(door.expire(now: self.now).map(\.number) == [1])
        #expect(door.expire(now: later).map(\.number) == [2])
        // Never asked: the question is still due.
        #expect(door.nextBatch(limit: 10) == [3])
    }

    @Test func removeAll_roomIsDissolved_givesEverybodyInOrder() {
        var door = DoorQueue<String>()
        for number in [4, 2, 3, 1] as [Int64] { _ = door.add("v\(number)", number: number, deadline: self.now) }
        #expect(door.removeAll().map(\.number) == [1, 2, 3, 4])
        #expect(door.count == 0 && door.nextBatch(limit: 10) == [])
    }
}
