import Primitives
import Testing

@testable import Rooms

@Suite struct DoorQueueTests {
    private let now = Instant(nanoseconds: 1_000_000)

    private func key(_ number: Int64) -> LineKey { LineKey(epoch: 7, number: number) }
    private func keys(_ numbers: [Int64]) -> [LineKey] { numbers.map(self.key) }

    private func door(_ numbers: [Int64], largest: Int = 10) -> DoorQueue<String> {
        var door = DoorQueue<String>(largestBatch: largest)
        for number in numbers { _ = door.add("v\(number)", for: self.key(number), deadline: self.now) }
        return door
    }

    @Test func nextBatch_severalNumbers_lowestFirstAndOnce() {
        var door = self.door([9, 3, 7, 1], largest: 3)
        #expect(door.nextBatch() == self.keys([1, 3, 7]))
        #expect(door.nextBatch() == nil, "one call on the way at a time")
        door.returned(self.keys([1, 3, 7]), isAnswered: true)
        #expect(door.nextBatch() == self.keys([9]))
        #expect(door.count == 4)
    }

    /// Twenty thousand at the door cost nothing on a tick that changes nothing.
    @Test func nextBatch_whoStandsAlready_isNotToldAgain() {
        var door = self.door([1, 2])
        #expect(door.nextBatch() == self.keys([1, 2]))
        door.returned(self.keys([1, 2]), isAnswered: true)
        for _ in 0..<5 {
            door.askAgain()
            #expect(door.nextBatch() == nil)
        }
        _ = door.add("late", for: self.key(3), deadline: self.now)
        #expect(door.nextBatch() == self.keys([3]), "only who is new")
    }

    /// What a tick costs does not grow with those who stand: a thousand times as many take less than fifty times as long.
    @Test func tick_manyStand_costsWhatHasChanged() {
        func duration(standing: Int64) -> Duration {
            var door = DoorQueue<Int64>(largestBatch: 1_000)
            let later = self.now.advanced(byNanoseconds: 1_000_000_000)
            for number in 1...standing { _ = door.add(number, for: self.key(number), deadline: later) }
            while let batch = door.nextBatch() { door.returned(batch, isAnswered: true) }
            return ContinuousClock().measure {
                for _ in 0..<2_000 {
                    #expect(door.expire(now: self.now).isEmpty)
                    door.askAgain()
                    #expect(door.nextBatch() == nil)
                }
            }
        }
        let few = duration(standing: 20)
        #expect(duration(standing: 20_000) < few * 50)
    }

    @Test func returned_withoutAnAnswer_asksAgainWithTheNextTick() {
        var door = self.door([1, 2])
        _ = door.nextBatch()
        door.returned(self.keys([1, 2]), isAnswered: false)
        #expect(door.nextBatch() == nil, "not at once")
        door.askAgain()
        #expect(door.nextBatch() == self.keys([1, 2]))
    }

    @Test func askAllAgain_theStateHasForgotten_everybodyIsTold() {
        var door = self.door([1, 2])
        _ = door.nextBatch()
        door.returned(self.keys([1, 2]), isAnswered: true)
        _ = door.add("v3", for: self.key(3), deadline: self.now)
        door.askAllAgain()
        #expect(door.nextBatch() == self.keys([1, 2, 3]))
    }

    /// The answer comes after the news of the loss, but the call may have gone before it.
    @Test func askAllAgain_onTheWay_isToldAgainWhenTheCallIsBack() {
        var door = self.door([1, 2, 3], largest: 2)
        #expect(door.nextBatch() == self.keys([1, 2]))
        door.askAllAgain()
        door.returned(self.keys([1, 2]), isAnswered: true)
        #expect(door.nextBatch() == self.keys([1, 2]), "lowest first, as ever")
        door.returned(self.keys([1, 2]), isAnswered: true)
        #expect(door.nextBatch() == self.keys([3]))
        door.returned(self.keys([3]), isAnswered: true)
        #expect(door.nextBatch() == nil, "once")
    }

