import Testing

@testable import Gateway

@Suite struct BatchTests {
    @Test func next_oneCallOnTheWayAtATime() {
        var batch = Batch<Int>(largest: 3)
        for item in 1...5 { batch.add(item) }
        #expect(batch.next() == [1, 2, 3])
        batch.add(6)
        #expect(batch.next() == nil, "what comes meanwhile makes up the next call")
        batch.returned()
        #expect(batch.next() == [4, 5, 6])
        batch.returned()
        #expect(batch.next() == nil && !batch.isOnTheWay)
    }

    @Test func next_whatIsNotWantedAnyMore_isDropped() {
        var batch = Batch<Int>(largest: 2)
        for item in 1...6 { batch.add(item) }
        #expect(batch.next(isStillWanted: { $0 % 2 == 0 }) == [2, 4])
        batch.returned()
        #expect(batch.next(isStillWanted: { _ in false }) == nil)
        #expect(batch.count == 0 && !batch.isOnTheWay, "an empty call is not made")
    }

    @Test func drop_andRemoveAll_leaveNothingBehind() {
        var batch = Batch<Int>(largest: 2)
        for item in 1...4 { batch.add(item) }
        batch.drop { $0 < 3 }
        #expect(batch.removeAll() == [3, 4])
        #expect(batch.next() == nil)
    }
}
