import Primitives
import Rooms
import Testing

@Suite struct UnheardAdmissionsTests {
    private var unheard = UnheardAdmissions(most: 3)

    private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64((1_000 + seconds) * 1e9)) }
    private func key(_ number: Int64) -> LineKey { LineKey(epoch: 1, number: number) }

    private mutating func add(_ number: Int64, at seconds: Double = 0) {
        self.unheard.add(self.key(number), now: self.at(seconds))
    }

    private mutating func hears(_ number: Int64, at seconds: Double = 0) -> Bool {
        self.unheard.hears(self.key(number), now: self.at(seconds))
    }

    @Test mutating func hears_isTrueOnce() {
        self.add(1)
        self.add(1)
        let answers = [2, 1, 1].map { self.hears($0) }
        #expect(answers == [false, true, false])
    }

    @Test mutating func add_beyondTheLimit_forgetsTheOldestWhoHasNotHeard() {
        for number in 1...3 as ClosedRange<Int64> { self.add(number) }
        let first = self.hears(1)
        self.add(4)
        self.add(5)
        let (second, third) = (self.hears(2), self.hears(3))
        #expect(first && !second && third && self.unheard.count == 2)
        // However many have come and heard between.
        for number in 10...99 as ClosedRange<Int64> {
            self.add(number)
            let heard = self.hears(number)
            #expect(heard)
        }
        let rest = [self.hears(4), self.hears(5)]
        #expect(rest == [true, true] && self.unheard.count == 0)
    }

    /// Whoever has heard at another gateway is no newcomer here half a minute later.
    @Test mutating func hears_longAfterwards_isFalse() {
        self.add(1, at: 0)
        self.add(2, at: 20)
        let answers = [self.hears(1, at: 31), self.hears(2, at: 31)]
        #expect(answers == [false, true])
        self.add(1, at: 40)
        let again = self.hears(1, at: 41)
        #expect(again)
    }
}