    @Test func askAllAgain_onTheWayWithoutAnAnswer_isToldOnceWithTheNextTick() {
        var door = self.door([1])
        #expect(door.nextBatch() == self.keys([1]))
        door.askAllAgain()
        door.returned(self.keys([1]), isAnswered: false)
        #expect(door.nextBatch() == nil, "not at once")
        door.askAgain()
        #expect(door.nextBatch() == self.keys([1]))
        door.returned(self.keys([1]), isAnswered: true)
        #expect(door.nextBatch() == nil)
    }

    @Test func remove_andComeAgainWhileOnTheWay_hasAQuestionOfItsOwn() {
        var door = DoorQueue<String>(largestBatch: 10)
        let ticket = door.add("first", for: self.key(1), deadline: self.now)
        #expect(door.nextBatch() == self.keys([1]))
        #expect(door.remove(ticket: ticket, of: self.key(1)) == true)
        _ = door.add("second", for: self.key(1), deadline: self.now)
        door.returned(self.keys([1]), isAnswered: true)
        #expect(door.nextBatch() == self.keys([1]))
    }

    @Test func take_severalRequestsOfOneVisitor_givesAllAndCountsRequests() {
        var door = DoorQueue<String>(largestBatch: 10)
        _ = door.add("first", for: self.key(5), deadline: self.now)
        _ = door.add("second", for: self.key(5), deadline: self.now)
        #expect(door.count == 2 && door.numbers == 1, "requests are counted, not numbers")
        #expect(door.nextBatch() == self.keys([5]))
        #expect(door.take(self.key(5)) == ["first", "second"])
        #expect(door.count == 0 && !door.contains(self.key(5)))
        #expect(door.take(self.key(5)) == [])
    }

    @Test func remove_oneOfTwoRequests_theNumberStays() {
        var door = DoorQueue<String>(largestBatch: 10)
        let first = door.add("first", for: self.key(5), deadline: self.now)
        let second = door.add("second", for: self.key(5), deadline: self.now)
        #expect(door.remove(ticket: 99, of: self.key(5)) == false)
        #expect(door.remove(ticket: first, of: self.key(5)) == false)
        #expect(door.contains(self.key(5)) && door.count == 1)
        #expect(door.remove(ticket: second, of: self.key(5)) == true)
        #expect(door.count == 0 && door.nextBatch() == nil)
    }

    @Test func expire_timeIsOver_notWhileAnAnswerIsOnTheWay() {
        var door = DoorQueue<String>(largestBatch: 2)
        let later = self.now.advanced(byNanoseconds: 1_000)
        for (number, deadline) in [(1, self.now), (3, self.now), (2, later)] as [(Int64, Instant)] {
            _ = door.add("v", for: self.key(number), deadline: deadline)
        }
        #expect(door.nextBatch() == self.keys([1, 2]))
        #expect(door.expire(now: self.now).map(\.key.number) == [3], "the answer on the way may let the other in")
        door.returned(self.keys([1, 2]), isAnswered: true)
        #expect(door.expire(now: self.now).map(\.key.number) == [1])
        #expect(door.expire(now: later).map(\.key.number) == [2])
        #expect(door.count == 0 && door.nextBatch() == nil)
    }

    @Test func expire_whoCameAgain_hasATimeOfHisOwn() {
        var door = DoorQueue<String>(largestBatch: 2)
        let ticket = door.add("v", for: self.key(1), deadline: self.now)
        _ = door.remove(ticket: ticket, of: self.key(1))
        let later = self.now.advanced(byNanoseconds: 1_000)
        _ = door.add("v", for: self.key(1), deadline: later)
        #expect(door.expire(now: self.now).isEmpty)
        #expect(door.expire(now: later).map(\.key.number) == [1])
    }

    @Test func removeAll_roomIsDissolved_givesEverybodyInOrder() {
        var door = self.door([4, 2, 3, 1])
        #expect(door.removeAll().map(\.key.number) == [1, 2, 3, 4])
        #expect(door.count == 0 && door.nextBatch() == nil)
    }
}
