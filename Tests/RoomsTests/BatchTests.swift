import Testing

@testable import Rooms

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

    @Test func next_withAnOrder_givesTheFirstOfAllWhoWait() {
        var batch = Batch<Int>(largest: 3, goesFirst: <)
        for item in [9, 3, 7, 1] { batch.add(item) }
        #expect(batch.next() == [1, 3, 7])
        batch.add(2)
        batch.returned()
        #expect(batch.next() == [2, 9])
    }

    @Test func add_whatWaitsAlready_waitsOnce() {
        var batch = Batch<Int>(largest: 9)
        #expect(batch.add(1) == true)
        #expect(batch.add(1) == false)
        #expect(batch.next() == [1])
        #expect(batch.add(1) == true, "that it is on the way does not count: it may have changed since")
        batch.returned()
        #expect(batch.next() == [1])
    }

    @Test func add_full_isRefused() {
        var batch = Batch<Int>(largest: 9, mostWaiting: 2)
        #expect(batch.add(1) && batch.add(2) && batch.isFull)
        #expect(batch.add(3) == false)
        #expect(batch.next() == [1, 2])
        batch.returned()
        batch.add(4)
        batch.putBack([1, 2, 3])
        #expect(batch.next() == [3, 4], "what there is no room for is dropped, those that waited longest first")
    }

    @Test func putBack_goesBeforeWhatCameLater_andWaitsOnce() {
        var batch = Batch<Int>(largest: 2)
        for item in 1...4 { batch.add(item) }
        let failed = batch.next()!
        batch.add(2)
        batch.returned()
        batch.putBack(failed)
        #expect(batch.next() == [1, 3])
        batch.returned()
        #expect(batch.next() == [4, 2])
        var ordered = Batch<Int>(largest: 2, goesFirst: <)
        for item in [5, 6] { ordered.add(item) }
        _ = ordered.next()
        ordered.add(1)
        ordered.returned()
        ordered.putBack([5, 6])
        #expect(ordered.next() == [1, 5])
    }

    @Test func drop_andRemoveAll_leaveNothingBehind() {
        var batch = Batch<Int>(largest: 2)
        for item in 1...4 { batch.add(item) }
        batch.drop { $0 < 3 }
        #expect(batch.removeAll() == [3, 4])
        #expect(batch.next() == nil)
        #expect(batch.add(1) && batch.add(3), "what is gone may come again")
    }
}
