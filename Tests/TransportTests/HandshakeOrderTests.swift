import Primitives
import Testing

@testable import Transport

/// Whose handshake is done next, turn by turn. Those who wait are numbers.
@Suite struct HandshakeOrderTests {
    private static let millisecond = Nanoseconds.perMillisecond

    /// The order with a clock, and the turns that a loop would take.
    private struct Line {
        enum Outcome: Equatable { case served, dismissed, turnedAway, displaced }

        var order: HandshakeOrder<Int>
        var now = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))
        var places: [Int: HandshakePlace] = [:]
        var outcomes: [(number: Int, outcome: Outcome)] = []
        var mustTakeTurn = false

        init(_ change: (inout HandshakeRules) -> Void = { _ in }) {
            var rules = HandshakeRules()
            change(&rules)
            self.order = HandshakeOrder(rules: rules)
        }

        mutating func pass(_ nanoseconds: Int64) { self.now = self.now.advanced(byNanoseconds: nanoseconds) }

        mutating func arrive(_ number: Int) {
            switch self.order.arrive(number, now: self.now) {
            case .turnedAway: self.outcomes.append((number, .turnedAway))
            case .waits(let place, let mustCall, let displaced):
                #expect(mustCall == !self.mustTakeTurn, "a turn is called for once")
                self.mustTakeTurn = true
                self.places[number] = place
                if let displaced { self.end(displaced, .displaced) }
            }
        }

        mutating func leave(_ number: Int) {
            if let place = self.places.removeValue(forKey: number) { self.order.leave(place) }
        }

        /// One turn, in which each handshake takes so long. Returns whom it has served.
        @discardableResult
        mutating func turn(costNanoseconds: Int64 = millisecond) -> [Int] {
            var served: [Int] = []
            self.order.begin(now: self.now)
            while true {
                switch self.order.next(now: self.now) {
                case .serve(let number):
                    served.append(number)
                    self.end(number, .served)
                    self.pass(costNanoseconds)
                case .dismiss(let number): self.end(number, .dismissed)
                case .giveWay: return served
                case .rest:
                    self.mustTakeTurn = false
                    return served
                }
            }
        }

        private mutating func end(_ number: Int, _ outcome: Outcome) {
            #expect(self.places.removeValue(forKey: number) != nil, "\(number) does not wait")
            self.outcomes.append((number, outcome))
        }

        func numbers(_ outcome: Outcome) -> [Int] { self.outcomes.filter { $0.outcome == outcome }.map(\.number) }
    }

    // MARK: Turns

    @Test func few_areServedInTheOrderOfTheirComing_inOneTurn() {
        var line = Line()
        for number in 1...4 { line.arrive(number) }
        #expect(line.turn() == [1, 2, 3, 4])
        #expect(!line.mustTakeTurn && line.order.count == 0)
        line.arrive(5)
        #expect(line.mustTakeTurn)
        #expect(line.turn() == [5])
    }

    @Test func budget_usedUp_theRestWaitForTheNextTurn() {
        var line = Line { $0.budgetNanoseconds = 5 * Self.millisecond }
        for number in 1...7 { line.arrive(number) }
        // At 0, 2 and 4 ms there is time left.
        #expect(line.turn(costNanoseconds: 2 * Self.millisecond) == [1, 2, 3])
        #expect(line.mustTakeTurn)
        #expect(line.turn(costNanoseconds: 2 * Self.millisecond) == [4, 5, 6])
        #expect(line.turn(costNanoseconds: 2 * Self.millisecond) == [7])
        #expect(!line.mustTakeTurn)
    }

    @Test func handshakes_longerThanTheBudget_areDoneOneATurn() {
        var line = Line { $0.budgetNanoseconds = 0 }
        for number in 1...3 { line.arrive(number) }
        #expect(line.turn(costNanoseconds: 20 * Self.millisecond) == [1])
        #expect(line.turn(costNanoseconds: 20 * Self.millisecond) == [2])
        #expect(line.turn(costNanoseconds: 20 * Self.millisecond) == [3])
    }

    // MARK: Who goes first

    @Test func oldestHasWaitedTooLong_newestGoFirst_untilTheOldOnesAreGone() {
        var line = Line {
            $0.patienceNanoseconds = 100 * Self.millisecond
            $0.budgetNanoseconds = 2 * Self.millisecond
        }
        for number in 1...3 { line.arrive(number) }
        line.pass(99 * Self.millisecond)
        #expect(line.turn(costNanoseconds: 2 * Self.millisecond) == [1])
        for number in 4...5 { line.arrive(number) }
        #expect(line.turn() == [5, 4])
        #expect(line.turn() == [3, 2])
        for number in 6...7 { line.arrive(number) }
        #expect(line.turn() == [6, 7])
    }

    @Test func tooLate_isDismissedUnserved() {
        var line = Line { $0.timeoutNanoseconds = 500 * Self.millisecond }
        line.arrive(1)
        line.pass(200 * Self.millisecond)
        line.arrive(2)
        line.pass(300 * Self.millisecond)
        #expect(line.turn() == [2])
        #expect(line.numbers(.dismissed) == [1])
    }

    /// To dismiss takes time as well, and those who are connected do not wait for it.
    @Test func manyTooLate_areDismissedOverSeveralTurns_andNobodyOfThemIsServed() {
        var order = HandshakeOrder<Int>(rules: HandshakeRules(timeoutNanoseconds: 0))
        var now = Instant(nanoseconds: 0)
        for number in 0..<10 { _ = order.arrive(number, now: now) }
        var turns = 0
        var dismissed: [Int] = []
        repeat {
            turns += 1
            order.begin(now: now)
            turn: while true {
                switch order.next(now: now) {
                case .serve(let number): Issue.record("\(number) was served")
                case .dismiss(let number): dismissed.append(number)
                case .giveWay, .rest: break turn
                }
                now = now.advanced(byNanoseconds: Self.millisecond)
            }
        } while order.count > 0 && turns < 100
        #expect(dismissed == Array(0..<10) && turns == 2)
    }

    // MARK: The limit

    @Test func full_newcomerIsTurnedAway() {
        var line = Line { $0.waitingMax = 2 }
        for number in 1...3 { line.arrive(number) }
        #expect(line.numbers(.turnedAway) == [3])
        #expect(line.turn() == [1, 2])
    }

    /// Whoever would have the last turn makes room: the newcomer would have the next one.
    @Test func full_whileTheNewestGoFirst_theOldestMakesRoom() {
        var line = Line {
            $0.waitingMax = 2
            $0.patienceNanoseconds = 100 * Self.millisecond
        }
        for number in 1...2 { line.arrive(number) }
        line.pass(100 * Self.millisecond)
        line.arrive(3)
        #expect(line.numbers(.displaced) == [1])
        #expect(line.turn() == [3, 2])
    }

    @Test func limit_lowered_sendsNobodyAwayWhoWaits() {
        var line = Line()
        for number in 1...4 { line.arrive(number) }
        line.order.rules.waitingMax = 2
        line.arrive(5)
        #expect(line.numbers(.turnedAway) == [5])
        #expect(line.turn() == [1, 2, 3, 4])
    }

    // MARK: Leaving

    @Test(arguments: [[1], [2], [3], [1, 2], [2, 3], [3, 1], [1, 2, 3]])
    func left_isNotServed_andOthersKeepTheirOrder(leaving: [Int]) {
        var line = Line()
        for number in 1...3 { line.arrive(number) }
        for number in leaving { line.leave(number) }
        line.arrive(4)
        #expect(line.turn() == [1, 2, 3, 4].filter { !leaving.contains($0) })
    }

    // MARK: Any history

    /// Whatever comes, leaves and costs: the line is bounded, everybody has one end, and those who are served are served in
    /// the order that the rules give.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func anyHistory_boundedAndEverybodyEndsOnce(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let limit = Int.random(in: 1...12, using: &random)
        var line = Line {
            $0.waitingMax = limit
            $0.patienceNanoseconds = 20 * Self.millisecond
            $0.timeoutNanoseconds = 60 * Self.millisecond
        }
        var came: [Int: Instant] = [:]
        var left: Set<Int> = []
        for number in 0..<400 {
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                line.pass(Int64.random(in: 0...8, using: &random) * Self.millisecond)
                if line.mustTakeTurn {
                    Self.check(&line, came, cost: Int64.random(in: 0...7, using: &random) * Self.millisecond)
                }
            }
            came[number] = line.now
            line.arrive(number)
            #expect(line.order.count <= limit && line.order.count == line.places.count)
            guard Int.random(in: 0..<4, using: &random) == 0 else { continue }
            if let one = line.places.keys.sorted().randomElement(using: &random) {
                line.leave(one)
                left.insert(one)
            }
        }
        while line.mustTakeTurn { line.turn() }
        #expect(line.order.count == 0 && line.places.isEmpty)
        #expect(line.outcomes.count + left.count == 400)
        #expect(Set(line.outcomes.map(\.number)).union(left).count == 400)
    }

    /// One turn, of which the first one who is served is known beforehand.
    private static func check(_ line: inout Line, _ came: [Int: Instant], cost: Int64) {
        let rules = line.order.rules
        let inTime = line.places.keys.sorted().filter {
            line.now.nanoseconds(since: came[$0]!) < rules.timeoutNanoseconds
        }
        let isBehind = inTime.first.map { line.now.nanoseconds(since: came[$0]!) >= rules.patienceNanoseconds } ?? false
        let served = line.turn(costNanoseconds: cost)
        #expect(served.first == (isBehind ? inTime.last : inTime.first))
        #expect(inTime.isEmpty == served.isEmpty, "somebody is served in each turn")
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func lightLoad_firstComeFirstServed_andNobodyIsDismissed(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var line = Line()
        // Bursts of up to 50, each done in less time than the next one takes to come.
        for burst in 0..<40 {
            for number in 0..<Int.random(in: 1...50, using: &random) { line.arrive(burst * 100 + number) }
            while line.mustTakeTurn { line.turn() }
            line.pass(Int64.random(in: 0...100, using: &random) * Self.millisecond)
        }
        let served = line.numbers(.served)
        #expect(served == served.sorted() && served.count == line.outcomes.count)
    }

    /// Four times as many as can be served, for ten seconds: as many are served as there is time for, nearly all of them
    /// at once, and who comes after it is served at once.
    @Test func overload_goodputStays_andEndsWithTheOverload() {
        let cost = 3 * Self.millisecond
        var line = Line { $0.waitingMax = 2_048 }
        let begin = line.now
        var came: [Int: Instant] = [:]
        var waits: [Int64] = []
        func take(_ line: inout Line) {
            let before = line.now
            for number in line.turn(costNanoseconds: cost) { waits.append(before.nanoseconds(since: came[number]!)) }
        }
        while line.now.nanoseconds(since: begin) < 10 * Nanoseconds.perSecond {
            let due = Int(4 * line.now.nanoseconds(since: begin) / cost)
            for number in came.count...max(came.count, due) {
                came[number] = line.now
                line.arrive(number)
            }
            take(&line)
        }
        let possible = Int(10 * Nanoseconds.perSecond / cost)
        let patient = waits.count { $0 <= line.order.rules.patienceNanoseconds }
        #expect(patient >= possible * 99 / 100)
        #expect(waits.count { $0 <= 20 * Self.millisecond } >= possible / 2)
        #expect(line.order.count > 500, "those for whom there was no time still wait")
        let newcomer = came.count
        came[newcomer] = line.now
        line.arrive(newcomer)
        #expect(line.turn(costNanoseconds: cost).first == newcomer)
        while line.mustTakeTurn { line.turn(costNanoseconds: cost) }
        #expect(line.now.nanoseconds(since: begin) <= 15 * Nanoseconds.perSecond + cost)
    }
}
